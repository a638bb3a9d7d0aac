"""Tags of bundles have the capitals of classes, and name two folders and nothing else."""

import re
from typing import Any

import pytest
from bentoml.bundles.tags import BundleTag, check_version, make_version

from ekiben.exceptions import InvalidInput


def test_a_tag() -> None:
    """Name and version are told apart at the first colon, and written with it again."""
    tag = BundleTag.parse("IrisClassifier:20261120083000_A1B2C3")
    assert (tag.name, tag.version, tag.is_exact) == ("IrisClassifier", "20261120083000_A1B2C3", True)
    assert str(tag) == "IrisClassifier:20261120083000_A1B2C3"
    assert (BundleTag.parse("Iris").is_exact, BundleTag.parse("Iris:latest").is_exact) == (False, False)
    assert BundleTag.parse(tag) == tag
    assert str(BundleTag.parse("Iris")) == "Iris"


@pytest.mark.parametrize(
    "text",
    ["", ":", "Iris:", "Iris:..", "Iris:.", "Iris:.hidden", "Iris:-rf", "Iris:a/b", "../Iris:1", "Iris Two:1", "1st:1",
     "Iris:a b", "Iris:a\nb", "Iris\n:1", "Iris:" + "1" * 129, "I" * 129, "Iris:a:b", "Iris:\u0661", 3, None],
)  # fmt: skip
def test_what_is_no_tag(text: Any) -> None:
    """What would climb, hide, read as an option or break a line is refused."""
    with pytest.raises(InvalidInput, match="bundle"):
        BundleTag.parse(text)


def test_versions() -> None:
    """A made version is the time and six letters of hexadecimal, another one each time."""
    made = {make_version() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"20\d{12}_[0-9A-F]{6}", each) for each in made)
    assert all(check_version(each) == each for each in made)
    assert check_version("1.4.release-3") == "1.4.release-3"
