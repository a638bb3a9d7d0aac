"""`@env` takes the options of 0.13, and none of them can hold more than it says."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles.environment import BentoServiceEnv, EnvironmentOptions, read_options

from ekiben.exceptions import ConfigError


def test_every_option() -> None:
    """Each option of 0.13 is read, and told again for bentoml.yml."""
    given = {
        "pip_packages": ["pandas", "numpy>=1.26"],
        "pip_index_url": "https://packages.example.org/simple",
        "pip_trusted_host": "packages.example.org",
        "pip_extra_index_url": "https://other.example.org/simple",
        "infer_pip_packages": True,
        "requirements_txt_file": "./requirements.txt",
        "conda_channels": ["conda-forge"],
        "conda_override_channels": True,
        "conda_dependencies": ["h2o=3.46"],
        "conda_env_yml_file": "environment.yml",
        "setup_sh": "#!/bin/sh\necho ready\n",
        "docker_base_image": "python:3.11-slim",
        "zipimport_archives": ["lib.zip"],
    }
    found = read_options(given)
    assert found.describe() == given
    assert found.wants_conda
    assert found.indexes(Path()).lines == (
        "--index-url https://packages.example.org/simple",
        "--extra-index-url https://other.example.org/simple",
        "--trusted-host packages.example.org",
    )
    assert EnvironmentOptions().describe() == {}
    assert not EnvironmentOptions().wants_conda


def test_older_names(caplog: pytest.LogCaptureFixture) -> None:
    """The names of 0.8 are taken, with a word on what they are called since."""
    found = read_options({"pip_dependencies": ["pandas"], "auto_pip_dependencies": True})
    assert (found.pip_packages, found.infer_pip_packages) == (("pandas",), True)
    assert "`@env(pip_dependencies=…)` is the older name of `pip_packages`" in caplog.text
    with pytest.raises(ConfigError, match="both are given"):
        read_options({"pip_dependencies": ["a"], "pip_packages": ["b"]})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pip_packages", "pandas"),
        ("pip_packages", ["pandas\n--index-url https://evil.example.org"]),
        ("pip_packages", ["pandas\r--pre"]),
        ("pip_packages", ["-r /etc/passwd"]),
        ("pip_packages", ["./local"]),
        ("pip_packages", ["lib @ file:///etc"]),
        ("pip_packages", ["lib @ https://me:secret@example.org/lib.whl"]),
        ("pip_packages", [3]),
        ("pip_index_url", "https://me:secret@example.org/simple"),
        ("pip_index_url", "https://example.org/simple\nRUN evil"),
        ("pip_index_url", 3),
        ("pip_trusted_host", "example.org;evil"),
        ("infer_pip_packages", "yes"),
        ("conda_channels", ["a\nb"]),
        ("conda_dependencies", [""]),
        ("requirements_txt_file", 3),
        ("setup_sh", ""),
        ("setup_sh", "a\0b"),
        ("docker_base_image", "python:3.11\nRUN evil"),
        ("docker_base_image", "Python 3"),
        ("zipimport_archives", ["lib.tar"]),
        ("zip_archives", []),
    ],
)
def test_what_is_refused(option: str, value: Any) -> None:
    """A second line, an option, a path or a password in a value is refused, and the error names the option."""
    with pytest.raises(ConfigError, match=option) as caught:
        read_options({option: value})
    assert "secret" not in str(caught.value)


def test_artifacts_add_to_it() -> None:
    """What artifacts ask for stands beside the options, each package once; what is no requirement is refused."""
    env = BentoServiceEnv(read_options({"infer_pip_packages": True, "conda_channels": ["a"]}))
    env.add_pip_package("scikit-learn")
    env.add_pip_packages(["scikit-learn", "joblib>=1.3"])
    env.add_conda_channels(["a", "b"])
    env.add_conda_dependencies(["h2o"])
    assert env.added == ("scikit-learn", "joblib>=1.3")
    assert env.infer_pip_packages is env._infer_pip_packages is True
    assert (env.options.conda_channels, env.options.conda_dependencies) == (("a", "b"), ("h2o",))
    with pytest.raises(ConfigError, match="must be a requirement"):
        env.add_pip_packages(["--pre"])
