# Shows: FastAPI and Flask beside the APIs, and middleware around everything.
# 2026-11-21, written before the translator was read.
import bentoml
from bentoml.io import JSON, Text
from fastapi import FastAPI, HTTPException
from flask import Flask, jsonify
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware



class Doubler(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING = True

    @bentoml.Runnable.method(batchable=False)
    def double(self, value):
        return value * 2


runner = bentoml.Runner(Doubler, name="doubler")
svc = bentoml.Service("shop", runners=[runner])

fastapi_app = FastAPI()
flask_app = Flask("legacy")


class Order(BaseModel):
    item: str
    count: int


@fastapi_app.get("/orders/{number}")
async def order(number: int):
    if number > 99:
        raise HTTPException(404, "no such order")
    return {"number": number, "double": await runner.double.async_run(number)}


@fastapi_app.put("/orders/{number}")
def change(number: int, order: Order):
    return {"number": number, **order.model_dump()}


@flask_app.route("/ping")
def ping():
    return jsonify(pong=True)


class Stamp(BaseHTTPMiddleware):
    def __init__(self, app, stamp="none"):
        super().__init__(app)
        self.stamp = stamp

    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["X-Stamp"] = self.stamp
        return response


svc.mount_asgi_app(fastapi_app, path="/shop")
svc.mount_wsgi_app(flask_app, path="/legacy")
svc.add_asgi_middleware(Stamp, stamp="shop-1")
svc.add_asgi_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_methods=["POST"])


@svc.api(input=Text(), output=JSON())
async def price(item: str):
    return {"item": item, "price": await runner.double.async_run(len(item))}
