# Shows: several artifacts of several kinds in one service, one of them imported by its older path.
# 2026-11-21, written before the translator was read.
import pandas as pd
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.artifact import JSONArtifact, PickleArtifact, SklearnModelArtifact
from bentoml.frameworks.lightgbm import LightGBMModelArtifact


@env(infer_pip_packages=True)
@artifacts(
    [
        SklearnModelArtifact("line"),
        LightGBMModelArtifact("trees"),
        PickleArtifact("clip"),
        JSONArtifact("settings"),
    ]
)
class PriceEnsemble(BentoService):
    @api(input=DataframeInput(), batch=True)
    def predict(self, df: pd.DataFrame):
        weight = self.artifacts.settings["weight"]
        mixed = weight * self.artifacts.line.predict(df) + (1 - weight) * self.artifacts.trees.predict(df)
        low, high = self.artifacts.clip
        return [round(min(max(float(value), low), high), 2) for value in mixed]

    @api(input=JsonInput(), batch=False)
    def settings(self, _):
        return {"clip": list(self.artifacts.clip), **self.artifacts.settings}
