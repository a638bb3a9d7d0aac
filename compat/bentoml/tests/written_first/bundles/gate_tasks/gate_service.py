# Shows: tasks beside the input, discard with a status and words, InferenceResult and InferenceError, request headers.
# 2026-11-21, written before the translator was read.
from typing import List

from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import JsonInput
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.types import InferenceError, InferenceResult, InferenceTask, JsonSerializable


@env(infer_pip_packages=True)
@artifacts([SklearnModelArtifact("line")])
class Gate(BentoService):
    @api(input=JsonInput(), batch=True)
    def predict(self, rows: List[JsonSerializable], tasks: List[InferenceTask]):
        good = []
        for row, task in zip(rows, tasks):
            if "x" in row:
                good.append([row["x"]])
            else:
                task.discard(http_status=422, err_msg="the field `x` is missing")
        if not good:
            return []
        return [round(float(value), 3) for value in self.artifacts.line.predict(good)]

    @api(input=JsonInput(), batch=False)
    def for_tenant(self, row: JsonSerializable, task: InferenceTask):
        tenant = task.http_headers["X-Tenant"]
        if tenant != "acme":
            task.discard(http_status=403, err_msg="tenant %s may not ask" % tenant)
            return None
        return {"tenant": tenant, "y": round(float(self.artifacts.line.predict([[row["x"]]])[0]), 3)}

    @api(input=JsonInput(), batch=False)
    def created(self, row: JsonSerializable):
        if row["x"] < 0:
            return InferenceError(err_msg="x is below 0", http_status=409)
        return InferenceResult(data='{"stored": true}', http_status=201, http_headers={"X-Stored": "yes"})
