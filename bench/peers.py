"""Which servers are measured, how each is started, and what each case sends.

In: nothing. Out: `PEERS` and `CASES`. A peer is added by a file in `servers/`, an entry here, and an
environment `.venvs/bench-NAME` that holds its package.
"""

from dataclasses import dataclass, field

ROW = b"[[5.1,3.5,1.4,0.2]]"
NAMED = b'{"rows":[[5.1,3.5,1.4,0.2]]}'


@dataclass(frozen=True, slots=True)
class Peer:
    """One server: its environment, its command, and its path for a plain and for a batched call."""

    venv: str
    command: str  # {python}, {bin}, {servers}, {port} are filled in
    plain: str = "/predict"
    batched: str | None = None
    named_batch: bool = False  # the batched endpoint takes its argument by name
    package: str = ""  # whose version is reported
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One workload."""

    concurrency: int
    batched: bool
    floor: str  # the peer that the others are set against


UVICORN = "{python} -m uvicorn --app-dir {servers} --host 127.0.0.1 --port {port} --no-access-log --log-level warning "

PEERS = {
    "uvicorn-constant": Peer("main", UVICORN + "uvicorn_app:constant", package="uvicorn"),
    "uvicorn-model": Peer("main", UVICORN + "uvicorn_app:app", package="uvicorn"),
    "ekiben": Peer(
        "main",
        "{python} -m ekiben serve ekiben_app:Bench --working-dir {servers} --host 127.0.0.1 --port {port}",
        batched="/batched",
        package="ekiben",
    ),
    "bentoml": Peer(
        "bentoml",
        "{bin}/bentoml serve bentoml_app:Bench --working-dir {servers} --host 127.0.0.1 --port {port}",
        batched="/batched",
        named_batch=True,
        package="bentoml",
        env={"BENTOML_DO_NOT_TRACK": "True"},
    ),
    "mosec": Peer(
        "mosec",
        "{python} {servers}/mosec_app.py --address 127.0.0.1 --port {port} --timeout 30000 --log-level warning",
        plain="/inference",
        batched="/inference",
        package="mosec",
    ),
}

CASES = {
    "noop": Case(16, batched=False, floor="uvicorn-constant"),
    "iris": Case(16, batched=False, floor="uvicorn-model"),
    "iris-batched": Case(64, batched=True, floor="mosec"),
}
