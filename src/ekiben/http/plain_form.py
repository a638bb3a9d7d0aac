"""Read the forms that clients usually send, in one go over a body that is there.

In: a whole multipart body. Out: its fields, or None for whatever is not as plain as could be: another order of headers,
quoted boundaries, backslashes, text around the parts. `http/form` reads those, and tells what is wrong with them.
Source: RFC 7578 (multipart/form-data), RFC 2046, 5.1 (boundaries).
"""

import re

from ekiben.core.context import Context
from ekiben.schema.content import OCTETS, Upload

Fields = list[tuple[str, str | Upload]]

TYPE = re.compile(rb"multipart/form-data; ?boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})")
HEAD = re.compile(
    rb'(?i:content-disposition): form-data; name="([^"\\;\r\n]*)"(?:; filename="([^"\\;\r\n]*)")?'
    rb"(?:\r\n(?i:content-type): ([!-~][ -~]*))?"
)
LONGEST = 4096  # bytes of a part's head
ENDS = (b"--", b"--\r\n")


def read(body: bytes, content_type: bytes, max_parts: int, scope: Context) -> Fields | None:
    """Read a plain form; None for any other one, and for one with a mistake.

    Args:
        body: all of it.
        content_type: of the request, with the boundary.
        max_parts: how many fields it may have.
        scope: the call that its files end with.
    """
    declared = TYPE.fullmatch(content_type)
    if declared is None:
        return None
    mark = b"\r\n--" + declared[1]
    first = mark[2:] + b"\r\n"
    if not body.startswith(first):
        return None
    fields: Fields = []
    place = len(first)
    while True:
        end = body.find(mark, place)
        top = body.find(b"\r\n\r\n", place, min(place + LONGEST, end)) if end > 0 else -1
        head = HEAD.fullmatch(body, place, top) if top > 0 else None
        if head is None or len(fields) >= max_parts:
            return None
        field = make(head, body[top + 4 : end], scope)
        if field is None:
            return None
        fields.append(field)
        place = end + len(mark)
        if body.startswith(b"\r\n", place):
            place += 2
        else:
            return fields if body[place : place + 5] in ENDS else None


def make(head: re.Match[bytes], content: bytes, scope: Context) -> tuple[str, str | Upload] | None:
    """Make a field of a part; None where it may not be one."""
    name, filename, kind = head.groups()
    media = "" if kind is None else kind.decode("ascii")
    if is_pickle(media.lower()):
        return None
    try:
        if is_file(filename, media):
            return name.decode(), Upload(content, media or OCTETS, (filename or b"").decode(), scope)
        return None if ";" in media else (name.decode(), content.decode())  # with a charset, it may be
    except UnicodeDecodeError:
        return None


def is_file(filename: bytes | None, media: str) -> bool:
    """Say whether a part is a file: it has a file's name, or a type that is no text's."""
    return filename is not None or (media != "" and not media.lower().startswith(("text/", "application/json")))


def is_pickle(media: str) -> bool:
    """Say whether a media type carries pickles, which nobody here loads."""
    return "pickle" in media
