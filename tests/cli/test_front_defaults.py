"""A program may give our options other values where nobody gives one."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ekiben.bundle.bento import build
from ekiben.cli.main import EKIBEN, run

SERVICE = "import ekiben\n@ekiben.service\nclass Iris:\n    @ekiben.api\n    def call(self) -> None: ...\n"
OTHER = replace(EKIBEN, program="other", defaults={"get": {"output": "yaml"}})


@pytest.mark.parametrize(
    ("words", "is_whole"),
    [
        pytest.param(["get", "iris"], True, id="nobody says which form"),
        pytest.param(["get", "iris", "-o", "short"], False, id="an option goes before it"),
    ],
)
def test_a_value_of_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], is_whole: bool
) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "bentofile.yaml").write_text("python: {lock_packages: false}\n")
    build(build_ctx=tmp_path, tell=lambda _: None)
    capsys.readouterr()
    assert run(OTHER, words) == 0
    assert ("services" in yaml.safe_load(capsys.readouterr().out)) is is_whole
