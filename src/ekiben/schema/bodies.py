"""Say what the body of an endpoint may be, by its content type.

In: a signature. Out: media types and globs of them: of JSON and forms, and of the one value that a whole body can be.
`ContentType` on a parameter that is the whole body says which types its JSON or its text may come under; `*/*` on text
or on a file says that every body is that text, or that file.
"""

from typing import Annotated, Any, get_args, get_origin

from ekiben.schema import forms
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import FORM, JSON, UPLOADS, URLENCODED, matches
from ekiben.schema.hints import leaves, members_of, only_leaf
from ekiben.schema.signature import Parameter, Signature

ANYTHING = "*/*"


def raw_parameter(signature: Signature) -> Parameter | None:
    """Find the parameter that a whole body can be: a root text, or the only binary."""
    if signature.is_root and is_text(signature.parameters[0].hint):
        return signature.parameters[0]
    candidates = [p for p in signature.parameters if (leaf := only_leaf(p.hint)) is not None and leaf.media_types]
    others = [p for p in signature.parameters if p not in candidates and p.is_required]
    required = [p for p in candidates if p.is_required]
    if len(required) == 1 or len(candidates) == 1:
        return None if others else (required or candidates)[0]
    return None


def raw_media(parameter: Parameter) -> tuple[str, ...]:
    """Say which content types a whole body may have that is one value."""
    leaf = only_leaf(parameter.hint)
    return leaf.media_types if leaf is not None else declared(parameter.hint) or ("text/*",)


def json_media(signature: Signature) -> tuple[str, ...]:
    """Say which more content types JSON may come under."""
    if not signature.is_root or is_text(signature.parameters[0].hint):
        return ()
    hint = signature.parameters[0].hint
    leaf = only_leaf(hint)
    return declared(hint) if leaf is None else tuple(getattr(leaf, "json_media", ()))


def input_media(signature: Signature, raw: tuple[str, ...]) -> tuple[str, ...]:
    """List what a body may be: forms first for uploads, JSON unless a file is a must.

    Args:
        signature: of the endpoint.
        raw: what `raw_media` said.
    """
    kinds = {parameter.name: {leaf.kind for leaf in leaves(parameter.hint)} for parameter in signature.parameters}
    has_uploads = any(found & UPLOADS for found in kinds.values())
    needs_file = any(
        parameter.is_required and all(holds_file(member) for member in members_of(parameter.hint))
        for parameter in signature.parameters
    )
    if ANYTHING in raw and is_whole(signature):
        return raw
    reads_any = any(matches(URLENCODED, glob) for glob in (*raw, *json_media(signature)))
    needs_upload = any(parameter.is_required and kinds[parameter.name] & UPLOADS for parameter in signature.parameters)
    form: tuple[str, ...] = (FORM,) if needs_upload or reads_any else (FORM, URLENCODED)  # else it is as it stands
    json = () if needs_file or JSON in raw else (JSON,)
    if signature.is_root:
        return (*raw, *json, *form) if has_uploads else (*json, *form, *raw)
    return (*form, *json, *raw) if has_uploads else (*json, *form, *raw)


def is_whole(signature: Signature) -> bool:
    """Say whether every body is the one value as it came, JSON and forms too.

    So it is for a file or for text of `ContentType("*/*")`, and for a leaf that says so of itself.
    """
    if not signature.is_root:
        return False
    leaf = only_leaf(signature.parameters[0].hint)
    if leaf is None:
        return is_text(signature.parameters[0].hint)
    return getattr(leaf, "note", None) == ANYTHING or bool(getattr(leaf, "is_whole", False))


def is_text(hint: Any) -> bool:
    """Say whether a settled hint is one of text, which needs no leaf."""
    form = forms.form_of(hint)
    return only_leaf(hint) is None and form.takes == "text" and not (form.keeps_files or form.is_list)


def declared(hint: Any) -> tuple[str, ...]:
    """List the content types that stand in a hint."""
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return tuple(note.content_type for note in notes if isinstance(note, ContentType))


def holds_file(hint: Any) -> bool:
    """Say whether a settled hint has a file in it, which JSON cannot hold."""
    return any(leaf.kind == "file" for leaf in leaves(hint))
