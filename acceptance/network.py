"""Give a case a network of its own, so that the ports of a document are always free.

In: nothing. Out: a network namespace with nothing but its loopback, which threads enter and leave.
What is started inside stays inside. Linux only; needs root, in a user namespace at least (`run.py` sees to that).
Source: network_namespaces(7), setns(2), netdevice(7).
"""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
HERE = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """A loopback of its own."""

    def __init__(self) -> None:
        with staying():
            check(_libc.unshare(CLONE_NEWNET), "make a network")
            raise_loopback()
            self._place = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in this network until the block ends: sockets and processes that are made meanwhile belong to it."""
        with staying():
            check(_libc.setns(self._place, CLONE_NEWNET), "enter a network")
            yield

    def close(self) -> None:
        """Let go of the network; it ends with the last process in it."""
        os.close(self._place)


class Here(Network):
    """The network of this machine, for what needs packages."""

    def __init__(self) -> None:
        pass

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Stay."""
        yield

    def close(self) -> None:
        """Leave all as it is."""


@contextmanager
def staying() -> Iterator[None]:
    """Come back to the network of now when the block ends."""
    now = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        check(_libc.setns(now, CLONE_NEWNET), "come back to the network")
        os.close(now)


def raise_loopback() -> None:
    """Set the interface `lo` up in the network of this thread."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def check(result: int, task: str) -> None:
    """Turn the result of a system call into an error."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot {task}: {os.strerror(code)}")
