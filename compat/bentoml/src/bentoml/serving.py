"""Start a server from Python, in BentoML's home."""

from bentoml.front import entered
from ekiben.tools.serving import serve as ekiben_serve

__all__ = ["serve"]

serve = entered(ekiben_serve)
