"""A worker of tests: does what its notes and its index tell it, by the words below."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.engine.leash import Leash, take


async def live(leash: Leash, notes: Mapping[str, Any]) -> None:
    """Be ready, answer, and drain at SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)

    async def place(message: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"index": leash.place.index, "pid": os.getpid(), "notes": dict(notes), "given": message.get("given")}

    async def environment(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"place": os.environ.get("EKIBEN_PLACE"), "threads": os.environ.get("OMP_NUM_THREADS"),
                "cpus": sorted(os.sched_getaffinity(0)), "sockets": dict(leash.place.sockets),
                "fds": sorted(map(int, os.listdir("/proc/self/fd")))}  # fmt: skip

    async def relay(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return await leash.ask("who", 5.0)

    async def broken(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RuntimeError("no such thing")

    async def never(_: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(3600)
        return {}

    leash.attach({"place": place, "environment": environment, "relay": relay, "broken": broken, "never": never})
    leash.ready(words="here")
    await asked.wait()
    leash.say("draining")


def misbehave(leash: Leash, how: str) -> None:
    """Do what a good worker does not."""
    raw = leash._control  # the attack needs the socket itself
    match how:
        case "fail":
            leash.failed(ConfigError("the model is missing", hint="save it first"))
            leash.close()
            sys.exit(1)
        case "die":
            os._exit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(3600)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            leash.ready()
            time.sleep(3600)
        case "ready and die":
            leash.ready()
            leash.close()
            os._exit(3)
        case "fork":
            os.set_inheritable(raw.fileno(), True)
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
            Path(os.environ["PID_FILE"]).write_text(str(child.pid))
            os._exit(7)
        case "pickle":
            raw.sendall(pickle.dumps({"say": "ready"}))
            time.sleep(3600)
        case "huge":
            raw.sendall(b"\xff\xff\xff\xff" + b"x" * 1000)
            time.sleep(3600)


def main() -> None:
    leash = take()
    assert leash is not None, "a supervisor starts this"
    leash.hold(patience=2.0)
    notes = leash.place.notes
    how = notes.get("how", {}).get(str(leash.place.index), notes.get("all", "live"))
    gate = notes.get("until")  # a file: misbehave as long as it is there
    if gate is not None and not Path(gate).exists():
        how = "live"
    if how == "live":
        asyncio.run(live(leash, notes))
    else:
        misbehave(leash, how)
    leash.close()


if __name__ == "__main__":
    main()
