"""Measure servers side by side: `make bench`, or `python bench/run.py --help`.

In: peers and cases. Out: one JSON line a measurement, and a Markdown report.
One round starts every peer in turn, fresh, on core 0, with the load on core 1: first right answer, warm-up,
load with wrk. Rounds are interleaved, so that a machine whose speed drifts treats all alike.
"""

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import processes
from peers import ALONE, BATCHED, CASES, PEERS, RIVALS, Ask, Case, Peer
from plot import draw
from report import write_report
from static import measure_static

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CAPTURED: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
MODELS = ROOT / ".venvs/bench-models"


def python_of(peer: Peer) -> Path:
    """Give the interpreter of a peer's environment."""
    return Path(sys.executable) if peer.venv == "main" else ROOT / f".venvs/bench-{peer.venv}/bin/python"


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def environment(case: str, peer: Peer, folder: Path, words: Mapping[str, Any]) -> dict[str, str]:
    """Make a server's environment: its own home, the models, one thread for BLAS."""
    return {
        **os.environ,
        **{name: value.format(**words) for name, value in peer.env.items()},
        "BENCH_CASE": case,
        "BENCH_MODELS": str(MODELS),
        "BENCH_LOG": str(folder / "server.log"),
        "PYTHONPATH": str(HERE),
        "EKIBEN_HOME": str(folder / "home"),
        "BENTOML_HOME": str(folder / "bentoml"),
        "PATH": f"{python_of(peer).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def load(port: int, ask: Ask, case: Case, seconds: float, core: int | None) -> dict[str, Any]:
    """Load a server for some seconds: with wrk, or with a client of streams."""
    body = str(MODELS / ask.body)
    if case.is_stream:
        command = [sys.executable, HERE / "stream.py", port, ask.path, body, ask.media, case.concurrency, seconds]
    else:
        url = f"http://127.0.0.1:{port}{ask.path}"
        command = [
            "wrk",
            "-t1",
            f"-c{case.concurrency}",
            f"-d{seconds:g}s",
            "--timeout",
            "10s",
            "-s",
            HERE / "load.lua",
            url,
        ]
    pinned = [] if core is None else ["taskset", "--cpu-list", core]
    env = {**os.environ, "BODY": body, "MEDIA": ask.media}
    words = [str(word) for word in (*pinned, *command)]
    return result_of(subprocess.run(words, env=env, check=True, **CAPTURED).stdout)


def check(answer: bytes, case: Case) -> None:
    """Hold a first answer to what the work must give; raises ValueError for another one."""
    if case.answer == "tokens":
        is_right = answer.count(b"tok") == 100
    else:
        value = json.loads(answer)
        if isinstance(value, dict):  # the V2 protocol
            value = value["outputs"][0]["data"]
        if case.answer == "mean":
            is_right = abs((value[0] if isinstance(value, list) else value) - 0.5) < 0.01
        else:
            is_right = value in ([[0], [1]] if case.answer == "labels" else [[256, 256]])
    if not is_right:
        raise ValueError(f"a wrong answer: {answer[:200]!r}")


def measure(name: str, case_name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start one peer, load it, stop it."""
    peer, case = PEERS[name], CASES[case_name]
    ask = peer.asks[case_name]
    cores = (None, None) if options.unpinned else (0, 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        folder = Path(text)
        python, ports = python_of(peer), free_ports(3)
        words = dict(zip(("port", "port1", "port2"), ports, strict=True))
        words |= {"python": python, "bin": python.parent, "servers": HERE / "servers"}
        env = environment(case_name, peer, folder, words)
        server = processes.start(shlex.split(peer.command.format(**words)), env, cores[0])
        try:
            url, body = f"http://127.0.0.1:{ports[0]}{ask.path}", (MODELS / ask.body).read_bytes()
            ready, answer = processes.first_answer(server, url, body, ask.media, patience=90)
            check(answer, case)
            load(ports[0], ask, case, 1, cores[1])
            before = processes.cpu_seconds(server.pid)
            found = load(ports[0], ask, case, options.seconds, cores[1])
            cpu = processes.cpu_seconds(server.pid) - before
            memory = processes.memory_mb(server.pid)
        except (ChildProcessError, TimeoutError, ValueError) as error:
            log = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise SystemExit(f"error: {name} in case {case_name}: {error}\n\n{log}") from error
        finally:
            processes.stop(server)
    found |= {"rps": found["requests"] / found["seconds"], "cpu_us": cpu / max(1, found["requests"]) * 1e6}
    return {"peer": name, "case": case_name, "ready_s": ready, "memory_mb": memory, **found}


def measure_model(case: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the model of a case alone, with full batches."""
    pinned = [] if options.unpinned else ["taskset", "--cpu-list", "0"]
    env = {**os.environ, "BENCH_CASE": case, "BENCH_MODELS": str(MODELS), "OMP_NUM_THREADS": "1"}
    command = [*pinned, sys.executable, str(HERE / "ceiling.py"), str(options.seconds)]
    return {"peer": ALONE, "case": case, **result_of(subprocess.run(command, env=env, check=True, **CAPTURED).stdout)}


def result_of(out: str) -> dict[str, Any]:
    """Read the line that a program of ours ends with."""
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return result


def able(name: str, case: str) -> bool:
    """Say whether a peer is installed and has the case."""
    peer = PEERS[name]
    return python_of(peer).exists() and case in peer.asks


def take(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all, round by round."""
    rows = []
    with options.out.open("w") as out:
        for turn in range(options.rounds):
            for case_name in RIVALS if options.budgets else options.cases.split(","):
                asked = RIVALS[case_name] if options.budgets else options.peers.split(",")
                names = [name for name in asked if able(name, case_name)]
                for name in [*names, *([ALONE] if case_name in BATCHED else [])]:
                    found = measure_model(case_name, options) if name == ALONE else measure(name, case_name, options)
                    row = found | {"round": turn}
                    rows.append(row)
                    out.write(json.dumps(row) + "\n")
                    out.flush()
                    print(f"{turn + 1}/{options.rounds} {case_name:14} {name:17} {row['rps']:9.0f} req/s", flush=True)
    return rows


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; those not installed are left out")
    parser.add_argument("--budgets", action="store_true", help="of each case only the peers that a budget names")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of load in each measurement")
    parser.add_argument("--again", action="store_true", help="write the report of the measurements that lie in --out")
    parser.add_argument("--unpinned", action="store_true", help="let the kernel place server and load")
    parser.add_argument("--out", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--report", type=Path, help="Markdown file to write, such as docs/benchmarks.md")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.again else take(options)
    if options.report:
        static = measure_static({name: python_of(PEERS[name]) for name in ("ekiben", "bentoml")}, options.rounds)
        draw(rows, options.report.with_suffix(".png"))
        options.report.write_text(write_report(rows, static, {n: python_of(p) for n, p in PEERS.items()}))
        print(f"wrote {options.report}")


if __name__ == "__main__":
    main()
