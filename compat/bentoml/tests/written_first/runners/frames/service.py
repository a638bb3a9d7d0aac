# Shows: PandasDataFrame with orient, columns, dtype, shape and default format; PandasSeries out; from_sample.
# 2026-11-21, written before the translator was read.
import bentoml
import pandas as pd
from bentoml.io import PandasDataFrame, PandasSeries

runner = bentoml.sklearn.get("fare").to_runner()

svc = bentoml.Service("fares", runners=[runner])


@svc.api(
    input=PandasDataFrame(
        orient="records",
        columns=["km", "zone"],
        dtype={"km": "float64", "zone": "object"},
        enforce_dtype=True,
        enforce_shape=True,
        shape=(-1, 2),
    ),
    output=PandasSeries(orient="records"),
)
async def fare(rides: pd.DataFrame) -> pd.Series:
    return pd.Series(await runner.predict.async_run(rides)).round(2)


@svc.api(input=PandasDataFrame(default_format="csv"), output=PandasDataFrame(orient="records"))
def with_fare(rides):
    rides["fare"] = runner.predict.run(rides[["km", "zone"]]).round(1)
    return rides[["zone", "fare"]]


sample = pd.DataFrame({"km": [1.0], "zone": ["a"]})


@svc.api(input=PandasDataFrame.from_sample(sample), output=PandasDataFrame(orient="split"))
def twice(rides):
    return pd.concat([rides, rides], ignore_index=True)
