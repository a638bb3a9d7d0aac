"""The options of `@service` that concern HTTP become an `HttpSpec`, or are refused by their path."""

from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.core.spec import AccessSpec, CorsSpec, HttpSpec, MetricsSpec, TlsSpec
from ekiben.services import web
from ekiben.services.options import read_options
from ekiben.services.web import read

CORS = "http.cors.access_control_"


def test_defaults() -> None:
    """Without options everything is as the spec has it."""
    assert read({}) == HttpSpec()
    assert read({"http": None, "ssl": None, "metrics": None, "logging": None, "endpoints": None}) == HttpSpec()


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        pytest.param({"http": {"host": "0.0.0.0", "port": 8000}}, "host", "0.0.0.0", id="host"),
        pytest.param({"http": {"port": 0}}, "port", 0, id="a free port"),
        pytest.param({"http": {"gzip_min_bytes": None}}, "gzip_min", None, id="no compression"),
        pytest.param({"http": {"gzip_min_bytes": 100}}, "gzip_min", 100, id="compression from some bytes on"),
        pytest.param({"http": {"response": {"trace_id": False}}}, "host", None, id="no trace id, as it is"),
        pytest.param({"path_prefix": "/models/iris/"}, "path_prefix", "/models/iris", id="a prefix"),
        pytest.param({"path_prefix": ""}, "path_prefix", "", id="no prefix"),
        pytest.param({"endpoints": {"livez": "/up"}}, "livez", "/up", id="the liveness path"),
        pytest.param({"endpoints": {"readyz": "/ready"}}, "readyz", "/ready", id="the readiness path"),
        pytest.param({"backlog": 4096}, "backlog", 4096, id="the backlog"),
        pytest.param(
            {"http": {"cors": {"access_control_allow_origins": "https://a.org"}}},
            "cors", CorsSpec(origins=("https://a.org",)), id="one origin",
        ),
        pytest.param(
            {"http": {"cors": {
                "enabled": True,
                "access_control_allow_origins": ["https://a.org", "https://b.org"],
                "access_control_allow_origin_regex": r"https://.*\.c\.org",
                "access_control_allow_methods": ["POST"],
                "access_control_allow_headers": ["x-a"],
                "access_control_expose_headers": ["x-b"],
                "access_control_allow_credentials": True,
                "access_control_max_age": 0,
            }}},
            "cors",
            CorsSpec(
                origins=("https://a.org", "https://b.org"), origin_regex=r"https://.*\.c\.org", methods=("POST",),
                headers=("x-a",), expose_headers=("x-b",), credentials=True, max_age=0,
            ),
            id="all of CORS",
        ),
        pytest.param(
            {"http": {"cors": {"enabled": False, "access_control_allow_origins": ["*"]}}}, "cors", None,
            id="CORS switched off",
        ),
        pytest.param(
            {"ssl": {"certfile": "c.pem", "keyfile": "k.pem", "keyfile_password": "p", "ca_certs": "a.pem",
                     "version": 17, "cert_reqs": 2, "ciphers": "ECDHE"}},
            "tls",
            TlsSpec("c.pem", keyfile="k.pem", keyfile_password="p", ca_certs="a.pem", cert_reqs=2, ciphers="ECDHE"),
            id="all of TLS",
        ),
        pytest.param({"ssl": {"enabled": False, "certfile": "c.pem"}}, "tls", None, id="TLS switched off"),
        pytest.param(
            {"logging": {"access": {"enabled": False, "skip_paths": ["/a"], "request_content_type": False}}},
            "access", AccessSpec(enabled=False, skip_paths=("/a",), request_content_type=False), id="the access log",
        ),
        pytest.param({"logging": {}}, "access", AccessSpec(), id="an empty block"),
        pytest.param({"metrics": {"enabled": False}}, "metrics", MetricsSpec(enabled=False), id="no metrics"),
        pytest.param(
            {"metrics": {"namespace": "iris", "duration": {"buckets": [0.1, 1, 10]}}},
            "metrics", MetricsSpec(namespace="iris", buckets=(0.1, 1.0, 10.0)), id="listed buckets",
        ),
        pytest.param(
            {"metrics": {"duration": {"min": 1, "max": 10, "factor": 2}}},
            "metrics", MetricsSpec(buckets=(1.0, 2.0, 4.0, 8.0, 10.0)), id="generated buckets",
        ),
    ],
)  # fmt: skip
def test_read(options: dict[str, Any], field: str, expected: Any) -> None:
    """Each option arrives in its place."""
    assert getattr(read(options), field) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"http": {"prot": 1}}, "there is no option `http.prot`"),
        ({"http": {"port": 70000}}, "`http.port` must be a whole number from 0 to 65535 (a port): 70000"),
        ({"http": {"port": "80"}}, "`http.port` must be a whole number"),
        ({"http": {"host": 1}}, "`http.host` must be an address: 1"),
        ({"http": {"gzip_min_bytes": -1}}, "`http.gzip_min_bytes` must be a whole number"),
        ({"path_prefix": "models"}, "`path_prefix` must be a path that begins with a slash: 'models'"),
        ({"path_prefix": "/a?b"}, "`path_prefix` must be a path"),
        ({"path_prefix": "/a//b"}, "`path_prefix` must be a path"),
        ({"endpoints": {"livez": "up"}}, "`endpoints.livez` must be a path"),
        ({"endpoints": {"livez": "/x", "readyz": "/x"}}, "`endpoints.livez` and `endpoints.readyz` must differ: '/x'"),
        ({"endpoints": {"health": "/x"}}, "there is no option `endpoints.health`"),
        ({"backlog": 1}, "`backlog` must be a whole number of at least 64"),
        ({"http": {"cors": {"enabled": True}}}, f"`{CORS}allow_origins` must name the origins that may call: None"),
        ({"http": {"cors": {"access_control_allow_origins": 3}}}, f"`{CORS}allow_origins` must be a list of text: 3"),
        ({"http": {"cors": {"enabled": "yes"}}}, "`http.cors.enabled` must be True or False: 'yes'"),
        ({"http": {"cors": {"allow_origins": []}}}, "there is no option `http.cors.allow_origins`"),
        ({"http": {"cors": {"access_control_allow_origin_regex": "("}}}, "must be a regular expression"),
        (
            {"http": {"cors": {"access_control_allow_origins": ["*"], "access_control_allow_credentials": True}}},
            "would let every page call in its visitors' names",
        ),
        ({"ssl": {"keyfile": "k.pem"}}, "`ssl.certfile` must be the path of a certificate"),
        ({"ssl": {"certfile": 3}}, "`ssl.certfile` must be text: 3"),
        ({"ssl": {"certfile": "c", "version": 2}}, "`ssl.version` must be 17"),
        ({"ssl": {"certfile": "c", "cert_reqs": 3}}, "`ssl.cert_reqs` must be a whole number from 0 to 2"),
        ({"logging": {"access": {"format": {}}}}, "`logging.access.format` must be text or json: {}"),
        ({"logging": {"acces": {}}}, "there is no option `logging.acces`"),
        ({"logging": {"access": {"skip_paths": 3}}}, "`logging.access.skip_paths` must be a list of text: 3"),
        ({"logging": {"access": {"enabled": 1}}}, "`logging.access.enabled` must be True or False: 1"),
        ({"metrics": {"namespace": "a-b"}}, "`metrics.namespace` must be letters, digits, `_` and `:`: 'a-b'"),
        ({"metrics": {"enabled": None, "x": 1}}, "there is no option `metrics.x`"),
        ({"metrics": {"duration": {"buckets": []}}}, "`metrics.duration.buckets` must be a list of seconds: []"),
        ({"metrics": {"duration": {"buckets": [1, 1]}}}, "must rise from each bound to the next: [1, 1]"),
        ({"metrics": {"duration": {"buckets": [1, "2"]}}}, "`metrics.duration.buckets[1]` must be a number of seconds"),
        ({"metrics": {"duration": {"buckets": [1], "min": 1}}}, "takes either `buckets` or `min`, `max` and `factor`"),
        ({"metrics": {"duration": {"min": 1}}}, "`metrics.duration` needs all of `min`, `max` and `factor`"),
        ({"metrics": {"duration": {"min": 0, "max": 1, "factor": 2}}}, "`metrics.duration.min` must be a number"),
        ({"metrics": {"duration": {"min": 2, "max": 1, "factor": 2}}}, "`metrics.duration.max` must be a number of"),
        ({"metrics": {"duration": {"min": 1, "max": 2, "factor": 1}}}, "`metrics.duration.factor` must be a number of"),
        ({"metrics": {"duration": {"min": 1e-9, "max": 1e9, "factor": 1.0001}}}, "makes more than 200 buckets"),
    ],
    ids=str,
)
def test_wrong(options: dict[str, Any], words: str) -> None:
    """A wrong option is named by its path."""
    with pytest.raises(ConfigError) as caught:
        read(options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "path"),
    [
        (web.Http, ["http"]),
        (web.Cors, ["http", "cors"]),
        (web.Ssl, ["ssl"]),
        (web.Metrics, ["metrics"]),
        (web.Duration, ["metrics", "duration"]),
        (web.Logging, ["logging"]),
        (web.Access, ["logging", "access"]),
        (web.Endpoints, ["endpoints"]),
    ],
    ids=str,
)
def test_what_types_say_is_what_is_read(keywords: Any, path: list[str]) -> None:
    """No option that type checkers know is called unknown."""
    for name in keywords.__annotations__:
        options: Any = {name: object()}  # of no type that any option has
        for step in reversed(path):
            options = {step: options}
        with pytest.raises(ConfigError) as caught:
            read_options(options)
        assert "there is no option" not in str(caught.value)
