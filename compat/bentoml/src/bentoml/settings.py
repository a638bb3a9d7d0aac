"""Name a file of settings from Python, as the variable BENTOML_CONFIG does.

In: a file, and values over it. Out: variables of this process, for every service that it loads or starts from then on.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bentoml.configuration.documents import FILE, OVERRIDES, read_documents
from ekiben.core.errors import ConfigError

__all__ = ["load_config"]


def load_config(path: str | os.PathLike[str], override_defaults: Mapping[str, Any] | None = None) -> None:
    """Let services that are loaded from now on heed a file of BentoML's settings.

    Args:
        path: a file of version 0, 1 or 2.
        override_defaults: values that stand over those of the file.

    Raises:
        ConfigError: the file is not there, or is none.
    """
    told = {FILE: str(Path(path).expanduser().absolute())}
    if override_defaults is not None:
        try:
            told[OVERRIDES] = json.dumps(dict(override_defaults))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"`override_defaults` must hold what JSON has: {error}") from error
    read_documents({**os.environ, **told})
    os.environ.update(told)
