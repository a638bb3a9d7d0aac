# Shows: a model with metadata, saved. 2026-11-21, written before the translator was read.
import bentoml
from sklearn.linear_model import LinearRegression

model = LinearRegression().fit([[50.0, 2.0], [80.0, 3.0], [120.0, 4.0], [60.0, 1.0]], [100.0, 160.0, 240.0, 120.0])
saved = bentoml.sklearn.save_model("house_price", model, metadata={"unit": "kEUR"}, labels={"team": "homes"})
with bentoml.models.create("district_factors", labels={"team": "homes"}) as factors:
    with open(factors.path_of("factors.csv"), "w") as file:
        file.write("centre,1.5\nedge,1.0\n")
print(saved.info.metadata)
