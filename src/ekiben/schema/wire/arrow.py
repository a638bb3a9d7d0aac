"""Tables as bytes: Arrow IPC and Parquet, from senders that are not trusted.

In: bytes. Out: a `pyarrow.Table` whose every buffer was validated and which is not much larger than what came,
and back. Compressed record batches are refused: a few bytes of them could unpack to all of the memory.
Source: Arrow columnar format, "IPC Streaming Format"; flatbuffers' binary format; Parquet's `FileMetaData`.
"""

import struct
from types import ModuleType
from typing import Any

STREAM = "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
FILE_MAGIC = b"ARROW1\0\0"
STREAM_MAGIC = b"\xff\xff\xff\xff"
PARQUET_MAGIC = b"PAR1"
MAX_UNPACKED = 2**30  # bytes that a Parquet file may hold, unpacked
RECORDS, DICTIONARY = "record batch", "dictionary"
HEADER, DATA, COMPRESSION = 2, 1, 3  # numbers of fields: in Message, in DictionaryBatch, in RecordBatch


def read_ipc(pyarrow: ModuleType, body: bytes) -> Any:
    """Read an IPC stream, or an IPC file, which is a stream within two magic words.

    Raises:
        ValueError: it is damaged or cut short, compressed, or claims more rows than its bytes can hold.
    """
    content = pyarrow.py_buffer(body)
    if body.startswith(FILE_MAGIC):
        content = content.slice(len(FILE_MAGIC))
    try:
        if has_compression(pyarrow, content):
            raise ValueError("must be Arrow data without compression; compress the whole body instead (gzip)")
        with pyarrow.ipc.open_stream(content) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, struct.error, IndexError, MemoryError, OverflowError) as error:
        raise ValueError(f"is not readable Arrow data: {first_line(error)}") from error
    check_rows(pyarrow, table, len(body))
    return table


def read_parquet(pyarrow: ModuleType, body: bytes) -> Any:
    """Read a Parquet file; texts stay in dictionaries, so that each is held once.

    Raises:
        ValueError: it is damaged, or unpacks to more than `MAX_UNPACKED` bytes.
    """
    from_file = pyarrow.parquet.ParquetFile
    try:
        with from_file(pyarrow.py_buffer(body)) as file:
            told = file.metadata
            unpacked = sum(told.row_group(index).total_byte_size for index in range(told.num_row_groups))
            if max(unpacked, told.num_rows * max(1, told.num_columns) * 8) > MAX_UNPACKED:
                raise ValueError(f"must not unpack to more than {MAX_UNPACKED} bytes")
            texts = [field.name for field in file.schema_arrow if is_text(pyarrow, field.type)]
        with from_file(pyarrow.py_buffer(body), read_dictionary=texts) as file:
            table = file.read(use_threads=False)
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, MemoryError, OverflowError) as error:
        raise ValueError(f"is not a readable Parquet file: {first_line(error)}") from error
    return table


def write_stream(pyarrow: ModuleType, table: Any) -> bytes:
    """Write an IPC stream."""
    out = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue())


def write_parquet(pyarrow: ModuleType, table: Any) -> bytes:
    """Write a Parquet file."""
    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, out)
    return bytes(out.getvalue())


def has_compression(pyarrow: ModuleType, content: Any) -> bool:
    """Say whether any record batch in a stream is compressed."""
    reader = pyarrow.ipc.MessageReader.open_stream(content)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return False
        if message.type not in (RECORDS, DICTIONARY):
            continue
        metadata = message.metadata.to_pybytes()
        table = enter(metadata, struct.unpack_from("<I", metadata)[0], HEADER)
        if table is not None and message.type == DICTIONARY:
            table = enter(metadata, table, DATA)
        if table is None or enter(metadata, table, COMPRESSION) is not None:
            return True


def enter(metadata: bytes, table: int, number: int) -> int | None:
    """Give where the table in field *number* of the one at *table* begins, or None."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", metadata, vtable + slot)[0] if slot < size else 0
    if not offset:
        return None
    place = table + offset
    return int(place + struct.unpack_from("<I", metadata, place)[0])


def check_rows(pyarrow: ModuleType, table: Any, size: int) -> None:
    """Refuse columns without bytes a row that would take more memory than the body."""
    empty = sum(1 for field in table.schema if pyarrow.types.is_null(field.type))
    if table.num_rows > 8 * size or empty * table.num_rows > size:
        raise ValueError(f"claims more rows than its {size} bytes can hold: {table.num_rows}")


def is_text(pyarrow: ModuleType, kind: Any) -> bool:
    """Say whether a type is of text or bytes."""
    types = pyarrow.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def first_line(error: BaseException) -> str:
    """Give the first line of an error's words."""
    return str(error).partition("\n")[0][:200] or type(error).__name__
