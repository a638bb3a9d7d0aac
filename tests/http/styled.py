"""One service in the styles of several dialects."""

import asyncio
from dataclasses import replace

import ekiben
from ekiben.core.spec import BoundService, EndpointSpec, Style
from ekiben.exceptions import Overloaded, Unprocessable
from tests.http.within import bound


class Own(Unprocessable):
    """An error of the user's; `UnsupportedMediaType` is also the name of one of ours."""


Own.__name__ = "UnsupportedMediaType"
RAISED: dict[str, Exception] = {
    "own": Own("not this one"),
    "full": Overloaded("too many wait", retry_after=3),
    "bug": ValueError("the password is 12345"),
}


@ekiben.service(name="Odd-1")
class Odd:
    """Is called, fails and is late."""

    @ekiben.api
    def add(self, a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    @ekiben.api
    def fail(self, how: str) -> float:
        """Raise, or give NaN."""
        if how == "nan":
            return float("nan")
        raise RAISED[how]

    @ekiben.api(timeout=0.2)
    async def late(self) -> None:
        """Never answer in time."""
        await asyncio.sleep(60)


class Styled:
    """The service in a style.

    Args:
        name: of this object in its module.
        style: what it shows.
    """

    def __init__(self, name: str, style: Style) -> None:
        self.name = name
        self.style = style

    def __ekiben_service__(self) -> BoundService:
        """Bind it; GET is taken beside POST, with a body."""
        endpoints = tuple(both(each) for each in bound(Odd).spec.endpoints)
        return replace(bound(Odd, style=self.style, endpoints=endpoints), origin=f"{__name__}:{self.name}")


def both(endpoint: EndpointSpec) -> EndpointSpec:
    """Let an endpoint be asked by GET too."""
    return replace(endpoint, methods=("POST", "GET"))


OBJECT = Styled(
    "OBJECT", Style(error_style="object", error_statuses=(("WrongState", 400),), server_header="own/{service}")
)
STRING = Styled(
    "STRING",
    Style(
        error_style="string",
        error_prefix="refused: ",
        error_statuses=(("UnsupportedMediaType", 400),),
        nan_style="literal",
        request_id_header="X-Own-Id",
    ),
)
TEXT = Styled(
    "TEXT",
    Style(
        error_style="text",
        error_statuses=(("UnsupportedMediaType", 400), ("DeadlineExceeded", 408), ("Overloaded", 429)),
        nan_style="literal",
        metrics_prefix="OWN_{service}",
        metrics_labels=(("kind", "of {service}"),),
        default_port=5000,
        unbuilt="None",
    ),
)
