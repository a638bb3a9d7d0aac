"""Connections that one process accepts and others serve."""

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ekiben.engine.passing import AT_ONCE, Giver, Taker


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as found:
        yield found


def connect(to: socket.socket) -> socket.socket:
    return socket.create_connection(to.getsockname(), timeout=30)


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Worker:
    """Takes connections, in this process."""

    def __init__(self, name: bytes) -> None:
        self.end, theirs = socket.socketpair()
        self.end.setblocking(False)
        self.taken: list[socket.socket] = []
        self.name = name
        self.taker = Taker(theirs, self.take)

    def take(self, connection: socket.socket) -> None:
        connection.sendall(self.name)
        self.taken.append(connection)

    def close(self) -> None:
        self.taker.close()
        self.end.close()
        for each in self.taken:
            each.close()


async def test_each_gets_as_many_as_the_next() -> None:
    """Connections go round: three workers have 20, 20 and 20 of 60."""
    before = len(os.listdir("/proc/self/fd"))
    with listening() as sock:
        giver, workers = Giver([sock]), [Worker(b"0"), Worker(b"1"), Worker(b"2")]
        giver.give_to([worker.end for worker in workers])
        clients = [connect(sock) for _ in range(60)]
        await until(lambda: sum(len(worker.taken) for worker in workers) == 60)
        assert [len(worker.taken) for worker in workers] == [20, 20, 20]
        assert {client.recv(1) for client in clients} == {b"0", b"1", b"2"}
        assert not any(os.get_inheritable(each.fileno()) for worker in workers for each in worker.taken)
        giver.close()
        for each in (*clients, *workers):
            each.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_who_has_left_gets_none() -> None:
    """A worker that ended gets no connection; none is lost with it, and the others get its part."""
    with listening() as sock:
        giver, gone, stays = Giver([sock]), Worker(b"g"), Worker(b"s")
        giver.give_to([gone.end, stays.end])
        gone.close()
        gone.end, other = socket.socketpair()
        gone.end.close()
        other.close()
        clients = [connect(sock) for _ in range(10)]
        await until(lambda: len(stays.taken) == 10)
        assert [client.recv(1) for client in clients] == [b"s"] * 10
        giver.close()
        for each in (*clients, stays):
            each.close()


async def test_connections_wait_while_nobody_takes() -> None:
    """Where nobody takes, a connection is not refused: it is served once somebody does."""
    with listening() as sock:
        giver = Giver([sock])
        giver.give_to([])
        clients = [connect(sock) for _ in range(5)]
        worker = Worker(b"w")
        giver.give_to([worker.end])
        await until(lambda: len(worker.taken) == 5)
        giver.give_to([])
        late = connect(sock)
        await asyncio.sleep(0.05)
        assert len(worker.taken) == 5
        giver.close()
        for each in (*clients, late, worker):
            each.close()


async def test_a_worker_that_is_full_is_passed_by() -> None:
    """A worker that takes nothing fills up, and then the others get all; where all are full, connections wait."""
    with listening() as sock:
        end, theirs = socket.socketpair()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel rounds up to its least
        end.setblocking(False)
        giver = Giver([sock])
        giver.give_to([end])
        clients = [connect(sock) for _ in range(100)]
        await until(lambda: giver._later is not None)
        worker = Worker(b"w")
        giver.give_to([end, worker.end])
        await until(lambda: not giver._held and select.select([sock], [], [], 0)[0] == [])
        giver.close()
        end.close()
        held = 0
        while (found := socket.recv_fds(theirs, 1, 1))[0]:
            os.close(found[1][0])
            held += 1
        assert 0 < held < 100
        await until(lambda: held + len(worker.taken) == 100)
        for each in (*clients, worker, theirs):
            each.close()


async def test_what_was_sent_is_taken_before_the_end() -> None:
    """A worker that ends takes all that waits for it, however much that is: nobody else has those connections."""
    with listening() as sock:
        worker = Worker(b"w")
        clients = []
        for _ in range(3 * AT_ONCE):
            clients.append(connect(sock))
            with sock.accept()[0] as found:
                socket.send_fds(worker.end, [b"c"], [found.fileno()])
        worker.taker.close()
        assert len(worker.taken) == 3 * AT_ONCE
        for each in (*clients, worker):
            each.close()
