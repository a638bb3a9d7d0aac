"""Say which release of BentoML this drop-in stands for; a setting of the build.

In: `BENTOML_RELEASE`, or the release that the documents pin. Out: `1.4.17+ekiben`, which a pin of `bentoml==1.4.17`
accepts and prefers, since a local version sorts after the plain one.
Source: PEP 440, local version identifiers.
"""

import os

__version__ = os.environ.get("BENTOML_RELEASE", "1.4.17") + "+ekiben"
