"""Take files and command lines out of the documents, so that they run as they stand there.

In: the folder named by `EKIBEN_SEEDS`. Out: text, unchanged. Nothing of the documents is kept in this repository.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

NAMES = ("S000", "S001", "S002", "S003", "S004")  # the files are called 000_….txt to 004_….txt
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<head>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the file that it is (or ""), and the text."""

    language: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One of the five documents."""

    name: str
    text: str

    def blocks(self) -> list[Block]:
        """Give every fenced block, in order."""
        found = []
        for match in FENCE.finditer(self.text):
            head = match["head"]
            title = re.search(r'title="([^"]*)"', head)
            language = head.split()[0] if head.split() else ""
            body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
            found.append(Block(language, title[1] if title else "", body))
            if len(match["fence"]) > 3:  # so that it can hold others
                found += Document(self.name, body).blocks()
        return found

    def file(self, title: str) -> str:
        """Give the text of the file with this title."""
        for block in self.blocks():
            if block.title == title and block.language != "diff":
                return block.text
        raise LookupError(f"{self.name} has no file {title!r}")

    def command(self, start: str) -> str:
        """Give the one command line that starts so."""
        lines = {line.strip() for block in self.blocks() if is_shell(block) for line in block.text.splitlines()}
        found = [line for line in lines if line.startswith(start)]
        if len(found) != 1:
            raise LookupError(f"{self.name} has {len(found)} commands that start with {start!r}")
        return found[0]

    def after(self, sentence: str) -> Block:
        """Give the first block after a piece of the text."""
        _, found, rest = self.text.partition(sentence)
        if not found:
            raise LookupError(f"{self.name} does not say {sentence!r}")
        return Document(self.name, rest).blocks()[0]


def is_shell(block: Block) -> bool:
    """Say whether a block is command lines; `{prompt}` is a directive of Sphinx."""
    return block.language in ("", "sh", "bash", "shell", "console", "{prompt}")


def folder() -> Path | None:
    """Give the folder of the documents, or None where this machine has none."""
    place = os.environ.get("EKIBEN_SEEDS")
    return Path(place) if place and Path(place).is_dir() else None


def read(name: str, seeds: Path) -> Document:
    """Read one document by its short name."""
    number = NAMES.index(name)
    (place,) = seeds.glob(f"{number:03d}_*.txt")
    return Document(name, place.read_text(encoding="utf-8"))
