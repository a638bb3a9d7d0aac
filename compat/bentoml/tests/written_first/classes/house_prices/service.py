# Shows: pydantic models and Field in signatures, BentoModel, a stored folder of data, descriptions, enums, lists.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import typing as t
from enum import Enum

import bentoml
from annotated_types import Ge, Le
from bentoml.models import BentoModel
from pydantic import BaseModel, Field


class District(str, Enum):
    centre = "centre"
    edge = "edge"


class House(BaseModel):
    """A house that is for sale."""

    area: float = Field(description="square metres", gt=0)
    rooms: int = Field(3, ge=1, le=20)
    district: District = District.edge
    note: t.Optional[str] = None


class Price(BaseModel):
    value: float
    unit: t.Literal["kEUR", "EUR"] = "kEUR"


@bentoml.service(
    resources={"cpu": "1"},
    labels={"team": "homes"},
    description="Says what a house may cost.",
    http={"cors": {"enabled": True, "access_control_allow_origins": ["https://homes.example"]}},
)
class HousePrices:
    model_ref = BentoModel("house_price:latest")
    factors_ref = BentoModel("district_factors:latest")

    def __init__(self) -> None:
        self.model = bentoml.sklearn.load_model(self.model_ref)
        with open(self.factors_ref.path_of("factors.csv")) as file:
            self.factors = {name: float(factor) for name, factor in (line.split(",") for line in file)}

    def _value(self, house: House) -> float:
        value = float(self.model.predict([[house.area, house.rooms]])[0])
        return round(value * self.factors[house.district.value], 1)

    @bentoml.api
    def price(self, house: House, currency: t.Literal["kEUR", "EUR"] = "kEUR") -> Price:
        """The price of one house."""
        value = self._value(house)
        return Price(value=value * (1000 if currency == "EUR" else 1), unit=currency)

    @bentoml.api
    def prices(self, houses: t.List[House]) -> t.Dict[str, t.List[float]]:
        return {"values": [self._value(house) for house in houses]}

    @bentoml.api
    def root(self, house: House, /) -> Price:
        return Price(value=self._value(house))

    @bentoml.api
    def rate(self, years: t.Annotated[int, Ge(1), Le(40)] = Field(10, description="years to pay")) -> float:
        return round(100 / years, 2)
