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
from pathlib import Path
from typing import Any

import processes
from peers import CASES, NAMED, PEERS, ROW, Case, Peer
from report import write_report
from static import measure_static

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def python_of(peer: Peer) -> Path:
    """Give the interpreter of a peer's environment."""
    return Path(sys.executable) if peer.venv == "main" else ROOT / f".venvs/bench-{peer.venv}/bin/python"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(case: str, peer: Peer, folder: Path) -> dict[str, str]:
    """Make a server's environment: its own home, the models, one thread for BLAS."""
    return {
        **os.environ,
        **peer.env,
        "BENCH_CASE": case,
        "BENCH_MODELS": str(ROOT / ".venvs/bench-models"),
        "BENCH_LOG": str(folder / "server.log"),
        "PYTHONPATH": str(HERE),
        "EKIBEN_HOME": str(folder / "home"),
        "BENTOML_HOME": str(folder / "bentoml"),
        "PATH": f"{python_of(peer).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def load(url: str, body: Path, concurrency: int, seconds: float, core: int | None) -> dict[str, Any]:
    """Load *url* with wrk for some seconds."""
    command = [
        "wrk",
        "-t1",
        f"-c{concurrency}",
        f"-d{seconds:g}s",
        "--timeout",
        "10s",
        "-s",
        str(HERE / "load.lua"),
        url,
    ]
    pinned = command if core is None else ["taskset", "--cpu-list", str(core), *command]
    env = {**os.environ, "BODY": str(body), "MEDIA": "application/json"}
    out = subprocess.run(pinned, env=env, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return result


def measure(name: str, case_name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start one peer, load it, stop it."""
    peer, case = PEERS[name], CASES[case_name]
    cores = (None, None) if options.unpinned else (0, 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        folder = Path(text)
        env = environment(case_name, peer, folder)
        python, port = python_of(peer), free_port()
        words = {"python": python, "bin": python.parent, "servers": HERE / "servers", "port": port}
        body = folder / "body"
        body.write_bytes(NAMED if case.batched and peer.named_batch else ROW)
        server = processes.start(shlex.split(peer.command.format(**words)), env, cores[0])
        try:
            url = f"http://127.0.0.1:{port}{peer.batched if case.batched else peer.plain}"
            ready, answer = processes.first_answer(server, url, body.read_bytes(), "application/json", patience=90)
            if json.loads(answer) != [0]:
                raise ValueError(f"{name} answered {answer!r}, not [0]")
            load(url, body, case.concurrency, 1, cores[1])
            before = processes.cpu_seconds(server.pid)
            found = load(url, body, case.concurrency, options.seconds, cores[1])
            cpu = processes.cpu_seconds(server.pid) - before
            memory = processes.memory_mb(server.pid)
        except (ChildProcessError, TimeoutError) as error:
            log = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise SystemExit(f"error: {name} in case {case_name}: {error}\n\n{log}") from error
        finally:
            processes.stop(server)
    found |= {"rps": found["requests"] / found["seconds"], "cpu_us": cpu / max(1, found["requests"]) * 1e6}
    return {"peer": name, "case": case_name, "ready_s": ready, "memory_mb": memory, **found}


def able(name: str, case: Case) -> bool:
    """Say whether a peer is installed and has the case."""
    peer = PEERS[name]
    return python_of(peer).exists() and (not case.batched or peer.batched is not None)


def main() -> None:
    """Measure all, round by round, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; those not installed are left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load in each measurement")
    parser.add_argument("--unpinned", action="store_true", help="let the kernel place server and load")
    parser.add_argument("--out", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--report", type=Path, help="Markdown file to write, such as docs/benchmarks.md")
    options = parser.parse_args()
    rows = []
    with options.out.open("w") as out:
        for turn in range(options.rounds):
            for case_name in options.cases.split(","):
                for name in (name for name in options.peers.split(",") if able(name, CASES[case_name])):
                    row = measure(name, case_name, options) | {"round": turn}
                    rows.append(row)
                    out.write(json.dumps(row) + "\n")
                    out.flush()
                    print(f"{turn + 1}/{options.rounds} {case_name:13} {name:17} {row['rps']:9.0f} req/s", flush=True)
    if options.report:
        static = measure_static({name: python_of(PEERS[name]) for name in ("ekiben", "bentoml")}, options.rounds)
        options.report.write_text(write_report(rows, static, {n: python_of(p) for n, p in PEERS.items()}))
        print(f"wrote {options.report}")


if __name__ == "__main__":
    main()
