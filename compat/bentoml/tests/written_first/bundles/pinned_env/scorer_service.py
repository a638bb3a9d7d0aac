# Shows: every option of @env that a team without the internet wrote.
# 2026-11-21, written before the translator was read.
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(
    pip_packages=["scikit-learn", "pandas>=1.0"],
    pip_extra_index_url="https://packages.example.org/simple",
    pip_trusted_host="packages.example.org",
    requirements_txt_file="./requirements.in",
    conda_channels=["conda-forge", "defaults"],
    conda_dependencies=["libgomp", "tini=0.19"],
    setup_sh="./setup.sh",
    docker_base_image="python:3.11-slim",
)
@bentoml.artifacts([SklearnModelArtifact("model")])
@bentoml.ver(major=2, minor=5)
class Scorer(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(typ="frame", orient="split"), batch=True)
    def score(self, df):
        return self.artifacts.model.predict_proba(df)[:, 1].round(2)
