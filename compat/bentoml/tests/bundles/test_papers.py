"""Texts of a bundle are written from values, and none of these can become more than a value in them."""

import ast
import datetime
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from bentoml.bundles import papers
from bentoml.bundles.description import BundleInfo
from bentoml.bundles.environment import EnvironmentOptions
from bentoml.bundles.packages import Packages
from packaging.version import Version

from ekiben.exceptions import ConfigError

NASTY = ["'); __import__('os').system('touch pwned'); ('", '"""', "\\", "$(touch pwned)", "`x`", "${PATH}", "ø"]


def info(**changes: Any) -> BundleInfo:
    """Make a description."""
    told = {
        "name": "Iris",
        "version": "20261120083000_A1B2C3",
        "created": datetime.datetime.now(datetime.UTC),
        "module": "m",
        "file": "m.py",
        "python": "3.11.7",
    }
    return BundleInfo(**{**told, **changes})


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("20261120083000_A1B2C3", "20261120083000+a1b2c3"),
        ("1.4.20261120083000_A1B2C3", "1.4.20261120083000+a1b2c3"),
        ("1.4.0", "1.4.0"),
        ("v2", "2"),
        ("release-3", "0+release.3"),
        ("2026-11-rc", "2026+11.rc"),
        ("___", "0"),
    ],
)
def test_versions_for_pip(version: str, expected: str) -> None:
    """Each version of a bundle is one that pip reads, and keeps its order by time."""
    assert str(papers.distribution_version(version)) == expected
    assert Version(papers.distribution_version(version))


@pytest.mark.parametrize("text", NASTY)
def test_setup_py_holds_literals(text: str) -> None:
    """Whatever stands in a requirement, setup.py is a call with literals and no more."""
    packages = Packages((f'lib; python_version > "{text}"',), (), ())
    tree = ast.parse(papers.setup_py(info(), packages, ["ekiben==1"]))
    assert [type(node).__name__ for node in tree.body] == ["ImportFrom", "Expr"]
    call: Any = tree.body[1]
    told = {each.arg: ast.literal_eval(each.value) for each in call.value.keywords}
    assert told["install_requires"] == ["ekiben==1", packages.lines[0]]
    assert told["entry_points"] == {"console_scripts": ["Iris=Iris:cli"]}


@pytest.mark.parametrize("text", NASTY)
def test_environment_yml_holds_values(text: str) -> None:
    """A name of a conda package stays one value."""
    options = EnvironmentOptions(conda_dependencies=(f"{text}: [x]",), conda_channels=(text,))
    told = yaml.safe_load(papers.environment_yml(info(), options))
    assert told["dependencies"] == ["python=3.11", "pip", f"{text}: [x]"]
    assert told["channels"] == [text]


def test_the_dockerfile() -> None:
    """Port, user and start are 0.13's; a base image that holds more is refused when it is written."""
    text = papers.dockerfile(info(), ["Iris/", "requirements.txt"], None)
    lines = text.splitlines()
    assert "FROM docker.io/library/python:3.11-slim" in lines
    assert 'COPY ["Iris/", "/bento/Iris/"]' in lines
    assert {"EXPOSE 5000", "USER 1034:1034", 'ENTRYPOINT ["/bin/sh", "/bento/docker-entrypoint.sh"]'} <= set(lines)
    for evil in ("python\nRUN evil", "python evil", "$(evil)"):
        with pytest.raises(ConfigError, match="the name of an image"):
            papers.dockerfile(info(), [], evil)
    for evil in ("a\nb", "../up", "/etc/passwd", "a b"):
        with pytest.raises(ConfigError):
            papers.dockerfile(info(), [evil], None)


@pytest.mark.parametrize("words", [[], ["--workers=2"], ["-w", "2"]])
def test_the_entry_point_takes_options_alone(tmp_path: Path, words: list[str]) -> None:
    """Options, or nothing, go to the production server; other words are a program of their own."""
    (tmp_path / "entry.sh").write_text(papers.ENTRY_TEXT)
    (tmp_path / "bentoml").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "bentoml").chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    run = lambda *given: subprocess.run(  # noqa: E731 - used thrice
        ["/bin/sh", str(tmp_path / "entry.sh"), *given], env=env, capture_output=True, text=True, timeout=10, check=True
    ).stdout.splitlines()
    assert run(*words) == ["serve-gunicorn", str(tmp_path), *words]
    assert run("echo", "a  b") == ["a  b"]


def test_the_readme() -> None:
    """It says what the service does, its APIs, and how it is run."""
    text = papers.readme(
        info(apis=[{"name": "predict", "route": "predict", "docs": "Name it.\nMore."}]), "Names flowers."
    )
    assert "# Iris\n\nNames flowers.\n" in text
    assert "- `/predict`: Name it.\n" in text
    assert "docker run -p 5000:5000" in text
