# Shows: Context: request, cookies, headers, status, state, temporary folder, background work; errors.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import bentoml
from bentoml.exceptions import BadInput, BentoMLException
from pydantic import BaseModel


class Teapot(BentoMLException):
    error_code = HTTPStatus.IM_A_TEAPOT


class Basket(BaseModel):
    items: list[str] = []
    total: int = 0


DONE: list[str] = []


@bentoml.service(name="shop_session", workers=1, traffic={"timeout": 30, "max_concurrency": 16})
class Session:
    baskets: dict[str, Basket]

    def __init__(self) -> None:
        self.baskets = {}

    @bentoml.api
    def add(self, item: str, count: int = 1, *, ctx: bentoml.Context) -> Basket:
        user = ctx.request.cookies.get("user", "nobody")
        basket = self.baskets.setdefault(user, Basket())
        basket.items.extend([item] * count)
        basket.total = len(basket.items)
        ctx.response.set_cookie("user", user, max_age=3600)
        ctx.response.headers["X-Items"] = str(basket.total)
        if basket.total > 3:
            ctx.response.status_code = 202
        return basket

    @bentoml.api(route="/v1/who-am-i")
    async def who(self, ctx: bentoml.Context) -> dict:
        return {
            "agent": ctx.request.headers.get("x-agent", ""),
            "page": ctx.request.query_params.get("page"),
            "path": ctx.request.url.path,
        }

    @bentoml.api
    def print_receipt(self, lines: list[str], ctx: bentoml.Context) -> Path:
        receipt = Path(ctx.temp_dir) / "receipt.txt"
        receipt.write_text("\n".join(lines))
        return receipt

    @bentoml.api
    def later(self, word: str, ctx: bentoml.Context) -> str:
        ctx.response.background.add_task(DONE.append, word)
        return "soon"

    @bentoml.api
    def done(self) -> list[str]:
        return DONE

    @bentoml.api
    def brew(self, drink: str) -> str:
        if drink == "coffee":
            raise Teapot("I am a teapot")
        if not drink:
            raise BadInput("what shall I brew?")
        return drink
