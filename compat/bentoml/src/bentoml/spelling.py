"""Say how BentoML's command line is spelled, and what of it is not here.

In: nothing but literals. Out: plain data for `front.FRONT`, in the form of `ekiben.cli.front.FrontEnd`.
Commands of the cloud are refused in one line, whatever stands behind them; so is each option that cannot work here. An
option that asks for what happens anyway is taken, and said to change nothing.
"""

from collections.abc import Mapping, Sequence

from ekiben.cli.front import Entry

NO_CLOUD = "there is no cloud here: `bentoml containerize` makes an image for any machine, `bentoml push` shares bentos"
NO_GRPC = "only HTTP is served"
NO_RUNNERS = "runners are processes of the server itself, which starts them: use `bentoml serve`"

NO_YATAI = "there is no Yatai server: bundles lie in the home, and `bentoml retrieve` copies one"
NO_TARGET = "nothing is deployed from here: `bentoml containerize` makes an image that runs anywhere"

CLOUD = ("api-token", "cloud", "code", "deploy", "deployment", "develop", "secret", "yatai")
TARGETS = ("azure-functions", "ec2", "lambda", "sagemaker")  # of 0.13
REFUSED_COMMANDS = {
    **{name: Entry("", "Not here.", hidden=True, refused=NO_CLOUD) for name in CLOUD},
    **{name: Entry("", "Not here.", hidden=True, refused=NO_GRPC) for name in ("serve-grpc", "start-grpc-server")},
    **{name: Entry("", "Not here.", hidden=True, refused=NO_TARGET) for name in TARGETS},
    "yatai-service-start": Entry("", "Not here.", hidden=True, refused=NO_YATAI),
    "start-runner-server": Entry("", "Not here.", hidden=True, refused=NO_RUNNERS),
}
ALIASES = {"serve-http": "serve", "start-http-server": "serve"}

# Of 0.13, for `serve` and `serve-gunicorn`.
OLD_IDLE = {
    "--enable-microbatch": "inference APIs with `batch=True` are batched, and no others",
    "--enable-swagger": "every service has its page",
}
OLD_REFUSED = {
    "--disable-microbatch": "what has `batch=True` is batched; leave that out of `@api`",
    "--disable-swagger": "every service has its page; a proxy can hide `/docs`",
    "--run-with-ngrok": "nothing here opens a tunnel; start ngrok beside the server",
    "--yatai-url=": NO_YATAI,
}
WITH_YATAI = ("containerize", "delete", "get", "info", "list", "open-api-spec", "retrieve", "run")
ONE_BY_ONE = "pieces go one by one, and what is there already is not sent"
IDLE = {
    "": {"--do-not-track": "nothing is ever sent anywhere"},
    "serve": {"--production": "a server is one for production unless --development or --reload is given", **OLD_IDLE},
    "serve-gunicorn": OLD_IDLE,
    "build": {"--threads=": ONE_BY_ONE},
    "push": {"-t/--threads=": ONE_BY_ONE},
    "pull": {"--with-models": "the models of a bento always come with it"},
    "models push": {"-t/--threads=": ONE_BY_ONE},
    "containerize": {"--load": "the engine keeps the image that it built"},
}
KEPT = "what is here under the tag stays as it is: delete it first"
REFUSED = {
    **{name: {"--yatai-url=": NO_YATAI} for name in WITH_YATAI},
    "": {"--context=": NO_CLOUD},
    "serve-gunicorn": {"--microbatch-workers=": "one queue joins the calls of all workers", **OLD_REFUSED},
    "serve": {
        **OLD_REFUSED,
        "--env conda": "environments are made of Python packages; `--env` alone makes that of a bento",
        "--runner-map=": NO_RUNNERS,
    },
    "pull": {"-f/--force": KEPT},
    "models pull": {"-f/--force": KEPT, "-F/--bentofile=": "models are pulled one by one, by their tags"},
    "containerize": {
        "--enable-features=": "the packages of an image are those of its bento: name them there",
        "--yatai-url=": NO_YATAI,
    },
}
SPELLED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "serve": {
        "--workers": ("--api-workers", "BENTOML_API_WORKERS"),
        "--keep-alive": ("--timeout-keep-alive",),
        "--drain": ("--timeout-graceful-shutdown",),
        "--only": ("--service-name", "BENTOML_SERVE_SERVICE_NAME"),
        "--depends": ("BENTOML_SERVE_DEPENDS",),
    },
    "serve-gunicorn": {"--workers": ("-w", "BENTOML_GUNICORN_WORKERS")},
    "delete": {"--yes": ("--assume-yes",)},
    "models delete": {"--yes": ("--assume-yes",)},
    "push": {"--force": ("-f",)},
    "models push": {"--force": ("-f",)},
    "containerize": {
        "--engine": ("--backend", "BENTOML_CONTAINERIZE_BACKEND"),
        "--image-tag": ("--docker-image-tag", "--tag"),
    },
}
# Of Docker's `build` and `buildx build`; they may stand several times.
PASSED = {
    "containerize": (
        "--add-host=", "--allow=", "--attest=", "--build-context=", "--builder=", "--cache-from=", "--cache-to=",
        "--cgroup-parent=", "--iidfile=", "--label=", "--metadata-file=", "--network=", "--no-cache-filter=",
        "--progress=", "--provenance=", "--pull", "--sbom=", "--secret=", "--shm-size=", "--ssh=", "--target=",
        "--ulimit=",
    )
}  # fmt: skip
