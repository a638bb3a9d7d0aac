"""Hold BentoML's defaults as data, and enter Ekiben by them.

In: a function of Ekiben's. Out: the same function, in BentoML's home and with BentoML's words.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import ParamSpec, TypeVar

from ekiben.cli.front import FrontEnd
from ekiben.core.front import enter
from ekiben.core.spec import Style

P = ParamSpec("P")
R = TypeVar("R")

STYLE = Style(
    error_style="bentoml",
    nan_style="null",
    stream_style="raw",
    request_id_header="X-BentoML-Request-ID",
    server_header="BentoML Service",
    metrics_prefix="bentoml_service",
    default_port=3000,
    unfinished_status=400,
)
# What services of 1.0 and 1.1 differ in, and those of 0.13.
STYLE_OF_RUNNERS = replace(STYLE, metrics_prefix="bentoml_api_server")
STYLE_OF_BUNDLES = replace(STYLE, request_id_header="X-Request-Id", metrics_prefix="BENTOML", default_port=5000)
FRONT = FrontEnd(
    title="BentoML",
    program="bentoml",
    module="bentoml",
    distribution="bentoml",
    home_variable="BENTOML_HOME",
    home_folder="~/bentoml",
    port_variable="BENTOML_PORT",
    host="0.0.0.0",  # noqa: S104 - where BentoML listens
    style=STYLE,
    idle={"serve": {"--production": "a server is one for production unless --development or --reload is given"}},
    summary="Save a trained model, serve it, pack it and ship it: BentoML's commands, carried out by Ekiben.",
)


def entered(function: Callable[P, R]) -> Callable[P, R]:
    """Give *function*, which then runs as entered through `bentoml`."""

    @wraps(function)
    def enter_first(*args: P.args, **kwargs: P.kwargs) -> R:
        with enter(FRONT):
            return function(*args, **kwargs)

    return enter_first
