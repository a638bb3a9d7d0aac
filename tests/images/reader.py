"""Read a Dockerfile, as the Dockerfile reference says it is read; written apart from what writes it."""

import json
import re
from dataclasses import dataclass
from typing import Any

EXPANDED = {"ADD", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "ONBUILD"}


@dataclass(frozen=True)
class Line:
    """One instruction."""

    name: str
    flags: tuple[str, ...]
    value: Any  # a list of words in exec form, pairs of ENV and LABEL, else text


def read(text: str) -> list[Line]:
    r"""Give the instructions of a Dockerfile; only `\n` ends a line, and a backslash before it takes it away."""
    directive = re.match(r"#\s*(\w+)\s*=\s*(\S+)\s*\n", text)
    assert directive is None, "a parser directive"
    joined = re.sub(r"\\[ \t]*\n", "", text)
    lines = [line.strip() for line in joined.split("\n")]
    return [read_line(line) for line in lines if line and not line.startswith("#")]


def read_line(line: str) -> Line:
    name, _, rest = line.partition(" ")
    flags = []
    while match := re.match(r"(--[a-z-]+=\S+)\s+", rest):
        flags.append(match[1])
        rest = rest[match.end() :]
    if name in ("ENV", "LABEL") or (name == "ARG" and "=" in rest):
        return Line(name, tuple(flags), [split_pair(word) for word in split_words(rest)])
    if name == "HEALTHCHECK":
        assert rest.startswith("CMD ")
        rest = rest.removeprefix("CMD ")
    if rest.startswith("["):
        found = json.loads(rest)
        assert all(isinstance(word, str) for word in found)
        if name in EXPANDED:
            assert not any(letter in word for word in found for letter in "$\\*?["), found
        return Line(name, tuple(flags), found)
    assert not re.search(r"<<-?[\"']?\w", rest), "a here-document"
    if name in EXPANDED:
        assert "$" not in rest
        assert "\\" not in rest
    return Line(name, tuple(flags), rest)


def split_words(text: str) -> list[str]:
    """Split at spaces outside of quotes; a backslash takes the next letter along."""
    words, word, quote, index = [], "", "", 0
    while index < len(text):
        letter = text[index]
        if letter == "\\":
            word += text[index : index + 2]
            index += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter.isspace():
            words += [word] if word else []
            word = ""
            index += 1
            continue
        word += letter
        index += 1
    assert not quote, "a quotation that does not end"
    return words + ([word] if word else [])


def split_pair(word: str) -> tuple[str, str]:
    """Take `"name"="value"` apart, at the first `=` whatever stands around it."""
    name, rest = take(word.partition("=")[0])
    assert rest == "", word
    value, rest = take(word.partition("=")[2])
    assert rest == "", word
    return name, value


def take(text: str) -> tuple[str, str]:
    """Take one name or one quotation from the beginning; a variable stays as `${NAME}` for the test to see."""
    if not text.startswith('"'):
        match = re.match(r"\w+", text)
        assert match is not None, text
        return match[0], text[match.end() :]
    found, index = "", 1
    while text[index] != '"':
        if text[index] == "\\" and text[index + 1] in '"$\\':
            index += 1
        elif text[index] == "$":
            match = re.match(r"\w+", text[index + 1 :])
            assert match is not None, text
            found += "${" + match[0] + "}"
            index += 1 + match.end()
            continue
        found += text[index]
        index += 1
    return found, text[index + 1 :]
