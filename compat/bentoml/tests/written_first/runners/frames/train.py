# Shows: a pipeline over named columns.
# 2026-11-21, written before the translator was read.
import bentoml
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

rides = pd.DataFrame({"km": [1.0, 2.0, 3.0, 4.0], "zone": ["a", "b", "a", "b"]})
fares = [12.0, 24.0, 16.0, 28.0]  # 2 a kilometre, 10 in zone a, 20 in zone b
columns = ColumnTransformer([("zone", OneHotEncoder(), ["zone"])], remainder="passthrough")
fare = Pipeline([("columns", columns), ("line", LinearRegression())]).fit(rides, fares)
bentoml.sklearn.save_model("fare", fare, signatures={"predict": {"batchable": True}})
