"""Let a WSGI app be served beside ASGI ones.

In: a WSGI app, such as Flask's. Out: an ASGI app that runs it on threads.
Source: PEP 3333; the library a2wsgi, which does the work.
"""

from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import need


def as_asgi(app: Any) -> Any:
    """Wrap a WSGI app; raises MissingLibrary without a2wsgi."""
    if not callable(app):
        raise ConfigError(f"a WSGI app must be callable: {app!r}", hint="give the app itself, such as `Flask(…)`")
    return need("a2wsgi", "a WSGI app").WSGIMiddleware(app)
