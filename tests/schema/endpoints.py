"""Functions with one parameter, made from a hint, as the tests of this wing need them by the dozen."""

from typing import Any

from ekiben.core.spec import Style
from ekiben.schema.codec import Codec, plan
from ekiben.schema.signature import Signature, read


def signature_of(hint: Any, returns: Any = None, *, default: Any = ..., root: bool = False) -> Signature:
    """Read a function that takes `x` of *hint* and returns *returns*."""
    if root:

        def function(self: Any, x: Any, /) -> Any: ...

    else:

        def function(self: Any, x: Any) -> Any: ...

    function.__annotations__ = {"x": hint} | ({} if returns is None else {"return": returns})
    if default is not ...:
        function.__defaults__ = (default,)
    return read(function)


def codec_of(hint: Any, returns: Any = None, *, default: Any = ..., root: bool = False, nan: str = "null") -> Codec:
    """Plan the codec of such a function; it returns what it takes where nothing else is said."""
    returns = hint if returns is None else returns
    return plan(signature_of(hint, returns, default=default, root=root), Style(nan_style=nan))
