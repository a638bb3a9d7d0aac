"""Settle how each parameter travels in a form.

In: settled hints. Out: a `Form` each, by which `wire/multipart` reads fields.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

from ekiben.schema import structures
from ekiben.schema.content import UPLOADS
from ekiben.schema.hints import LISTS, UNIONS, LeafNote
from ekiben.schema.wire.multipart import ANY, Form

NONE = type(None)
FILES = ("file", "bytes", "leaf")  # by what forms take: those that read a file part


def form_of(hint: Any) -> Form:
    """Say how a value of *hint* travels."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        leaf = next((note.leaf for note in args[1:] if isinstance(note, LeafNote)), None)
        if leaf is None:
            is_object = any(isinstance(note, structures.ObjectNote) for note in args[1:])
            return Form("json") if is_object else form_of(args[0])
        if leaf.kind in ("bytes", "text"):
            return Form(leaf.kind)  # type: ignore[arg-type]  # one of these two
        return Form("file" if leaf.kind in UPLOADS else "leaf")
    if origin in UNIONS:
        return union_form([form_of(arg) for arg in args if arg is not NONE], NONE in args and str not in args)
    if (origin or hint) in LISTS:
        inner = form_of(args[0]) if args else ANY
        return Form("json" if inner.is_list else inner.takes, is_list=True, keeps_files=inner.keeps_files)
    if origin is Literal:
        return Form("text" if all(isinstance(arg, str) for arg in args) else "any")
    if hint is NONE or hint is None:
        return Form("json", is_nullable=True)
    if hint is Any or hint is object:
        return ANY
    if isinstance(hint, type) and issubclass(hint, Enum) and not is_text(hint):
        return Form("any")
    return Form("text" if is_text(hint) else "json")


def union_form(forms: list[Form], is_nullable: bool) -> Form:
    """Give what all members of a union have in common.

    A file part is for the members that are files; only the others say how a text field is read.
    """
    takes = {form.takes for form in forms}
    keeps_files = not any(form is ANY for form in forms) and any(
        form.takes in FILES or form.keeps_files for form in forms
    )
    if len(takes) > 1 and keeps_files:
        takes = takes - {"file", "bytes"} or {"file"}
    return Form(
        takes.pop() if len(takes) == 1 else "any",
        is_list=any(form.is_list for form in forms),
        is_nullable=is_nullable,
        keeps_files=keeps_files and len(forms) > 1,
    )


def is_text(hint: Any) -> bool:
    """Say whether pydantic reads *hint* from text: a scalar, not an object."""
    if not isinstance(hint, type):
        return False
    if issubclass(hint, Enum):
        return all(isinstance(member.value, str) for member in hint)
    return not issubclass(hint, dict | list) and not structures.is_structure(hint)


def object_forms(hint: Any) -> dict[str, Form] | None:
    """Give the forms of an object's fields; None where *hint* is no object."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, LeafNote):
                return None
            if isinstance(note, structures.ObjectNote):
                return {part.alias or name: form_of(part.hint) for name, part in note.fields.items()}
        return object_forms(get_args(hint)[0])
    if structures.is_structure(hint):
        names = structures.aliases_of(hint)
        return {names.get(name, name): form_of(part) for name, part in structures.hints_of(hint).items()}
    target = get_origin(hint) or hint
    return {} if isinstance(target, type) and issubclass(target, Mapping) else None
