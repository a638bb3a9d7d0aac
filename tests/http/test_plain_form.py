"""A form that is read in one go has the fields that the careful reader finds; one with a mistake has none."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.core.context import Context
from ekiben.core.errors import EkibenError
from ekiben.core.spec import Limits
from ekiben.http import plain_form
from ekiben.http.form import read_multipart, read_whole
from ekiben.schema.content import Upload

LIMITS = Limits(max_parts=4)
TYPE = b"multipart/form-data; boundary=B"
USUAL = b'Content-Disposition: form-data; name="a"'

NAMES = st.one_of(
    st.sampled_from(
        [b"a", b"files", b"", b"x y", b"a=b", "é".encode(), b"\xff", b'q"', b"a\\b", b"a;b", b"C:\\x\\y", b"a\r\nb"]
    ),
    st.binary(max_size=4),
)
TYPES = st.sampled_from(
    [b"", b"text/plain", b"Text/Plain; charset=utf-8", b"application/json", b"image/png", b"application/x-Pickle",
     b" image/png", b"image/png ", b"\timage/png", b"", b"a\nb", b"\xe9", b"multipart/mixed; boundary=C"]
)  # fmt: skip
CONTENTS = st.one_of(
    st.sampled_from([b"", b"1", b"\r\n", b"\r\n--", b"--B", b"\r\n--Bx", b"\r\n--B", b"\r\n--B--", b"\r\n--B \r\n",
                     b"\xff", b"\r\n\r\n", b"\r\n--B\r\n" + USUAL + b"\r\n\r\nin between"]),
    st.binary(max_size=12),
)  # fmt: skip
MORE = st.sampled_from(
    [b"", b"", b"", b"", b"\r\nContent-Transfer-Encoding: base64", b"\r\nX: y", b"\r\n folded", b"; filename*=UTF-8''x",
     b"\r\nContent-Disposition: form-data; name=other", b" ", b"; x=y"]
)  # fmt: skip


@st.composite
def parts(draw: st.DrawFn) -> bytes:
    """Write a part, usually a usual one."""
    field = draw(st.sampled_from([b"Content-Disposition", b"content-disposition", b"Content-Disposition "]))
    head = field + draw(st.sampled_from([b": ", b": ", b":", b":  "])) + b"form-data; name=" + quoted(draw)
    if draw(st.booleans()):
        head += draw(st.sampled_from([b"; ", b"; ", b";", b" ; "])) + b"filename=" + quoted(draw)
    kind = draw(TYPES)
    head += draw(MORE)
    if kind:
        head += draw(st.sampled_from([b"\r\nContent-Type: ", b"\r\ncontent-type:", b"\nContent-Type: "])) + kind
    return head + b"\r\n\r\n" + draw(CONTENTS)


def quoted(draw: st.DrawFn) -> bytes:
    name = draw(NAMES)
    return draw(st.sampled_from([b'"%b"', b'"%b"', b'"%b"', b"%b"])) % name


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Write a form, sometimes with something around it or a byte that is changed."""
    found = draw(st.lists(parts(), max_size=6))
    between = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n"]))
    body = b"".join(b"--B" + between + part + b"\r\n" for part in found)
    body = draw(st.sampled_from([b"", b"", b"", b"\r\n", b"hello\r\n"])) + body
    body += draw(
        st.sampled_from(
            [b"--B--\r\n", b"--B--\r\n", b"--B--", b"--B", b"", b"--B--\r\nbye", b"--B--\r\n\r\n", b"--B-x"]
        )
    )
    if body and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(body) - 1))
        body = body[:place] + draw(st.binary(max_size=2)) + body[place + 1 :]
    return body


async def careful(body: bytes, content_type: bytes = TYPE) -> plain_form.Fields | tuple[type, str]:
    async def pieces() -> AsyncIterator[bytes]:
        yield body

    try:
        return await read_multipart(pieces(), content_type, LIMITS, Context())
    except EkibenError as error:
        return type(error), str(error)


def whole(body: bytes, content_type: bytes = TYPE) -> plain_form.Fields | tuple[type, str]:
    try:
        return read_whole(body, content_type, LIMITS, Context())
    except EkibenError as error:
        return type(error), str(error)


@given(forms())
@settings(max_examples=1500, deadline=None)
async def test_the_careful_reader_agrees(body: bytes) -> None:
    """Whatever a form looks like, both ways give the same fields or the same error."""
    expected = await careful(body)
    assert whole(body) == expected
    found = plain_form.read(body, TYPE, LIMITS.max_parts, Context())
    assert found is None or found == expected


@given(
    st.one_of(
        st.binary(max_size=80).map(lambda content: b"multipart/form-data; boundary=" + content),
        st.text("aB=;\"' *,", max_size=12).map(lambda text: b"multipart/form-data; boundary=" + text.encode()),
        st.sampled_from(
            [b"multipart/form-data", b"multipart/form-data;boundary=B", b"MULTIPART/form-data; boundary=B"]
        ),
    )
)
@settings(deadline=None)
async def test_any_boundary(content_type: bytes) -> None:
    """Both ways read the same boundary out of a content type."""
    for boundary in (content_type.partition(b"boundary=")[2].strip(b'"'), content_type.partition(b"=")[2], b"B"):
        body = b"--%b\r\n%b\r\n\r\n1\r\n--%b--\r\n" % (boundary, USUAL, boundary)
        assert whole(body, content_type) == await careful(body, content_type)


@pytest.mark.parametrize("tail", [b"--B--", b"--B--\r\n"])
@pytest.mark.parametrize("name", [b"Content-Disposition", b"content-disposition"])
def test_plain(name: bytes, tail: bytes) -> None:
    """What clients usually send is read in one go."""
    body = (
        b'--B\r\n%b: form-data; name="note"\r\n\r\nhm\r\n'
        b'--B\r\n%b: form-data; name="file"; filename="x/a.png"\r\nContent-Type: image/png\r\n\r\n\r\n--\x00\r\n%b'
        % (name, name, tail)
    )
    scope = Context()
    found = plain_form.read(body, TYPE, 2, scope)
    assert found == [("note", "hm"), ("file", Upload(b"\r\n--\x00", "image/png", "a.png"))]
    assert isinstance(found[1][1], Upload)
    assert found[1][1].scope is scope
    assert plain_form.read(body, TYPE, 1, scope) is None
