# Shows: an artifact of the team's own, with a file of its own form, in a module beside the service.
# 2026-11-21, written before the translator was read.
import os

from bentoml.service.artifacts import BentoServiceArtifact
from bentoml.service.env import BentoServiceEnv


class RulesArtifact(BentoServiceArtifact):
    """A list of `word=label` lines."""

    def __init__(self, name, extension=".rules"):
        super().__init__(name)
        self._extension = extension
        self._rules = None

    def pack(self, rules, metadata=None):
        self._rules = dict(rules)
        return self

    def load(self, path):
        with open(self._file_path(path)) as file:
            return self.pack(line.strip().split("=", 1) for line in file if line.strip())

    def save(self, dst):
        with open(self._file_path(dst), "w") as file:
            file.writelines("%s=%s\n" % rule for rule in sorted(self._rules.items()))

    def get(self):
        return self._rules

    def set_dependencies(self, env: BentoServiceEnv):
        env.add_pip_packages(["rapidfuzz==2.0.0"])

    def _file_path(self, folder):
        return os.path.join(folder, self.name + self._extension)
