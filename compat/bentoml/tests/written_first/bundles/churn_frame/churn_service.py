# Shows: DataframeInput with orient, columns and dtype, CSV and JSON bodies, DataframeOutput, inferred packages.
# 2026-11-21, written before the translator was read.
import bentoml
import pandas as pd
from bentoml.adapters import DataframeInput, DataframeOutput
from bentoml.frameworks.sklearn import SklearnModelArtifact

COLUMNS = ["tenure", "calls", "monthly_cost"]


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class ChurnModel(bentoml.BentoService):
    """Says which customers are about to leave."""

    @bentoml.api(
        input=DataframeInput(
            orient="records",
            columns=COLUMNS,
            dtype={"tenure": "int64", "calls": "int64", "monthly_cost": "float64"},
        ),
        batch=True,
    )
    def predict(self, df: pd.DataFrame):
        """1 for a customer who leaves, 0 for one who stays."""
        return self.artifacts.model.predict(df[COLUMNS])

    @bentoml.api(
        input=DataframeInput(),
        output=DataframeOutput(output_orient="records"),
        batch=True,
        mb_max_batch_size=500,
        mb_max_latency=2000,
    )
    def explain(self, df: pd.DataFrame) -> pd.DataFrame:
        leaves = self.artifacts.model.predict(df[COLUMNS])
        return pd.DataFrame({"calls": df["calls"], "leaves": leaves == 1})
