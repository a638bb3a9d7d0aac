"""Forms are read as they arrive: fields in their order, uploads spooled, nothing named by a client's string."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ekiben.core.context import Context
from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType
from ekiben.core.spec import Limits
from ekiben.http.form import SPOOL, read_multipart, read_urlencoded, read_whole
from ekiben.schema.content import Upload
from tests.http.calls import Calls
from tests.http.within import asking

LIMITS = Limits(max_parts=5)
NAMES = [
    "a.bin",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x\\y.png",
    "名前.png",
    'q"uote.png',
    "aGVsbG8=.jpg",
    "",
    "." * 300,
]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(Calls, limits=LIMITS) as client:
        yield client


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def body(*parts: tuple[str, bytes]) -> bytes:
    """Write a form by hand; each part is its head and its content."""
    lines = [b"--B\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts]
    return b"".join([*lines, b"--B--\r\n"])


def field(name: str, more: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{more}'


async def read(form: bytes, scope: Context, step: int = 7, content_type: bytes = b"multipart/form-data; boundary=B"):
    return await read_multipart(pieces(form, step), content_type, LIMITS, scope)


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_in_pieces(step: int) -> None:
    """However a form is cut into pieces, its fields are the same."""
    form = body((field("a"), b"1"), (field("f", '; filename="x.png"\r\nContent-Type: image/png'), b"\r\n--Bx\r\n\x00"))
    fields = await read(form, Context(), step)
    assert fields == [("a", "1"), ("f", Upload(b"\r\n--Bx\r\n\x00", "image/png", "x.png"))]


async def test_spooled() -> None:
    """A large upload lies in a file of the call, which ends with it; a small one stays in memory."""
    scope = Context()
    fields = dict(
        await read(
            body((field("big", "; filename=b"), b"x" * (SPOOL + 1)), (field("s", "; filename=s"), b"y")), scope, 65536
        )
    )
    assert isinstance(fields["big"], Upload)
    assert isinstance(fields["big"].content, Path)
    assert fields["big"].read() == b"x" * (SPOOL + 1)
    assert fields["s"] == Upload(b"y", filename="s")
    path = fields["big"].content
    scope.close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("form", "content_type", "error"),
    [
        pytest.param(body((field("a"), b"1"))[:-6], None, InvalidInput, id="cut short"),
        pytest.param(b"", None, InvalidInput, id="empty"),
        pytest.param(b"garbage", None, InvalidInput, id="no form at all"),
        pytest.param(body((field("a"), b"1")), b"multipart/form-data", InvalidInput, id="no boundary"),
        pytest.param(b"", b"multipart/form-data; boundary=" + b"x" * 5000, InvalidInput, id="an endless boundary"),
        pytest.param(body(("Content-Type: text/plain", b"1")), None, InvalidInput, id="a part without a name"),
        pytest.param(body((field("a"), b"\xff")), None, InvalidInput, id="text that is no UTF-8"),
        pytest.param(body(("X: " + "y" * 10_000, b"1")), None, InvalidInput, id="an endless header in a part"),
        pytest.param(body(("X: y\r\n" * 20 + field("a"), b"1")), None, InvalidInput, id="many headers in a part"),
        pytest.param(body(*[(field("a"), b"1")] * 6), None, BodyTooLarge, id="too many parts"),
        pytest.param(body((field("a") + "\r\nContent-Type: application/x-pickle", b"1")), None, UnsupportedMediaType,
                     id="a pickle"),
    ],
)  # fmt: skip
async def test_refused(form: bytes, content_type: bytes | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(form, Context(), 4096, content_type or b"multipart/form-data; boundary=B")


def test_urlencoded() -> None:
    """Fields keep their order, their repetitions and their empty values."""
    assert read_urlencoded(b"a=1&a=%20&b=&c=%C3%A9", LIMITS) == [("a", "1"), ("a", " "), ("b", ""), ("c", "é")]


@pytest.mark.parametrize("name", NAMES)
async def test_any_file_name(client: httpx.AsyncClient, name: str) -> None:
    """Any file name is taken, none leads out of the call's folder, and the folder is gone after the answer."""
    answer = await client.post("/gather", files=[("files", (name or None, b"12345", "image/png"))])
    [folder] = set(answer.json()["folders"])
    assert answer.json()["sizes"] == [5]
    assert re.fullmatch(r".*/ekiben-call-[^/]+", folder)
    assert not Path(folder).exists()


async def test_repeated_fields(client: httpx.AsyncClient) -> None:
    """A repeated field is a list, uploads keep their order, and a field may hold JSON."""
    files = [("files", ("1", b"1")), ("files", ("2", b"22" * SPOOL))]
    answer = await client.post("/gather", files=files, data={"names": ["x", "y"], "note": '{"free": "text"}'})
    assert answer.json()["sizes"] == [1, 2 * SPOOL]
    assert (answer.json()["names"], answer.json()["note"]) == (["x", "y"], '{"free": "text"}')
    answer = await client.post("/gather", files=files[:1], data={"names": '["x", "y"]'})
    assert answer.json()["names"] == ["x", "y"]


async def test_nothing_is_left_of_a_refused_form(client: httpx.AsyncClient, tmp_path: Path, monkeypatch) -> None:
    """A form that is refused halfway leaves no file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    form = body((field("files", "; filename=b"), b"x" * (2 * SPOOL)))[:-5]
    answer = await client.post("/gather", content=form, headers={"content-type": "multipart/form-data; boundary=B"})
    assert answer.status_code == 400
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "media", "expected"),
    [
        ("día".encode("latin-1"), "text/plain; charset=iso-8859-1", "día"),
        ("día".encode(), 'text/plain; charset="UTF-8"', "día"),
        ("día".encode(), "text/plain; format=flowed", "día"),
    ],
)
async def test_text_in_its_charset(content: bytes, media: str, expected: str) -> None:
    """A part of text is read in the charset that its sender names (RFC 7578, 4.5), whichever reader meets it."""
    head = f'--b\r\nContent-Disposition: form-data; name="t"\r\nContent-Type: {media}\r\n\r\n'.encode()
    body = head + content + b"\r\n--b--\r\n"
    declared = b"multipart/form-data; boundary=b"
    assert await read_multipart(pieces(body, 7), declared, LIMITS, Context()) == [("t", expected)]
    assert read_whole(body, declared, LIMITS, Context()) == [("t", expected)]
    with pytest.raises(InvalidInput, match="`t` must be text in UTF-8, or in another charset"):
        read_whole(body.replace(media.encode(), b"text/plain; charset=zip"), declared, LIMITS, Context())
