# Shows: JSON with pydantic models in and out, a sample, an encoder of one's own, errors of the service.
# 2026-11-21, written before the translator was read.
import datetime
import json
import typing as t

import bentoml
from bentoml.exceptions import BadInput, InvalidArgument, NotFound
from bentoml.io import JSON
from pydantic import BaseModel, Field

svc = bentoml.Service("loans")


class Application(BaseModel):
    name: str
    income: float = Field(gt=0)
    amount: float
    months: int = 12
    purpose: t.Optional[str] = None


class Decision(BaseModel):
    granted: bool
    monthly: float


class DayEncoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, datetime.date):
            return o.strftime("%d.%m.%Y")
        return super().default(o)


@svc.api(input=JSON(pydantic_model=Application), output=JSON(pydantic_model=Decision))
def decide(application: Application) -> Decision:
    """Grants what can be paid back"""
    monthly = application.amount / application.months
    return Decision(granted=monthly < application.income / 3, monthly=round(monthly, 2))


@svc.api(input=JSON(), output=JSON(json_encoder=DayEncoder))
async def due(loan: t.Dict[str, t.Any]):
    if "start" not in loan:
        raise BadInput("when does the loan start?")
    if loan.get("id") == 404:
        raise NotFound("no such loan")
    if loan.get("months", 0) < 0:
        raise InvalidArgument("months are below 0")
    return {"day": datetime.date.fromisoformat(loan["start"]) + datetime.timedelta(days=30)}


@svc.api(input=JSON.from_sample({"name": "Ada", "income": 3000.0}), output=JSON(), name="greet_customer")
def greet(customer):
    return [customer["name"], None, {"income": customer["income"]}]


@svc.api(input=JSON(), output=JSON())
def broken(_):
    return {"x": 1 / 0}
