# Shows: a service of two modules, whose artifact is not one of BentoML's.
# 2026-11-21, written before the translator was read.
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import JsonInput

from rules import RulesArtifact


@env(pip_packages=["pyyaml"])
@artifacts([RulesArtifact("rules")])
class Tagger(BentoService):
    @api(input=JsonInput(), batch=False)
    def tags(self, document):
        """The labels of the words in a document."""
        words = document["text"].lower().split()
        return sorted({self.artifacts.rules[word] for word in words if word in self.artifacts.rules})
