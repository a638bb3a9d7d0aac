"""JSON artifacts in encodings other than UTF-8."""

from pathlib import Path

import pytest
from bentoml.artifact import JSONArtifact
from bentoml.bundles.artifact import load_into

from ekiben.exceptions import ConfigError, InvalidInput


def test_the_encoding_of_json(tmp_path: Path) -> None:
    """JSON is written in the encoding that was named, and read in it; a word that names none is refused."""
    data = {"names": ["grüezi", "日本"]}
    kept = JSONArtifact("c", encoding="utf-16").pack(data, ensure_ascii=False)
    kept.save(str(tmp_path))
    assert load_into(JSONArtifact("c", encoding="utf-16"), tmp_path, {}).get() == data
    assert "日本" in (tmp_path / "c.json").read_text("utf-16")
    with pytest.raises(InvalidInput, match="the artifact `c` must be JSON"):
        JSONArtifact("c").load(str(tmp_path))
    for wrong in ("nothing", "zlib", 3):
        with pytest.raises(ConfigError, match=f"`encoding` must be one that Python has for text, .*: {wrong!r}"):
            JSONArtifact("c", encoding=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="the artifact `c` must be text that ascii has"):
        JSONArtifact("c", encoding="ascii").pack(data, ensure_ascii=False)
