# Shows: the context: headers and query of the request, status, headers and cookies of the answer, state, hooks.
# 2026-11-21, written before the translator was read.
import bentoml
from bentoml.io import JSON, NumpyNdarray, Text

svc = bentoml.Service("context")



@svc.on_startup
def begin(ctx: bentoml.Context):
    ctx.state["greeting"] = "hello"


@svc.on_startup
async def begin_more(ctx: bentoml.Context):
    ctx.state["count"] = 0


@svc.on_shutdown
def end(ctx: bentoml.Context):
    print("shutting down after", ctx.state["count"])


@svc.api(input=Text(), output=Text())
def greet(name: str, ctx: bentoml.Context) -> str:
    ctx.state["count"] += 1
    language = ctx.request.headers.get("accept-language", "en")
    ctx.response.headers.append("X-Language", language)
    ctx.response.status_code = 202
    return f"{ctx.state['greeting']} {name}"


@svc.api(input=JSON(), output=JSON())
async def login(user: dict, context: bentoml.Context):
    page = context.request.query_params.get("page", "none")
    context.response.set_cookie(key="session", value="s-" + user["name"], max_age=60, httponly=True, samesite="strict")
    return {"page": page, "known": "session=" in context.request.headers.get("cookie", "")}


@svc.api(input=NumpyNdarray(), output=JSON())
def total(array, ctx):
    if ctx.request.headers.get("authorization") != "Bearer abc":
        ctx.response.status_code = 401
        return {"error": "who are you?"}
    ctx.response.headers["X-Items"] = str(array.size)
    return array.sum()
