"""Form fields and uploads into named arguments, and answers of several parts.

In: the parsed parts of a multipart or urlencoded body, in order, and what each parameter takes. Out: a dict of raw
values, for pydantic. A repeated field is a list; a field holds JSON where its parameter is neither text nor a file.
Or, the other way: bodies by name, which become one.
Source: RFC 7578 (its quoting of names is that of the HTML standard).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ekiben.core.errors import InvalidInput, Problem
from ekiben.schema.content import FORM, Encoded, Upload
from ekiben.schema.wire import text
from ekiben.schema.wire.json import load

Fields = Sequence[tuple[str, str | Upload]]
LINES_OF_HEAD = 3  # boundary, disposition, type


@dataclass(frozen=True, slots=True)
class Form:
    """How one parameter travels in a form."""

    takes: Literal["text", "json", "file", "bytes", "leaf", "any"] = "any"  # leaf: a file, or JSON
    is_list: bool = False  # a field an item
    is_nullable: bool = False  # an empty field, or the word null, is None
    keeps_files: bool = False  # a union: a file part is for the member that is a file, a text field for the others


ANY = Form()


def gather(fields: Fields, forms: Mapping[str, Form]) -> dict[str, Any]:
    """Collect *fields* by parameter.

    Raises:
        InvalidInput: a field that must be JSON or text is not.
    """
    grouped: dict[str, list[str | Upload]] = {}
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    found = {}
    for name, values in grouped.items():
        try:
            found[name] = convert(values, forms.get(name, ANY))
        except ValueError as error:
            raise InvalidInput(problems=[Problem(name, str(error))]) from error
    return found


def gather_one(fields: Fields, form: Form) -> Any:
    """Read the only parameter from all *fields*, whatever their name."""
    try:
        return convert([value for _, value in fields], form)
    except ValueError as error:
        raise InvalidInput(problems=[Problem("", str(error))]) from error


def convert(values: Sequence[str | Upload], form: Form) -> Any:
    """Give a list where the parameter is one, otherwise the value."""
    if not form.is_list:
        return item(values[0], form) if len(values) == 1 else [item(value, form) for value in values]
    is_text = isinstance(values[0], str) or (form.takes in ("text", "json", "any") and not form.keeps_files)
    if len(values) == 1 and is_text and form.takes != "file":
        whole = item(values[0], Form("any"))
        if isinstance(whole, list):
            return whole
        if whole is None and form.is_nullable:
            return None
    return [item(value, form) for value in values]


def item(value: str | Upload, form: Form) -> Any:
    """Read one field as its parameter takes it."""
    if form.is_nullable and isinstance(value, str) and value in ("", "null"):
        return None
    if form.takes == "file" or (form.keeps_files and isinstance(value, Upload)):
        return value
    if form.takes == "bytes":
        return Upload(value.encode(), "text/plain") if isinstance(value, str) else value
    if form.takes == "leaf" and isinstance(value, Upload):
        return value
    found = value if isinstance(value, str) else text_of(value)
    if form.takes == "text":
        return found
    try:
        return load(found)
    except ValueError:
        if form.takes == "any":
            return found
        raise


def text_of(upload: Upload) -> str:
    """Read a file part as text in its charset; raises ValueError."""
    return text.decode(upload.read(), upload.media_type)


def write(parts: Mapping[str, Encoded]) -> Encoded:
    """Write a form whose parts are bodies of their own, each with its media type.

    Args:
        parts: by name; a file is read.

    Raises:
        ValueError: a name or a media type is not one line.
    """
    boundary = uuid4().hex  # of 122 random bits: no part holds it
    chunks: list[bytes] = []
    for name, part in parts.items():
        quoted = name.replace('"', "%22")
        disposition = part.headers.get("content-disposition", "").partition(";")[2]
        where = f'form-data; name="{quoted}"' + (f";{disposition}" if disposition else "")
        head = f"--{boundary}\r\nContent-Disposition: {where}\r\nContent-Type: {part.media_type}"
        if len(head.splitlines()) != LINES_OF_HEAD:
            raise ValueError(f"a part of a form must have a name and a media type of one line each: {name!r}")
        body = part.body.read_bytes() if isinstance(part.body, Path) else part.body
        chunks += [head.encode(), b"\r\n\r\n", body, b"\r\n"]
    return Encoded(b"".join([*chunks, f"--{boundary}--\r\n".encode()]), f"{FORM}; boundary={boundary}")
