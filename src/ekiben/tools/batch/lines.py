"""Read text line by line, however long its lines are.

In: an open binary file. Out: lines as text; None for one that is too long or no UTF-8, which is passed over.
At most `LONGEST` bytes of a line are ever in memory.
"""

from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 16 * 1024 * 1024  # bytes
BOM = b"\xef\xbb\xbf"
WRONG = f"is longer than {LONGEST // 2**20} MiB, or is not UTF-8 text"


def lines(file: BinaryIO, longest: int = LONGEST) -> Iterator[str | None]:
    """Give the lines of *file*, with their ends."""
    is_first = True
    while line := file.readline(longest + 1):
        if is_first and line.startswith(BOM):
            line = line[len(BOM) :]
        is_first = False
        if len(line) > longest:
            while line and not line.endswith(b"\n"):
                line = file.readline(longest)
            yield None
            continue
        try:
            yield line.decode()
        except UnicodeDecodeError:
            yield None
