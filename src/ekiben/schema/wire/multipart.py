"""Form fields and uploads into named arguments.

In: the parsed parts of a multipart or urlencoded body, in order, and what each parameter takes. Out: a dict of raw
values, for pydantic. A repeated field is a list; a field holds JSON where its parameter is neither text nor a file.
Source: RFC 7578.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ekiben.core.errors import InvalidInput, Problem
from ekiben.schema.content import Upload
from ekiben.schema.wire.json import load

Fields = Sequence[tuple[str, str | Upload]]


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
    text = value if isinstance(value, str) else text_of(value)
    if form.takes == "text":
        return text
    try:
        return load(text)
    except ValueError:
        if form.takes == "any":
            return text
        raise


def text_of(upload: Upload) -> str:
    """Read a file part as text; raises ValueError."""
    try:
        return upload.read().decode()
    except UnicodeDecodeError as error:
        raise ValueError("must be text in UTF-8") from error
