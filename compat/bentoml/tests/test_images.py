"""`bentoml.images` is the image of a service, under both of its names."""

from pathlib import Path

import bentoml
import pytest

from ekiben.core.errors import ConfigError


def test_both_names_are_the_image() -> None:
    """`Image` and the older `PythonImage` are one, and give all steps of 1.4 in a chain."""
    assert bentoml.images.PythonImage is bentoml.images.Image
    image = bentoml.images.Image(python_version="3.11", distro="debian", lock_python_packages=False)
    image.system_packages("curl", "git").run("echo before").python_packages("numpy", "pydantic>=2")
    image.requirements_file("requirements.txt").run_script("x.sh").build_include("*.json").uv_lock().pyproject_toml("a")
    assert len(image.spec().steps) == 8
    assert image.spec().lock_packages is False


def test_a_service_takes_it() -> None:
    """`@bentoml.service(image=…, envs=…)` keeps both for the build."""

    @bentoml.service(image=bentoml.images.Image().run("echo 1"), envs=[{"name": "A", "value": "1", "stage": "build"}])
    class Own:
        pass

    spec = Own.__ekiben_service__().spec
    assert spec.image is not None
    assert spec.image.steps == (("run", ("echo 1",)),)
    assert [dict(each) for each in spec.envs] == [{"name": "A", "value": "1", "stage": "build"}]


def test_another_system_is_refused() -> None:
    """A distro that is not Debian is refused with what to say instead."""
    with pytest.raises(ConfigError, match="must be debian") as caught:
        bentoml.images.Image(distro="alpine")
    assert "base_image" in str(caught.value.hint)


def test_it_is_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bento has the packages and the commands that its service's image asks for."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "src"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "service.py").write_text(
        "import bentoml\n\n"
        "@bentoml.service(image=bentoml.images.PythonImage().run('echo 1').python_packages('click').run('echo 2'))\n"
        "class Own:\n    @bentoml.api\n    def call(self) -> int:\n        return 1\n"
    )
    built = bentoml.build("service:Own", build_ctx=str(tmp_path / "project"))
    assert (built.info.docker["commands"], built.info.docker["post_commands"]) == (["echo 1"], ["echo 2"])
    assert "click" in built.path_of("env/python/requirements.txt").read_text()
