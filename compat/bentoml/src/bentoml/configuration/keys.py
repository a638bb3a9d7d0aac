"""Say what became of each key of BentoML's configuration.

In: nothing but literals. Out: by the path of a key, where it lies here, or why nothing here has it; what is said of
`runner_probe` holds for all below it. A key that stands in neither table has the same path in Ekiben's options.
"""

from collections.abc import Mapping
from typing import Any

SAME_SERVER = "services that depend on each other are processes of one server, whose connections stay open"
NO_GRPC = "only HTTP is served"
PROVIDER = "spans go to the provider of OpenTelemetry that your code sets up"
ONE_LOG = "one log on stderr holds it all: `--json-logs`, `--quiet`, `--debug`"
W3C = "ids are written as W3C Trace Context has them; `--json-logs` changes the form of lines"
NO_YATAI = "there is no Yatai: bentos are pushed to and pulled from any OCI registry"

# Of one service, in all versions; paths are those of version 2.
GONE: Mapping[str, str] = {
    "extra_ports": "a service listens on one port",
    "grpc": NO_GRPC,
    "http.proxy_port": "a service says it in its code, beside the `cmd` that listens there",
    "logging.access.format": W3C,
    "logging.formatting": W3C,
    "max_runner_connections": SAME_SERVER,
    "monitoring.options.log_config_file": "Python's logging does not write these files; `type` names a class of yours",
    "replicate_process": "a service runs in one process; `workers` says how many there are",
    "runner_connection": SAME_SERVER,
    "runner_probe": "`/readyz` asks what a service depends on whenever it is asked itself",
    "traffic.concurrency": "it speaks to the autoscaler of BentoML's cloud; `max_concurrency` limits the calls at once",
    "traffic.external_queue": "calls wait in the server itself; `max_concurrency` says how many may be inside",
    **{
        f"tracing.{key}": PROVIDER
        for key in (
            "exporter_type", "type", "url", "address", "port", "timeout", "max_tag_value_length", "zipkin", "jaeger",
            "otlp",
        )
    },
}  # fmt: skip
MOVED: Mapping[str, str] = {}

# Of `api_server`, version 1, and its older spellings.
MOVED_OF_SERVER: Mapping[str, str] = {
    "host": "http.host",
    "port": "http.port",
    "cors": "http.cors",
    "timeout": "traffic.timeout",
}
# Of `runners` and `runners.NAME`, version 1.
MOVED_OF_RUNNERS: Mapping[str, str] = {"workers_per_resource": "workers", "timeout": "traffic.timeout"}
RUNNER_KEYS = (
    "resources", "workers_per_resource", "traffic", "timeout", "batching", "logging", "metrics",
)  # fmt: skip

# Of version 0, from the top.
MOVED_OF_BUNDLES: Mapping[str, str] = {
    "bento_server.port": "http.port",
    "bento_server.workers": "workers",
    "bento_server.timeout": "traffic.timeout",
    "bento_server.max_request_size": "http.max_body_bytes",
    "bento_server.microbatch.max_batch_size": "batching.max_batch_size",
    "bento_server.microbatch.max_latency": "batching.max_latency_ms",
    "bento_server.metrics": "metrics",
    "bento_server.cors": "http.cors",
}
GONE_OF_BUNDLES: Mapping[str, str] = {
    "bento_server.ngrok": "no tunnel is opened to this machine",
    "bento_server.microbatch.workers": "batches are made in the server itself, without a process before it",
    "bento_server.swagger": "the page of the service is always there",
    "bento_server.feedback": "feedback is taken by every bundle, and goes to the log",
    "bento_server.logging": ONE_LOG,
    "logging": ONE_LOG,
    "tracing": PROVIDER,
    "adapters": "an adapter of images takes what Pillow reads, or what its own argument names",
    "yatai": NO_YATAI,
    "bento_bundle": "a bento carries the wheel of what built it; `docker.base_image` of its bentofile names the image",
}

# BentoML's own defaults: a file that spells them out asks for nothing.
DEFAULTS: Mapping[str, Any] = {
    "max_runner_connections": 16,
    "runner_connection.max_requests": 100,
    "runner_connection.max_age": 300,
    "replicate_process": False,
    "runner_probe.enabled": True,
    "runner_probe.timeout": 1,
    "runner_probe.period": 10,
    "logging.access.format.trace_id": "032x",
    "logging.access.format.span_id": "016x",
    "http.proxy_port": 8000,
    "grpc.host": "0.0.0.0",  # noqa: S104 - a default that is compared
    "grpc.port": 3000,
    "grpc.max_message_length": -1,
    "grpc.reflection.enabled": False,
    "grpc.channelz.enabled": False,
    "grpc.metrics.host": "0.0.0.0",  # noqa: S104 - as above
    "grpc.metrics.port": 3001,
    "bento_server.ngrok.enabled": False,
    "bento_server.microbatch.workers": 1,
    "bento_server.swagger.enabled": True,
    "bento_server.feedback.enabled": True,
    "bento_server.logging.level": "INFO",
    "logging.level": "INFO",
    "logging.console.enabled": True,
    "logging.file.enabled": True,
    "logging.advanced.enabled": False,
    "tracing.type": "zipkin",
    "yatai.namespace": "dev",
}

# Variables that say something to BentoML's server and nothing to this one.
VARIABLES: Mapping[str, str] = {
    "BENTOML_NO_UDS": "processes talk by socket pairs, which no other process can reach",
    "BENTOML_RUNNER_MAP": "runners are processes of the server itself; `--depends NAME=URL` names a service elsewhere",
    "BENTOML_RETRY_RUNNER_REQUESTS": "a call that a worker had not begun is given to another by itself",
    "BENTOML_NUM_THREAD": "threads of number libraries are shared out by CPUs; set OMP_NUM_THREADS for another number",
    "BENTOML_DISABLE_GPU_ALLOCATION": "GPUs are shared out only where `resources.gpu` asks for some",
    "BENTOML_RESULT_STORE": "`tasks.folder` of the service says where tasks are kept",
    "BENTOML_MODEL_PREHEAT": "a stored sample warms a model up before it takes calls",
    "BENTOML_ENABLE_FEATURES": "there is one page, and it shows images",
    "BENTOML_SERVE_COMPONENT": "one server runs all; `--only NAME` serves one service",
    "BENTOML_SERVE_RUNNER_MAP": "runners are processes of the server itself",
    "BENTOML_SERVE_RUNNER_NAME": "runners are processes of the server itself",
}
