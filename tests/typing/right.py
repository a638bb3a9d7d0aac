"""Services as users write them: everything here must type-check."""

from typing import Annotated, assert_type

from pydantic import Field

import ekiben


@ekiben.service
class Bare:
    """Decorated without parentheses."""

    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2

    @ekiben.api
    async def later(self, text: str = Field(description="some text")) -> list[str]:
        return [text]


@ekiben.service(
    name="named",
    traffic={"timeout": 5, "max_concurrency": None},
    resources={"cpu": "500m", "memory": "1Gi"},
    http={"port": 3001, "cors": {"access_control_allow_origins": ["https://example.org"]}},
    envs=[{"name": "TOKEN"}],
    metrics={"duration": {"buckets": [0.1, 1]}},
)
class Named:
    """Decorated with options."""

    bare = ekiben.depends(Bare)
    far = ekiben.depends(url="http://localhost:3002")

    def __init__(self) -> None:
        self.number = 1

    @ekiben.on_startup
    def begin(self) -> None:
        self.number = 2

    @ekiben.on_deployment
    @staticmethod
    def prepare() -> None:
        """Do nothing."""

    @ekiben.api(route="/run", batchable=True, batch_dim=(0, 1), max_batch_size=8)
    def run(self, numbers: Annotated[list[int], Field(max_length=9)]) -> list[int]:
        return [self.bare.double(number) for number in numbers]

    @ekiben.api(timeout=1.5)
    def visit(self, ctx: ekiben.Context) -> str:
        ctx.response.status_code = 201
        return str(ctx.temp_dir)


class Child(Named):
    """Inherits like from any class."""


async def check() -> None:
    """Say what the types are."""
    assert_type(Bare(), Bare)
    assert_type(Named().bare, Bare)
    assert_type(Named().bare.double(1), int)
    assert_type(await Bare().later("a"), list[str])
    assert_type(Named().run([1]), list[int])
    assert_type(Child().number, int)
    Named().far.anything(1)
