"""Hold BentoML's defaults as data, and enter Ekiben by them.

In: a function of Ekiben's. Out: the same function, in BentoML's home and with BentoML's words.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import ParamSpec, TypeVar

from bentoml.spelling import ALIASES, IDLE, PASSED, REFUSED, REFUSED_COMMANDS, SPELLED
from ekiben.cli.front import Entry, FrontEnd
from ekiben.core.front import enter
from ekiben.core.spec import Style

P = ParamSpec("P")
R = TypeVar("R")

# What BentoML 1.2 to 1.4 shows on the wire.
STYLE = Style(
    error_style="object",
    error_statuses=(("WrongState", 400),),
    nan_style="null",
    stream_style="raw",
    request_id_header="X-BentoML-Request-ID",
    trace_id_header="X-BentoML-Trace-ID",
    server_header="BentoML Service/{service}",
    metrics_prefix="bentoml_service",
    metrics_labels=(("runner_name", "{service}"),),
    default_port=3000,
    unbuilt="None",
    waiting="in_progress",
)
# What 1.0 and 1.1 do: the service, and what is counted in each of its runners.
STYLE_OF_RUNNERS = replace(
    STYLE,
    error_style="string",
    error_prefix="BentoService error handling API request: ",
    error_statuses=(("UnsupportedMediaType", 400),),
    nan_style="literal",
    metrics_prefix="bentoml_api_server",
    metrics_labels=(),
)
STYLE_OF_A_RUNNER = replace(
    STYLE_OF_RUNNERS, metrics_prefix="bentoml_runner", metrics_labels=(("runner_name", "{service}"),)
)
# What 0.13 does.
STYLE_OF_BUNDLES = replace(
    STYLE,
    error_style="text",
    error_statuses=(("UnsupportedMediaType", 400), ("DeadlineExceeded", 408), ("Overloaded", 429)),
    nan_style="literal",
    request_id_header="X-Request-Id",
    metrics_prefix="BENTOML_{service}",
    metrics_labels=(),
    healthz="readyz",  # all that 0.13 had, and it said nothing before the model was loaded
    default_port=5000,
)
COMMANDS = {
    "containerize": Entry(
        "bentoml.commands.containerize:containerize", "Make a container image of a bento or a bundle."
    ),
    "delete": Entry("bentoml.commands.listing:delete", "Delete bentos and bundles, after asking."),
    "get": Entry("bentoml.commands.listing:get", "Show what is known of a bento or a bundle."),
    "info": Entry("bentoml.commands.info:info", "Show what a bundle says of itself."),
    "install-completion": Entry(
        "bentoml.commands.completion:install_completion", "Let your shell complete words, from its next start on."
    ),
    "list": Entry("bentoml.commands.listing:list_all", "List bentos and bundles, newest first."),
    "open-api-spec": Entry("bentoml.commands.info:open_api_spec", "Show the OpenAPI document of a bundle."),
    "retrieve": Entry("bentoml.commands.listing:retrieve", "Copy the folder of a bundle or a bento."),
    "run": Entry("bentoml.commands.run:run", "Run an endpoint over inputs, without a server."),
    "serve": Entry("bentoml.commands.serve:serve", "Serve a service, a bento, a bundle or a stored model."),
    "serve-gunicorn": Entry("bentoml.commands.serve:serve_gunicorn", "Serve a bundle, as 0.13 called it."),
}
FRONT = FrontEnd(
    title="BentoML",
    program="bentoml",
    module="bentoml",
    distribution="bentoml",
    home_variable="BENTOML_HOME",
    home_folder="~/bentoml",
    port_variable="BENTOML_PORT",
    host="0.0.0.0",  # noqa: S104 - where BentoML listens
    serving="serve --production",
    style=STYLE,
    settings="bentoml.configuration.translate:settings",
    model_class="bentoml.runners.models:Model",
    versioned=("-v", "--version"),
    group="bentoml.commands",
    commands={**REFUSED_COMMANDS, **COMMANDS},
    aliases=ALIASES,
    idle=IDLE,
    refused=REFUSED,
    spelled=SPELLED,
    passed=PASSED,
    defaults={"get": {"output": "yaml"}},
    tag_line="__tag__:{tag}",
    summary="Save a trained model, serve it, pack it and ship it: BentoML's commands, carried out by Ekiben.",
)


def entered(function: Callable[P, R]) -> Callable[P, R]:
    """Give *function*, which then runs as entered through `bentoml`."""

    @wraps(function)
    def enter_first(*args: P.args, **kwargs: P.kwargs) -> R:
        with enter(FRONT):
            return function(*args, **kwargs)

    return enter_first
