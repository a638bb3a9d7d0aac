"""Hold `latest` to the versions that a supervisor settled for this process.

In: versions by name, for one store. Out: what `name` and `name:latest` stand for there, in this process and in those
that it starts; exact tags are left alone. So all workers that started together have the same models, also one that is
started again after a newer version landed.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.core.tag import Tag

VARIABLE = "EKIBEN_PINS"


def pin(root: Path, versions: Mapping[str, str]) -> None:
    """Let `latest` of these names stand for these versions, in the store at *root*."""
    os.environ[VARIABLE] = json.dumps({"root": str(root), "versions": dict(versions)})


def pinned(root: Path, tag: Tag) -> Tag:
    """Give the exact tag that *tag* stands for, where that was settled.

    Raises:
        ConfigError: the variable was set by something else.
    """
    text = os.environ.get(VARIABLE)
    if not text or tag.is_exact:
        return tag
    try:
        found = json.loads(text)
        version = found["versions"].get(tag.name) if found["root"] == str(root) else None
        return tag if version is None else tag.with_version(version)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"`{VARIABLE}` is for a supervisor's own workers: {text[:80]!r}", hint=f"unset {VARIABLE}"
        ) from error
