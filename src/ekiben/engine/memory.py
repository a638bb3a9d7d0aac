"""Keep the memory that a call gave back for the next one.

In: nothing. Out: glibc's allocator, told to. By itself it returns the end of the heap to the system as soon as a
few hundred kilobytes of it are free, so that each image or array is laid into new pages, and zeroing those cost a
quarter of a small image's whole time.
Source: mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, and the environment variables of the same meaning.
"""

import ctypes
import os
import platform
from collections.abc import Mapping

TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
KEPT = 64 * 1024 * 1024  # bytes at the end of the heap that stay ours although they are free
LARGE = 32 * 1024 * 1024  # bytes of a piece that is asked of the system, and given back, each time; glibc's greatest
THEIRS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


def keep_freed(environ: Mapping[str, str] = os.environ) -> bool:
    """Let this process keep up to 64 MiB that it has freed.

    Returns:
        False where the user has settled it by glibc's own variables, or the C library is another one.
    """
    if any(name in environ for name in THEIRS) or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(TRIM, KEPT)) and bool(mallopt(MMAP, LARGE))
