"""Which servers are measured, how each is started, and what each case sends.

In: nothing. Out: `PEERS` and `CASES`. A peer is added by a file in `servers/`, an entry here, and an
environment `.venvs/bench-NAME` that holds its package.
"""

from dataclasses import dataclass, field

JSON, NPY, BYTES, JPEG = "application/json", "application/x-npy", "application/octet-stream", "image/jpeg"
FORM = "multipart/form-data; boundary=bench-boundary"
ALONE = "the model alone"  # in tables: full batches, no server


@dataclass(frozen=True, slots=True)
class Ask:
    """What one peer is sent in one case."""

    path: str
    body: str  # a file that `model.py` wrote
    media: str = JSON


@dataclass(frozen=True, slots=True)
class Peer:
    """One server: its environment, its command, and what it is sent, by case."""

    venv: str
    command: str  # {python}, {bin}, {servers}, {port} are filled in
    package: str  # whose version is reported
    asks: dict[str, Ask]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One workload."""

    concurrency: int
    floor: str  # the peer that the others are set against
    answer: str  # what must come: labels, mean, size, tokens
    title: str
    is_stream: bool = False


CASES = {
    "noop": Case(16, "uvicorn-constant", "labels", "no-op endpoint, JSON in and out"),
    "iris": Case(16, "uvicorn", "labels", "iris SVC, batching off"),
    "iris-lone": Case(1, "uvicorn", "labels", "iris SVC, one client"),
    "iris-batched": Case(64, "mosec", "labels", "iris SVC, batching on"),
    "mlp-batched": Case(64, "mosec", "labels", "MLP, batching on"),
    "forest-batched": Case(64, "mosec", "labels", "random forest, batching on"),
    "array-json": Case(4, "mlserver", "mean", "512×512 float32 as JSON"),
    "array-binary": Case(4, "blacksheep", "mean", "512×512 float32 as `.npy`"),
    "image": Case(4, "mosec", "size", "JPEG upload"),
    "stream": Case(16, "fastapi", "tokens", "100 tokens, each yielded alone", is_stream=True),
    "pipeline": Case(16, "mosec", "labels", "two services, each in a process of its own"),
}

# Of each case those whom a budget of the design names, or a document compares with: the short table of `--budgets`.
RIVALS = {
    "noop": ("bare", "uvicorn-constant", "ekiben", "mosec", "bentoml"),
    "iris": ("uvicorn", "ekiben", "mosec", "flask", "fastapi", "bentoml"),
    "iris-lone": ("uvicorn", "ekiben", "ekiben-alone", "ekiben-batched"),
    "iris-batched": ("bare", "ekiben", "ekiben-apart", "mosec", "bentoml", "litserve"),
    "forest-batched": ("ekiben", "mosec"),
    "array-json": ("ekiben", "mlserver", "bentoml"),
    "array-binary": ("ekiben", "blacksheep", "bentoml"),
    "image": ("ekiben", "mosec", "bentoml"),
    "stream": ("ekiben-stream", "fastapi", "bentoml"),
    "pipeline": ("ekiben-pipeline", "mosec", "bentoml-pipeline"),
}

UVICORN = "{python} -m uvicorn --app-dir {servers} --host 127.0.0.1 --port {port} --no-access-log --log-level warning "
PROMPT = "prompt.json"


def asks(plain: str, *cases: str, **others: Ask) -> dict[str, Ask]:
    """Give the usual asks of *cases*: rows as a bare JSON list, at the path *plain*."""
    bodies = {"mlp": "row30.json", "forest": "row30.json"}
    return {case: Ask(plain, bodies.get(case.partition("-")[0], "row4.json")) for case in cases} | {
        name.replace("_", "-"): ask for name, ask in others.items()
    }


def ekiben(target: str, asks: dict[str, Ask]) -> Peer:
    """Give Ekiben with one of its services."""
    return Peer("main", "{python} -m ekiben serve " + target + " --host 127.0.0.1 --port {port}", "ekiben", asks)


HERE = "ekiben_app:Bench --working-dir {servers}"
BATCHED = ("iris-batched", "mlp-batched", "forest-batched")
ARRAYS = {
    "array_json": Ask("/mean", "array.json"),
    "array_binary": Ask("/mean", "array.npy", BYTES),
    "image": Ask("/size", "image.jpg", JPEG),
    "stream": Ask("/tokens", PROMPT),
}

PEERS = {
    "bare": Peer(
        "main",
        "{python} {servers}/bare_app.py {port}",
        "uvloop",
        asks("/predict", "noop", "iris", "iris-lone")
        | {case: Ask("/batched", "row30.json" if case[0] in "mf" else "row4.json") for case in BATCHED},
    ),
    "uvicorn-constant": Peer("main", UVICORN + "uvicorn_app:constant", "uvicorn", asks("/predict", "noop")),
    "uvicorn": Peer(
        "main", UVICORN + "uvicorn_app:app", "uvicorn", asks("/predict", "noop", "iris", "iris-lone", **ARRAYS)
    ),
    "ekiben": ekiben(
        HERE,
        {case: Ask("/batched", "row30.json" if case[0] in "mf" else "row4.json") for case in BATCHED}
        | asks(
            "/predict",
            "noop",
            "iris",
            "iris-lone",
            array_json=Ask("/mean", "array.json"),
            array_binary=Ask("/mean", "array.npy", NPY),
            image=Ask("/size", "image.form", FORM),
        ),
    ),
    "ekiben-alone": ekiben(HERE, {"iris-lone": Ask("/alone", "row4.json")}),
    "ekiben-batched": ekiben(HERE, {"iris-lone": Ask("/batched", "row4.json")}),
    "ekiben-apart": ekiben(
        HERE + " --layout apart", {case: Ask("/batched", "row4.json") for case in ("iris-batched",)}
    ),
    "ekiben-stream": ekiben("ekiben_more:Stream --working-dir {servers}", {"stream": Ask("/tokens", PROMPT)}),
    "ekiben-pipeline": ekiben("ekiben_more:Pipeline --working-dir {servers}", asks("/predict", "pipeline")),
    "bentoml": Peer(
        "bentoml",
        "{bin}/bentoml serve bentoml_app:Bench --working-dir {servers} --host 127.0.0.1 --port {port}",
        "bentoml",
        {case: Ask("/batched", "row30-named.json" if case[0] in "mf" else "row4-named.json") for case in BATCHED}
        | asks(
            "/predict",
            "noop",
            "iris",
            "iris-lone",
            array_json=Ask("/mean", "array.json"),
            array_binary=Ask("/mean_npy", "array.form", FORM),
            image=Ask("/size", "image.form", FORM),
            stream=Ask("/tokens", PROMPT),
        ),
        env={"BENTOML_DO_NOT_TRACK": "True"},
    ),
    "bentoml-pipeline": Peer(
        "bentoml",
        "{bin}/bentoml serve bentoml_app:Pipeline --working-dir {servers} --host 127.0.0.1 --port {port}",
        "bentoml",
        asks("/predict", "pipeline"),
        env={"BENTOML_DO_NOT_TRACK": "True"},
    ),
    "mosec": Peer(
        "mosec",
        "{python} {servers}/mosec_app.py --address 127.0.0.1 --port {port} --timeout 30000 --log-level warning",
        "mosec",
        asks(
            "/inference",
            "noop",
            "iris",
            "iris-lone",
            *BATCHED,
            "pipeline",
            array_json=Ask("/inference", "array.json"),
            array_binary=Ask("/inference", "array.npy", BYTES),
            image=Ask("/inference", "image.jpg", JPEG),
            stream=Ask("/inference", PROMPT),
        ),
    ),
    "litserve": Peer(
        "litserve",
        "{python} {servers}/litserve_app.py {port}",
        "litserve",
        asks(
            "/predict",
            "noop",
            "iris",
            "iris-lone",
            *BATCHED,
            array_json=Ask("/predict", "array.json"),
            array_binary=Ask("/predict", "array.form", FORM),
            image=Ask("/predict", "image.form", FORM),
            stream=Ask("/predict", PROMPT),
        ),
    ),
    "mlserver": Peer(
        "mlserver",
        "{bin}/mlserver start {servers}/mlserver",
        "mlserver",
        {
            "noop": Ask("/v2/models/bench/infer", "row4-v2.json"),
            "iris": Ask("/v2/models/bench/infer", "row4-v2.json"),
            "array-json": Ask("/v2/models/bench/infer", "array-v2.json"),
        },
        env={
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port1}",
            "MLSERVER_METRICS_PORT": "{port2}",
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_DEBUG": "false",
        },
    ),
    "flask": Peer(
        "flask",
        "{bin}/gunicorn --chdir {servers} --bind 127.0.0.1:{port} --worker-class gthread --threads 4 flask_app:app",
        "flask",
        asks("/predict", "noop", "iris", "iris-lone", **ARRAYS),
    ),
    "fastapi": Peer(
        "fastapi", UVICORN + "fastapi_app:app", "fastapi", asks("/predict", "noop", "iris", "iris-lone", **ARRAYS)
    ),
    "blacksheep": Peer("blacksheep", UVICORN + "blacksheep_app:app", "blacksheep", asks("/predict", "noop", **ARRAYS)),
}
