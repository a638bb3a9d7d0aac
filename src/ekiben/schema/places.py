"""Settle which arguments of an endpoint stand in its URL.

In: a route, a method and a signature. Out: the names of the parameters that come by path or query; the rest is body.
Source: RFC 3986, 3.3 and 3.4; OpenAPI 3.1, Parameter Object.
"""

import re
from dataclasses import replace

from ekiben.core.errors import ConfigError
from ekiben.schema.forms import form_of
from ekiben.schema.hints import leaves
from ekiben.schema.signature import Parameter, Signature, spell

BODILESS = ("GET", "DELETE")  # methods whose arguments all stand in the URL
SEGMENT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(route: str) -> tuple[str, ...]:
    """Give the names of a route's parameters, in order."""
    found = [SEGMENT.fullmatch(segment) for segment in route.split("/")]
    return tuple(match[1] for match in found if match)


def place(signature: Signature, route: str, method: str, where: str) -> Signature:
    """Say in a signature which of its parameters stand in the URL.

    Raises:
        ConfigError: the route names what is no parameter, or a parameter cannot be written in a URL.
    """
    path = names_in(route)
    if not path and method not in BODILESS:
        return signature
    if signature.is_root or signature.whole is not None:
        what = "takes its body whole" if signature.is_root else "has an `input_spec`"
        raise ConfigError(f"{where} {what}, so that no argument can stand in its URL: {method} {route}")
    known = {parameter.name: parameter for parameter in signature.parameters}
    for name in path:
        if name not in known:
            raise ConfigError(f"the route of {where} names `{name}`, which is no parameter of it: {route}")
        check(known[name], f"{where}", in_path=True)
    query = tuple(name for name in known if name not in path) if method in BODILESS else ()
    for name in query:
        check(known[name], f"{where}", in_path=False)
    return replace(signature, in_path=path, in_query=query, has_body=method not in BODILESS)


def check(parameter: Parameter, where: str, *, in_path: bool) -> None:
    """Hold a parameter to what a URL can carry: scalars; lists in a query."""
    form = form_of(parameter.hint)
    is_fit = form.takes in ("text", "any") and not parameter.stars and not any(leaves(parameter.hint))
    if is_fit and not (in_path and form.is_list):
        return
    place = "the path" if in_path else "a query"
    kinds = "a text, a number or a date" if in_path else "a text, a number, a date, or a list of them"
    raise ConfigError(
        f"parameter `{parameter.name}` of {where} stands in {place} and must be {kinds}: {spell(parameter.hint)}",
        hint='take it in the body of a `method="POST"`',
    )
