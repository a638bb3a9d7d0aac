"""The supervisor with real processes: started, watched, replaced, ended, and nothing of them left."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ServiceLoadError, Unavailable
from ekiben.engine.process import Group, State, Worker
from ekiben.engine.supervisor import DEATHS, Slot, Supervisor

MEMBER = Path(__file__).with_name("member.py")
pytestmark = pytest.mark.slow  # each worker is a fresh interpreter


def group(name: str = "worker", count: int = 1, **options: Any) -> Group:
    options.setdefault("notes", {"all": options.pop("all")} if "all" in options else {})
    return Group(name=name, command=[sys.executable, str(MEMBER)], count=count, drain=5.0, **{"grace": 2.0, **options})


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_known(pid: int) -> bool:
    """A zombie is known, a reaped process is not."""
    return Path(f"/proc/{pid}").exists()


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def supervised(*groups: Group, **options: Any) -> AsyncIterator[Supervisor]:
    """Run groups for a block; afterwards no process, no descriptor and no thread is left of them."""
    async with asyncio.timeout(5):
        await asyncio.to_thread(lambda: None)  # the loop's own threads and pipes are there before we count
    fds, threads, pids = open_fds(), threading.active_count(), set()

    def heard(worker: Worker, message: Any) -> None:
        pids.add(worker.pid)
        options.get("told", lambda *_: None)(worker, message)

    supervisor = Supervisor(groups, heard=heard, answers=options.get("answers"))
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()
    assert [pid for pid in pids if is_known(pid)] == []
    assert supervisor.workers() == []
    await until(lambda: threading.active_count() <= threads)
    await until(lambda: open_fds() <= fds)


async def test_workers_are_started_and_ended() -> None:
    """All that a group asks for become ready, and at the end no process, zombie, descriptor or thread is left."""
    async with supervised(group(count=3)) as supervisor:
        await supervisor.wait_ready()
        found = await supervisor.ask_all("place", 10.0)
        assert sorted(answer["index"] for answer in found.values() if answer) == [0, 1, 2]
        assert {worker.pid for worker in found} == {answer["pid"] for answer in found.values() if answer}
        pids = [worker.pid for worker in found]
    assert not any(map(is_known, pids))


async def test_a_worker_inherits_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker gets its sockets, variables and CPUs, and neither another's nor the supervisor's descriptors."""
    monkeypatch.setenv("OMP_NUM_THREADS", "63")
    cpu = min(os.sched_getaffinity(0))
    pairs: list[socket.socket] = []

    def own(index: int) -> dict[str, list[socket.socket]]:
        ours, theirs = socket.socketpair()
        pairs.append(ours)
        theirs.send(f"I was opened for {index}".encode())
        return {"data": [theirs]}

    with socket.create_server(("127.0.0.1", 0)) as listening, open(os.devnull) as secret:
        os.set_inheritable(secret.fileno(), True)
        given = group(
            count=2, sockets={"listen": [listening]}, open=own, cpus=lambda index: [cpu],
            env=lambda index: {"OMP_NUM_THREADS": str(index + 1)},
        )  # fmt: skip
        async with supervised(given) as supervisor:
            await supervisor.wait_ready()
            for worker, found in (await supervisor.ask_all("environment", 10.0)).items():
                assert found is not None
                assert found["place"] is None
                assert found["threads"] == str(worker.index + 1)
                assert found["cpus"] == [cpu]
                assert found["sockets"].keys() == {"listen", "data"}
                assert secret.fileno() not in found["fds"]
            for index, ours in enumerate(pairs):
                assert ours.recv(100) == f"I was opened for {index}".encode()
            await supervisor.stop()
            for ours in pairs:
                assert ours.recv(1) == b""  # nobody holds the other end any more
                ours.close()


async def test_both_ends_may_ask() -> None:
    """A worker asks the supervisor and gets the answer; an error there or here is told to the asker."""

    async def who(worker: Worker, message: Any) -> dict[str, Any]:
        return {"asked by": worker.index}

    async with supervised(group(), answers={"who": who}) as supervisor:
        await supervisor.wait_ready()
        worker = supervisor.workers()[0]
        assert (await worker.ask("relay", 10.0))["asked by"] == 0
        assert (await worker.ask("place", 10.0, given=[1, None, "ü"]))["given"] == [1, None, "ü"]
        with pytest.raises(Unavailable, match="RuntimeError: no such thing"):
            await worker.ask("broken", 10.0)
        with pytest.raises(Unavailable, match="unknown question"):
            await worker.ask("nonsense", 10.0)
        with pytest.raises(Unavailable, match=r"within 0\.05 seconds"):
            await worker.ask("never", 0.05)
        waiting = asyncio.create_task(worker.ask("never", 60.0))
        await asyncio.sleep(0)
        worker.kill()
        with pytest.raises(Unavailable, match="the other end is gone"):
            await waiting


async def test_a_killed_worker_is_replaced() -> None:
    """A worker that was killed is started again in its place, the others are left alone, and it is counted."""
    async with supervised(group(count=2)) as supervisor:
        await supervisor.wait_ready()
        first, second = supervisor.workers()
        os.kill(first.pid, signal.SIGKILL)
        await first.exited
        await supervisor.wait_ready()
        replaced, same = supervisor.workers()
        assert same is second
        assert (replaced.index, replaced.pid != first.pid) == (0, True)
        assert supervisor.restarts == {"worker": 1}


@pytest.mark.parametrize("count", [1, 3])
async def test_a_start_that_fails_ends_the_whole(count: int) -> None:
    """What keeps a worker from its first start is told in its own words, with its hint."""
    async with supervised(group(count=count, all="fail")) as supervisor:
        with pytest.raises(ServiceLoadError, match="the model is missing") as caught:
            await supervisor.wait_ready()
        assert caught.value.hint == "save it first"
        with pytest.raises(ServiceLoadError, match="the model is missing"):
            await supervisor.wait()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param("die", "ended with exit code 7", id="a worker that leaves again and again"),
        pytest.param("killed", "was killed by SIGKILL", id="a worker that is killed again and again"),
        pytest.param("ready and die", "ended with exit code 3", id="a worker that dies soon after it was ready"),
        pytest.param("pickle", "was killed by SIGKILL", id="a worker that sends a pickle, which is not read"),
        pytest.param("huge", "was killed by SIGKILL", id="a worker that announces four gigabytes"),
    ],
)
async def test_a_crash_loop_ends_the_whole(how: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies soon after each start ends the whole, with words; the pauses between are kept short here."""
    monkeypatch.setattr("ekiben.engine.supervisor.PAUSES", (0.0,))
    async with supervised(group(all=how)) as supervisor:
        with pytest.raises(ServiceLoadError, match=f"died {DEATHS} times in a row, last time it {words}"):
            await supervisor.wait()


@pytest.mark.parametrize("how", ["ready and die", "fail"])
async def test_a_crash_loop_ends_nothing_that_another_serves(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies again and again, or cannot start any more, is only paused while another takes calls."""
    monkeypatch.setattr("ekiben.engine.supervisor.PAUSES", (0.0,))
    deaths = []

    def told(worker: Worker, message: Any) -> None:
        if message["say"] == "ended":
            deaths.append(worker.index)

    async with supervised(group(count=2), told=told) as supervisor:
        await supervisor.wait_ready()
        supervisor._notes["worker"] = {"how": {"0": how}}  # from now on the first cannot live
        dying, other = supervisor.workers()
        dying.kill()
        await until(lambda: len(deaths) > DEATHS + 1)
        assert set(deaths) == {0}
        assert supervisor.failure is None
        assert other.state is State.READY
        other.kill()
        await other.exited
        supervisor._notes["worker"] = {"all": how}
        with pytest.raises(ServiceLoadError, match=r"in a row|the model is missing"):
            await supervisor.wait()


async def test_a_worker_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group with patience ends a worker that takes longer, and says so."""
    async with supervised(group(all="hang", patience=0.5)) as supervisor:
        with pytest.raises(ServiceLoadError, match=r"was not ready within 0\.5 seconds"):
            await supervisor.wait_ready()


def test_pauses_grow_and_a_long_life_ends_the_row() -> None:
    """The first restart is at once, later ones wait longer; a worker that lived well starts a new row."""

    async def run() -> None:
        slot = Slot(group(), 0)
        worker = Worker(slot.group, 0, 0, lambda *_: None, {})
        worker.readied = 100.0
        assert [slot.note_death(worker, -9, 101.0, is_last=True) for _ in range(4)] == [0.0, 0.5, 1.0, 2.0]
        assert slot.note_death(worker, -9, 200.0, is_last=True) == 0.0
        assert slot.note_death(worker, -9, 101.0, is_last=True) == 0.5
        worker.failure = ServiceLoadError("no model")
        slot.note_death(worker, 1, 101.0, is_last=True)
        slot.note_death(worker, 1, 101.0, is_last=True)
        assert slot.note_death(worker, 1, 102.0, is_last=False) == 4.0
        with pytest.raises(ServiceLoadError, match="no model"):
            slot.note_death(worker, 1, 300.0, is_last=True)

    asyncio.run(run())


async def test_groups_start_and_end_in_order() -> None:
    """A group starts once those it comes after are ready, and has ended before they are told to."""
    events: list[tuple[str, str]] = []

    def told(worker: Worker, message: Any) -> None:
        events.append((worker.group.name, message["say"]))

    front, back = group("front", after=("back",)), group("back", count=2)
    async with supervised(front, back, told=told) as supervisor:
        await supervisor.wait_ready()
        assert [name for name, _ in events] == ["back", "back", "front"]
        events.clear()
    assert events == [("front", "draining"), ("front", "ended"), *events[2:]]
    assert sorted(events[2:]) == [("back", "draining")] * 2 + [("back", "ended")] * 2


async def test_a_roll_replaces_all() -> None:
    """New workers are ready before an old one is told to end; later restarts have its notes, save those for once."""
    events: list[tuple[int, str]] = []

    def told(worker: Worker, message: Any) -> None:
        events.append((worker.generation, message["say"]))

    async with supervised(group(count=2), told=told) as supervisor:
        await supervisor.wait_ready()
        old = supervisor.workers()
        taken: list[list[bool]] = []
        note = lambda: taken.append([w.is_expected for w in old])  # noqa: E731 - said once
        await supervisor.roll("worker", {"version": 2}, note, once={"trial": 5})
        assert taken == [[True, True]]
        assert events[:4] == [(0, "ready"), (0, "ready"), (1, "ready"), (1, "ready")]
        assert all(worker.state is State.ENDED for worker in old)
        fresh = supervisor.workers()
        assert [(worker.generation, worker.state) for worker in fresh] == [(1, State.READY)] * 2
        assert (await fresh[0].ask("place", 10.0))["notes"] == {"version": 2, "trial": 5}
        fresh[0].kill()
        fresh[1].kill()
        await fresh[0].exited
        await fresh[1].exited
        await supervisor.wait_ready()
        answers = (await supervisor.ask_all("place", 10.0)).values()
        assert [answer["notes"] for answer in answers if answer] == [{"version": 2}] * 2


async def test_a_new_worker_is_watched_while_an_old_one_drains() -> None:
    """A worker that dies just after it took over is started again, however long its predecessor takes to end."""
    async with supervised(group(all="deaf", grace=3600.0)) as supervisor:
        await supervisor.wait_ready()
        [old] = supervisor.workers()
        taken = asyncio.Event()
        rolling = asyncio.create_task(supervisor.roll("worker", {"all": "live"}, taken.set))
        await taken.wait()
        [fresh] = supervisor.workers()
        fresh.kill()
        await until(lambda: [w for w in supervisor.workers() if w is not fresh and w.state is State.READY])
        assert old.state is State.READY
        old.kill()
        await rolling


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param({"1": "fail"}, "the model is missing", id="it says why"),
        pytest.param({"0": "die"}, "ended with exit code 7 before it was ready", id="it dies without a word"),
        pytest.param({"0": "ready and die", "1": "hang"}, "exit code 3", id="it dies while others still load"),
    ],
)
async def test_a_roll_that_fails_changes_nothing(how: dict[str, str], words: str) -> None:
    """If one new worker fails, all new ones end, the old ones stay, and they are what is started again later."""
    async with supervised(group(count=2)) as supervisor:
        await supervisor.wait_ready()
        old = supervisor.workers()
        with pytest.raises(ServiceLoadError, match=words):
            await supervisor.roll("worker", {"how": how})
        assert supervisor.workers() == old
        assert all(worker.state is State.READY for worker in old)
        old[0].kill()
        await old[0].exited
        await supervisor.wait_ready()
        assert supervisor.failure is None


async def test_stop_amid_a_roll() -> None:
    """A stop that comes while new workers load ends old and new."""
    async with supervised(group(count=2)) as supervisor:
        await supervisor.wait_ready()
        rolling = asyncio.create_task(supervisor.roll("worker", {"all": "hang"}))
        await until(lambda: len(supervisor._living) == 4)
        await supervisor.stop()
        with pytest.raises(ServiceLoadError, match=r"stopped before it was ready|was killed by SIGTERM"):
            await rolling
        with pytest.raises(ServiceLoadError, match="stopping"):
            await supervisor.roll("worker")


async def test_a_recycled_worker_has_a_successor_at_once() -> None:
    """`recycle` starts another and ends the old one, once, however often it is asked."""
    async with supervised(group(count=2)) as supervisor:
        await supervisor.wait_ready()
        stuck = supervisor.workers()[0]
        supervisor.recycle(stuck, "its model is stuck", drain=0.0)
        supervisor.recycle(stuck, "its model is stuck", drain=0.0)
        await stuck.exited
        await supervisor.wait_ready()
        assert supervisor.restarts == {"worker": 1}
        assert stuck not in supervisor.workers()


async def test_a_deaf_worker_is_killed() -> None:
    """A worker that ignores SIGTERM is killed after drain and grace."""
    async with supervised(group(all="deaf", grace=0.2)) as supervisor:
        await supervisor.wait_ready()
        worker = supervisor.workers()[0]
        await supervisor.stop(drain=0.1)
        assert worker.exited.result() == -signal.SIGKILL


async def test_kill_ends_a_stop_that_waits() -> None:
    """A second Ctrl-C does not wait for anybody."""
    async with supervised(group(all="deaf", grace=3600.0)) as supervisor:
        await supervisor.wait_ready()
        stopping = asyncio.create_task(supervisor.stop())
        await asyncio.sleep(0)
        supervisor.kill()
        await asyncio.wait_for(stopping, 30)


async def test_a_dead_worker_is_noticed_though_its_child_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's death is seen by its process, even where a child of its own holds the control socket open."""
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))
    monkeypatch.setattr("ekiben.engine.supervisor.DEATHS", 1)
    async with supervised(group(all="fork")) as supervisor:
        try:
            with pytest.raises(ServiceLoadError, match="exit code 7"):
                await supervisor.wait()
        finally:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_a_command_that_there_is_not() -> None:
    """A program that cannot be started is an error with its name."""
    async with supervised(Group(name="worker", command=["/nowhere/python"])) as supervisor:
        with pytest.raises(ServiceLoadError, match=r"cannot start worker 0: .*'/nowhere/python'"):
            await supervisor.wait_ready()
