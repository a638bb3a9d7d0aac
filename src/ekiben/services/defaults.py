"""Say what each option of a service is where nobody sets it.

In: nothing. Out: plain data, in the form in which users write it; a test holds it to what `read_options` makes of
nothing. It is what `--print-config` shows as built-in.
"""

from typing import Any

DEFAULTS: dict[str, Any] = {
    "description": None,
    "labels": {},
    "envs": [],
    "resources": {"cpu": None, "memory": None, "gpu": None, "gpu_type": None, "tpu_type": None},
    "workers": 1,
    "layout": None,
    "watch_models": False,
    "threads": 1,
    "inline": False,
    "traffic": {"timeout": 60, "max_concurrency": None, "kill_after": None},
    "http": {
        "host": None,
        "port": None,
        "proxy_port": None,
        "cors": {
            "enabled": False,
            "access_control_allow_origins": None,
            "access_control_allow_origin_regex": None,
            "access_control_allow_methods": None,
            "access_control_allow_headers": None,
            "access_control_expose_headers": None,
            "access_control_allow_credentials": False,
            "access_control_max_age": 600,
        },
        "response": {"trace_id": False},
        "max_body_bytes": 104857600,
        "max_parts": 1000,
        "max_json_depth": 64,
        "max_headers": 100,
        "max_header_bytes": 65536,
        "gzip_min_bytes": 4096,
    },
    "ssl": {
        "enabled": False,
        "certfile": None,
        "keyfile": None,
        "keyfile_password": None,
        "ca_certs": None,
        "version": None,
        "cert_reqs": None,
        "ciphers": None,
    },
    "metrics": {
        "enabled": True,
        "namespace": None,
        "duration": None,
    },
    "logging": {
        "access": {
            "enabled": True,
            "skip_paths": ["/metrics", "/healthz", "/livez", "/readyz"],
            "request_content_length": True,
            "request_content_type": True,
            "response_content_length": True,
            "response_content_type": True,
            "format": None,
        }
    },
    "tracing": {
        "enabled": False,
        "sample_rate": None,
        "excluded_urls": ["*/metrics", "*/healthz", "*/livez", "*/readyz"],
    },
    "monitoring": {
        "enabled": True,
        "type": "default",
        "options": {"log_path": "monitoring", "max_bytes": 104857600, "backups": 10},
    },
    "auth": {"tokens": None, "metrics": False},
    "path_prefix": None,
    "endpoints": {"livez": "/livez", "readyz": "/readyz"},
    "backlog": 2048,
    "batching": {"enabled": True, "max_batch_size": None, "max_latency_ms": None},
    "tasks": {"workers": 1, "max_pending": 1000, "retention_hours": 24, "grace": 5, "folder": None},
}
