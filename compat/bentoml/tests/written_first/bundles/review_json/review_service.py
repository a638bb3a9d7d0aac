# Shows: JsonInput for one item and for a batch, an api name, a route, a doc, PickleArtifact, JsonOutput.
# 2026-11-21, written before the translator was read.
from typing import List

from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import JsonInput, JsonOutput
from bentoml.service.artifacts.common import PickleArtifact
from bentoml.types import JsonSerializable


@env(pip_packages=["scikit-learn"])
@artifacts([PickleArtifact("pipeline")])
class ReviewClassifier(BentoService):
    @api(input=JsonInput(), batch=True, mb_max_batch_size=64, mb_max_latency=300)
    def classify_many(self, reviews: List[JsonSerializable]):
        texts = [review["text"] for review in reviews]
        return [{"label": str(label)} for label in self.artifacts.pipeline.predict(texts)]

    @api(input=JsonInput(), batch=False)
    def classify(self, review: JsonSerializable):
        label = self.artifacts.pipeline.predict([review["text"]])[0]
        return {"label": str(label), "length": len(review["text"])}

    @api(
        input=JsonInput(),
        output=JsonOutput(ensure_ascii=True),
        api_name="echo_upper",
        route="/v1/text/upper",
        api_doc="Gives the text back in capitals",
    )
    def upper(self, review):
        return review["text"].upper()
