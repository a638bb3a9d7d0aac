"""A compressed stream is read within its budget, and says so when it is damaged."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable

import pytest
import zstandard

from ekiben.core.errors import CorruptArchive, UnsafeArchive
from ekiben.store.streams import CHUNK, Budget, Guarded, inflate

TEXT = bytes(range(256)) * 2000
Compress = Callable[[bytes], bytes]
KINDS = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
    "nothing": bytes,
}
COMPRESSED = {name: compress for name, compress in KINDS.items() if name != "nothing"}


def read(data: bytes, size: int = 10 * len(TEXT), step: int = 7001) -> bytes:
    """Inflate *data* in steps, within a budget of *size* bytes."""
    stream = inflate(io.BytesIO(data), Budget(size, 1))
    return b"".join(iter(lambda: stream.read(step), b""))


@pytest.mark.parametrize("compress", KINDS.values(), ids=KINDS)
def test_inflate_gives_what_went_in(compress: Compress) -> None:
    """Each kind is told from its first bytes and read to its end."""
    assert read(compress(TEXT)) == TEXT


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
def test_streams_in_a_row_are_one(compress: Compress) -> None:
    """Parallel compressors write several streams after each other; all of them are read."""
    assert read(compress(TEXT) + compress(b"more")) == TEXT + b"more"


def test_xz_padding_is_passed_over() -> None:
    """Zeros after and between streams of xz are padding."""
    assert read(lzma.compress(TEXT) + bytes(8) + lzma.compress(b"more") + bytes(4)) == TEXT + b"more"
    assert read(lzma.compress(TEXT) + bytes(3 * CHUNK) + lzma.compress(b"more")) == TEXT + b"more"


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
def test_nothing_but_garbage_follows(compress: Compress) -> None:
    """What follows the compressed data and is none is damage, not the end."""
    with pytest.raises(CorruptArchive):
        read(compress(TEXT) + b"garbage")


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_a_cut_stream_is_damage(name: str) -> None:
    """Wherever the file is cut, the end is missed. (The end of zstd is missed by the tar inside it.)"""
    whole = KINDS[name](TEXT)
    for length in (len(whole) - 1, len(whole) - 9, len(whole) // 2, 20):
        with pytest.raises(CorruptArchive, match="damaged or cut short"):
            read(whole[:length])


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
def test_a_changed_byte_is_damage(compress: Compress) -> None:
    """A flipped bit in the middle never passes as other data."""
    whole = bytearray(compress(TEXT))
    whole[len(whole) // 2] ^= 0x40
    try:
        given = read(bytes(whole))
    except CorruptArchive:
        return
    assert compress is zstandard.compress  # which has no check sum by default; the manifest has
    assert len(given) <= 10 * len(TEXT)


@pytest.mark.parametrize("compress", KINDS.values(), ids=KINDS)
def test_the_budget_ends_it(compress: Compress) -> None:
    """One byte more than allowed is refused; exactly what is allowed is not."""
    assert read(compress(TEXT), size=len(TEXT)) == TEXT
    with pytest.raises(UnsafeArchive, match=f"unpacks to more than {len(TEXT) - 1} bytes") as caught:
        read(compress(TEXT), size=len(TEXT) - 1)
    assert "max_size" in (caught.value.hint or "")


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
def test_a_bomb_is_never_held_in_memory(compress: Compress) -> None:
    """64 MiB of zeros in a few kB come out a piece at a time."""
    stream = inflate(io.BytesIO(compress(bytes(64 * CHUNK))), Budget(2 * CHUNK, 1))
    assert len(stream.read(CHUNK)) == CHUNK
    assert len(stream.read(CHUNK)) == CHUNK
    with pytest.raises(UnsafeArchive):
        stream.read(CHUNK)


def test_xz_that_asks_for_much_memory_is_refused() -> None:
    """A header that asks for a dictionary of 1.5 GiB is refused before it is made."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]
    data = bytearray(lzma.compress(b"x", check=lzma.CHECK_NONE, filters=filters))
    assert data[16] == 0  # the size of the dictionary, as the xz format page encodes it: 4 KiB
    data[16] = 39  # 3 GiB
    data[20:24] = zlib.crc32(data[12:20]).to_bytes(4, "little")
    with pytest.raises(CorruptArchive, match=r"(?i)memory"):
        read(bytes(data))


class TestGuarded:
    """The stream goes forward only, in pieces of the size of a header or a chunk."""

    def test_seek_skips(self) -> None:
        """Skipping forward is charged as reading is."""
        stream = Guarded(io.BytesIO(TEXT), Budget(1000, 1))
        assert stream.seek(300) == 300
        assert stream.read(10) == TEXT[300:310]
        assert stream.tell() == 310
        with pytest.raises(UnsafeArchive):
            stream.seek(2000)

    @pytest.mark.parametrize(("offset", "whence"), [(5, 0), (-1, 0), (-1, 1), (0, 2)])
    def test_seek_never_goes_back(self, offset: int, whence: int) -> None:
        """A header that points backwards, which could be read for ever, is damage."""
        stream = Guarded(io.BytesIO(TEXT), Budget(1000, 1))
        stream.read(10)
        with pytest.raises(CorruptArchive, match="points backwards"):
            stream.seek(offset, whence)

    @pytest.mark.parametrize("size", [-1, CHUNK + 1, 1 << 40])
    def test_a_read_has_a_size(self, size: int) -> None:
        """Reading to the end, or a header of a terabyte, is refused before memory is taken."""
        with pytest.raises(UnsafeArchive, match=f"claims to be {size} bytes long"):
            Guarded(io.BytesIO(TEXT), Budget(1000, 1)).read(size)

    def test_an_error_of_the_disk_stays_one(self) -> None:
        """A disk that fails is not an archive that is damaged."""

        class Failing(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise OSError(5, "Input/output error")

        with pytest.raises(OSError, match="Input/output"):
            Guarded(Failing(), Budget(1000, 1)).read(10)


def test_members_are_counted() -> None:
    """The budget of members ends where it says."""
    budget = Budget(0, 2)
    budget.spend_member()
    budget.spend_member()
    with pytest.raises(UnsafeArchive, match="more than 2 members"):
        budget.spend_member()
