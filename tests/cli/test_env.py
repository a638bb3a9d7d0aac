"""The report holds what explains a problem, and no secret."""

import json
import platform

import pytest

from tests.cli.conftest import Command


def test_env(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions and places are there; of variables the names only."""
    monkeypatch.setenv("EKIBEN_TOKEN", "hush")
    ran = ekiben("env")
    assert f"python: {platform.python_version()}" in ran.out
    assert "EKIBEN_TOKEN" in ran.out
    assert "hush" not in ran.out
    facts = json.loads(ekiben("env", "-o", "json").out)
    assert {"uvicorn", "pydantic"} <= facts["serving"].keys()
