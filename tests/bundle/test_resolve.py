"""What uv prints becomes pinned packages that name no place of this machine."""

from pathlib import Path

import pytest

from ekiben.bundle.resolve import Pinned, read_output, uv_choices
from ekiben.bundle.wheels import read_wheel
from ekiben.core.errors import ConfigError
from tests.bundle.index import make_wheel

HASH = "sha256:" + "ab" * 32


def test_read_output(tmp_path: Path) -> None:
    """A pin keeps its hashes, a wheel that travels becomes a pin with its own, an address stays."""
    carried = read_wheel(make_wheel(tmp_path, "tiny", "1.0+local"), "here")
    text = (
        f"# a comment\nnumpy==2.0 \\\n    --hash={HASH} \\\n    --hash={HASH[:-1]}c\n"
        f"tiny @ file://{tmp_path}/tiny-1.0+local-py3-none-any.whl \\\n    --hash={HASH}\n"
        f"other @ https://files.example.org/other-1.0-py3-none-any.whl \\\n    --hash={HASH}\n"
    )
    assert list(read_output(text, {"tiny": carried})) == [
        Pinned("numpy", "2.0", "numpy==2.0", (HASH, f"{HASH[:-1]}c")),
        Pinned("tiny", "1.0+local", "tiny==1.0+local", (carried.digest,)),
        Pinned("other", None, "other @ https://files.example.org/other-1.0-py3-none-any.whl", (HASH,)),
    ]


def test_written() -> None:
    """A pin is written as pip and uv read it."""
    assert str(Pinned("numpy", "2.0", "numpy==2.0", (HASH, HASH))) == (
        f"numpy==2.0 \\\n    --hash={HASH} \\\n    --hash={HASH}"
    )
    assert str(Pinned("numpy", "2.0", "numpy==2.0")) == "numpy==2.0"


@pytest.mark.parametrize("line", ["error: something", "numpy==2.0 --index-url https://evil.example", "-r x"])
def test_read_output_refuses(line: str) -> None:
    """A line that is no pin is refused."""
    with pytest.raises(ConfigError, match="uv gave a line"):
        list(read_output(f"{line}\n", {}))


def test_a_range_is_no_pin() -> None:
    """A line without one exact version is refused."""
    with pytest.raises(ConfigError, match="uv gave a line"):
        list(read_output("numpy>=2,<3\n", {}))


def test_choices() -> None:
    """The choices of pip become words of uv, one for each package."""
    choices = ("--pre", "--no-binary tiny,plate", "--only-binary :all:", "--prefer-binary")
    assert list(uv_choices(choices)) == [
        *("--prerelease", "allow"),
        *("--no-binary", "tiny", "--no-binary", "plate"),
        *("--only-binary", ":all:"),
    ]
