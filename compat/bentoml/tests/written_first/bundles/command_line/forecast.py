# Shows: a service that is mostly used from the command line; an input that is a series.
# 2026-11-21, written before the translator was read.
import pandas as pd
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import DataframeInput, FileInput, JsonInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@env(infer_pip_packages=True)
@artifacts([SklearnModelArtifact("model")])
class Forecast(BentoService):
    @api(input=DataframeInput(), batch=True)
    def predict(self, df: pd.DataFrame):
        return [round(float(value), 2) for value in self.artifacts.model.predict(df[["day"]])]

    @api(input=DataframeInput(typ="series"), batch=True)
    def total(self, series: pd.Series):
        return series.cumsum()

    @api(input=JsonInput(), batch=True)
    def weekday(self, days):
        return ["%s" % ("Mon Tue Wed Thu Fri Sat Sun".split()[day["day"] % 7]) for day in days]

    @api(input=FileInput(), batch=False)
    def size(self, stream):
        return {"bytes": len(stream.read())}
