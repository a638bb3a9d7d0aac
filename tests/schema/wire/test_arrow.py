"""Arrow and Parquet from anybody: read when sound, refused before they take memory when not."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.schema.wire import arrow

TABLE = pa.table({"a": [1, 2, 3], "b": [0.5, None, 1.5], "c": ["x", "y", None], "d": [[1], [], [2, 3]]})


def ipc(table: Any, *, file: bool = False, **options: Any) -> bytes:
    """Write IPC with any options of pyarrow's."""
    out = pa.BufferOutputStream()
    opened = pa.ipc.new_file if file else pa.ipc.new_stream
    with opened(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(out.getvalue())


def parquet(table: Any, **options: Any) -> bytes:
    """Write Parquet with any options of pyarrow's."""
    out = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, out, **options)
    return bytes(out.getvalue())


@pytest.mark.parametrize(
    "table", [TABLE, TABLE.slice(0, 0), pa.table({"k": pa.array(["a", "b", "a"]).dictionary_encode()})]
)
@pytest.mark.parametrize("file", [False, True], ids=["stream", "file"])
def test_ipc_round_trip(table: Any, file: bool) -> None:
    """Streams and files of several types, empty ones and dictionaries are read as they were written."""
    assert arrow.read_ipc(pa, ipc(table, file=file)).equals(table)
    assert arrow.read_ipc(pa, arrow.write_stream(pa, table)).equals(table)


def test_parquet_round_trip() -> None:
    """Parquet is read as it was written, text by its values."""
    found = arrow.read_parquet(pa, arrow.write_parquet(pa, TABLE))
    assert found.to_pylist() == TABLE.to_pylist()


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("file", [False, True])
def test_compressed_batches_are_refused(codec: str, file: bool) -> None:
    """A megabyte of zeros in a few hundred bytes is not unpacked."""
    bomb = pa.table({"a": np.zeros(1_000_000)})
    body = ipc(bomb, file=file, compression=codec)
    assert len(body) < 100_000
    with pytest.raises(ValueError, match="without compression"):
        arrow.read_ipc(pa, body)


def test_a_compressed_dictionary_is_refused() -> None:
    """Compression is seen in dictionaries, too."""
    words = pa.array(["word" * 1000 + str(index) for index in range(50)]).dictionary_encode()
    with pytest.raises(ValueError, match="without compression"):
        arrow.read_ipc(pa, ipc(pa.table({"a": words}), compression="zstd"))


def test_rows_without_bytes_are_refused() -> None:
    """A billion rows that take no bytes are not believed."""
    nothing = pa.table({"a": pa.nulls(1_000_000_000)})
    with pytest.raises(ValueError, match="more rows than its"):
        arrow.read_ipc(pa, ipc(nothing))


def test_parquet_that_unpacks_to_too_much_is_refused() -> None:
    """A gigabyte that takes few bytes, as equal numbers do, is not unpacked."""
    body = parquet(pa.table({"a": pa.array(np.zeros(140_000_000, "i1"))}), compression="zstd")
    assert len(body) < 1_000_000
    with pytest.raises(ValueError, match="unpack to more than"):
        arrow.read_parquet(pa, body)


def test_a_repeated_long_text_takes_memory_once() -> None:
    """Parquet's dictionaries stay dictionaries: a long text in each row is not copied for each row."""
    body = parquet(pa.table({"a": ["x" * 1_000_000] * 3000}))
    assert len(body) < 2_000_000
    found = arrow.read_parquet(pa, body)
    assert found.nbytes < 100_000_000
    assert found.num_rows == 3000


IPC, PARQUET = ipc(TABLE), parquet(TABLE)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 50, len(IPC) // 2, len(IPC) - 20])
def test_ipc_cut_short(length: int) -> None:
    """A stream that ends in its middle is refused, or is the whole batches before that."""
    try:
        found = arrow.read_ipc(pa, IPC[:length])
    except ValueError:
        return
    assert found.num_rows in (0, 3)


@pytest.mark.parametrize("length", [0, 4, 50, len(PARQUET) // 2, len(PARQUET) - 1])
def test_parquet_cut_short(length: int) -> None:
    """A Parquet file that ends in its middle is refused."""
    with pytest.raises(ValueError, match="Parquet"):
        arrow.read_parquet(pa, PARQUET[:length])


@settings(max_examples=300)
@given(st.integers(0, len(IPC) - 1), st.integers(0, 255))
def test_ipc_with_a_wrong_byte(place: int, byte: int) -> None:
    """One wrong byte is refused, or gives a table; it never ends the process, nor raises anything else."""
    body = bytearray(IPC)
    body[place] = byte
    try:
        table = arrow.read_ipc(pa, bytes(body))
    except ValueError:
        return
    assert table.num_rows <= 8 * len(body)


@settings(max_examples=200)
@given(st.integers(4, len(PARQUET) - 1), st.integers(0, 255))
def test_parquet_with_a_wrong_byte(place: int, byte: int) -> None:
    """One wrong byte is refused, or gives a table."""
    body = bytearray(PARQUET)
    body[place] = byte
    try:
        arrow.read_parquet(pa, bytes(body)).to_pandas()
    except ValueError:
        return


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Bytes of any sort behind the magic words are refused or read."""
    for reader, head in (
        (arrow.read_ipc, arrow.STREAM_MAGIC),
        (arrow.read_ipc, arrow.FILE_MAGIC),
        (arrow.read_parquet, b"PAR1"),
    ):
        try:
            reader(pa, head + body)
        except ValueError:
            continue
