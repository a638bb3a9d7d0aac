"""`ekiben serve`: run a service until Ctrl-C."""

import json
import logging
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ekiben.cli import bentos, replicas
from ekiben.cli.apart import spread
from ekiben.cli.arguments import argument_options, given
from ekiben.cli.command import Command, VariableOption
from ekiben.cli.inside import go_inside
from ekiben.cli.items import pair
from ekiben.cli.models import tags
from ekiben.cli.output import echo_table
from ekiben.cli.place import Place
from ekiben.cli.reload import Child, Inherited, command_of, supervise, telling
from ekiben.cli.session import environment, session_of
from ekiben.cli.sockets import open_sockets, settle
from ekiben.cli.told import Certificates, read_listen, typed
from ekiben.core import starting
from ekiben.core.front import front

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ekiben.core.config import Layer
    from ekiben.core.spec import BoundService, Style
    from ekiben.http.listen import Listen
    from ekiben.http.stand_in import StandIn

log = logging.getLogger("ekiben")

SECONDS = click.FloatRange(0, min_open=True)


def targets(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the tag of a bento or a stored model, or else a file."""
    found = [CompletionItem(tag) for tag in (*bentos.tags(incomplete), *tags(incomplete))]
    return found or [CompletionItem(incomplete, type="file")]


@click.command(
    cls=Command,
    level="info",
    examples=[
        ("serve iris:latest", "A stored model, without any code."),
        ("serve bento:iris", "A bento, with its own code and models, from any folder."),
        ("serve bento:iris --env", "The same in its own locked environment."),
        ("serve service:Iris", "The class `Iris` in service.py."),
        ("serve --reload src/service.py:Iris", "The same by its path, started again at each change."),
        ("serve --working-dir ./src serve:Iris", "From another folder."),
        ("serve iris:latest --watch-models", "The newest, also once a newer one lands."),
        ("serve . --host 0.0.0.0 --port 8080", "The service.py of this folder, for other machines."),
        ("serve iris:latest scores=service:Scorer", "Two in one server: below /iris, and below /scores."),
    ],
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=targets)
@click.option(
    "--working-dir", type=click.Path(), metavar="FOLDER", help="Folder to stand in; TARGET is seen from there."
)
@click.option("--host", cls=VariableOption, variables=["HOST"], show_default=True, help="Address to listen on.")
@click.option(
    "-p",
    "--port",
    cls=VariableOption,
    variables=["PORT"],
    plain=["PORT"],
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=3000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--uds", type=click.Path(), metavar="PATH", help="Listen on a Unix domain socket instead.")
@click.option(
    "--fd", type=click.IntRange(0), metavar="NUMBER", help="Listen on an open socket, by its descriptor, instead."
)
@click.option(
    "--config",
    cls=VariableOption,
    variables=[],
    plain=["EKIBEN_CONFIG"],
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    metavar="FILE",
    help="YAML file of options, in place of the one beside the service.",
)
@click.option("--print-config", is_flag=True, help="Show the options that hold, and who set each, and leave.")
@click.option(
    "--workers",
    cls=VariableOption,
    variables=["WORKERS"],
    metavar="NUMBER",
    help="Processes that serve, or cpu_count for one a CPU.",
)
@click.option(
    "--layout",
    cls=VariableOption,
    variables=["LAYOUT"],
    type=click.Choice(["inline", "apart", "replicas"]),
    help="Which processes hold HTTP and the model.",
)
@click.option("--env", "inside", is_flag=True, help="Serve a bento in its own environment, made where it is missing.")
@click.option("--watch-models", is_flag=True, help="Swap in a newer model when it lands in the store.")
@click.option("--reload", is_flag=True, help="Start again when a Python file of the project changes.")
@click.option("--development", is_flag=True, help="The same as --reload --verbose.")
@click.option(
    "--timeout",
    cls=VariableOption,
    variables=["TIMEOUT"],
    type=SECONDS,
    metavar="SECONDS",
    help="Longest time for one call, in place of the service's own.",
)
@click.option(
    "--lane",
    type=click.Choice(("asgi", "fast")),
    help="Answer plain calls past the ASGI app (fast), or none; fast where it can be.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Time for calls that run when the server is stopped.",
)
@click.option(
    "--keep-alive",
    type=SECONDS,
    default=75.0,
    show_default=True,
    metavar="SECONDS",
    help="Time that an idle connection stays open.",
)
@click.option(
    "--backlog",
    type=click.IntRange(64),
    metavar="NUMBER",
    help="Connections that may wait to be accepted. [default: 2048]",
)
@click.option("--no-access-log", is_flag=True, help="Log no line for each request.")
@click.option("--proxy-headers", is_flag=True, help="Believe X-Forwarded-For and X-Forwarded-Proto.")
@click.option(
    "--forwarded-allow-ips",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESSES",
    help="Whose X-Forwarded headers count, separated by commas; * for all.",
)
@click.option("--ssl-certfile", type=click.Path(), metavar="FILE", help="Certificate in PEM; turns TLS on.")
@click.option("--ssl-keyfile", type=click.Path(), metavar="FILE", help="Its private key, if not in the same file.")
@click.option(
    "--ssl-keyfile-password",
    cls=VariableOption,
    variables=["SSL_KEYFILE_PASSWORD"],
    metavar="TEXT",
    help="Password of the private key.",
)
@click.option("--ssl-ca-certs", type=click.Path(), metavar="FILE", help="Authorities that clients' certificates need.")
@click.option("--ssl-cert-reqs", type=Certificates(), help="Whether clients must show a certificate.")
@click.option("--ssl-ciphers", metavar="TEXT", help="Ciphers, as OpenSSL lists them.")
@click.option("--ssl-version", type=int, hidden=True, help="As `ssl.version` of a service.")
@argument_options
@click.option(
    "--only",
    cls=VariableOption,
    variables=["ONLY"],
    metavar="NAME",
    help="Serve just this one of the services that TARGET depends on.",
)
@click.option(
    "--depends",
    "elsewhere",
    cls=VariableOption,
    variables=["DEPENDS"],
    multiple=True,
    metavar="NAME=URL",
    help="Ask the server at URL in place of running the service NAME, which TARGET depends on; may be given again.",
)
@click.option("--inherit", hidden=True, help="Sockets of the process that watches.")
@click.pass_context
def serve(ctx: click.Context, /, targets: tuple[str, ...], working_dir: str | None, **options: Any) -> None:
    """Serve TARGET until Ctrl-C.

    TARGET is `module:Name`, `file.py:Name`, a folder with a service.py (default: this one), or the tag of a bento or a
    stored model. `bento:iris` and `model:iris` say which is meant where two have the same name.

    Several targets share the server, each below its name: /iris/predict. `NAME=TARGET` gives another name.
    """  # fmt: skip
    place = Place(targets or (".",), working_dir)
    listen = read_listen(ctx, options)
    handed = os.environ.pop(replicas.VARIABLE, None)
    if handed is not None:
        with telling(options["inherit"]):
            if options["inherit"] is not None:
                Inherited.parse(options["inherit"]).hold()
            replicas.supervise(handed)
        return
    if options["inside"]:
        go_inside(ctx, targets, working_dir)
    if options["config"] is not None:
        ctx.with_resource(environment("EKIBEN_CONFIG", options["config"]))  # for processes that load it again, too
    ctx.with_resource(given(options))
    if options["print_config"]:
        print_config(ctx, place)
        return
    if options["development"]:
        session_of(ctx).verbose = True
        log.setLevel("DEBUG")
    is_worker = replicas.is_worker()
    if (options["reload"] or options["development"]) and options["inherit"] is None and not is_worker:
        watch(ctx, place, listen)
        return
    with telling(None if is_worker else options["inherit"]):
        run(ctx, place, listen)


def print_config(ctx: click.Context, place: Place) -> None:
    """Show each option of the services that would run, and who set it."""
    from ekiben.services.configure import effective, every

    loaded = load(ctx, place)
    served = loaded.services or (loaded,)
    creates = [loaded.create, *(one.create for one in served)]
    for bound in (*served, *(one for one in every(loaded) if one.create not in creates)):
        rows = [(one.path, json.dumps(one.value, default=str), one.source) for one in effective(bound)]
        click.secho(bound.spec.name, bold=True)
        echo_table(("OPTION", "VALUE", "SET BY"), rows)


def watch(ctx: click.Context, place: Place, listen: "Listen") -> None:
    """Run the server in a process of its own, and again at each change."""
    from ekiben.http.listen import bind

    session = session_of(ctx)
    with bind(listen) as listening:
        command = command_of(session.front.module, session.words)
        sockets = [each.fileno() for each in listening.sockets]
        stand_in = lambda reason: standing_in(sockets, reason, session.front.style, listen)  # noqa: E731 - of this server
        supervise(Child(command, sockets, listen.drain), place.source_folder(), stand_in)


def standing_in(sockets: "Sequence[int]", reason: str, style: "Style", listen: "Listen") -> "StandIn":
    """Make what answers while the code cannot start; nothing of it is loaded before."""
    from ekiben.http.stand_in import StandIn

    return StandIn(sockets, reason, style, listen.tls)


def run(ctx: click.Context, place: Place, listen: "Listen") -> None:
    """Load the target, and serve it."""
    began, folder = time.monotonic(), os.getcwd()
    from ekiben.core.spec import Layout
    from ekiben.engine import layout
    from ekiben.engine.leash import take
    from ekiben.engine.machine import heed_quota
    from ekiben.engine.memory import keep_freed
    from ekiben.services.stall import check_server

    keep_freed()
    leash = take()
    if leash is not None:
        replicas.work(ctx, leash, lambda: load(ctx, place), listen)
        return
    heed_quota(os.environ)
    log.info("loading %s", " ".join(place.targets))
    starting.begin()
    starting.note("loading the server")
    from ekiben.http import server

    with ExitStack() as opened:
        opened.callback(starting.over)
        early = open_sockets(ctx, listen)
        if not isinstance(early, Exception):
            opened.callback(early.close)
        bound = load(ctx, place)
        check_server(bound)
        listening = settle(ctx, bound, listen, early)
        opened.callback(listening.close)
        listening.queue(bound.spec.http.backlog)
        workers = layout.count_workers(bound.spec)
        watched, mounts = replicas.watching(bound), bool(bound.mounts or bound.hooks.metrics)
        chosen = layout.choose(bound.spec, workers, sys.platform, watched, mounts=mounts)
        announce(bound, listening.url(tls=(listen.tls or bound.spec.http.tls) is not None))
        if chosen is Layout.REPLICAS:
            session = session_of(ctx)
            plan = replicas.plan_of(bound, workers, session.front.module, session.words, listen.drain)
            replicas.hand_over(bound, plan, listening, began, folder)
        if chosen is Layout.APART:
            bound = replace(bound, spec=replace(bound.spec, layout=chosen))
        found = spread(ctx, bound, listen.drain, folder)
        server.run(found.bound, listen, listening, lambda: say_ready(began), found.remote, found.graph)
    log.info("stopped")


def say_ready(began: float) -> None:
    """Say that calls are taken, and how many seconds after *began* that is."""
    starting.over()
    log.info("ready in %.1f s; Ctrl-C stops", time.monotonic() - began)


def load(ctx: click.Context, place: Place) -> "BoundService":
    """Load what is served, with what options change of it.

    A module that leaves the program is said to do so.
    """
    from ekiben.core.errors import ServiceLoadError
    from ekiben.services import load as loading
    from ekiben.services.elsewhere import parted

    starting.note(f"loading {' '.join(place.targets)}")
    target, only = place.enter(), ctx.params["only"]
    urls = dict(pair(text, "--depends", "NAME=URL") for text in ctx.params["elsewhere"])
    try:
        found = loading.load(target, change=lambda bound: adapted(ctx, parted(bound, only, urls)))
    except SystemExit as error:
        said = " ".join(place.targets)
        raise ServiceLoadError(f"`{said}` leaves the program while it is imported: {error!r}") from error
    starting.note("")
    return found


def adapted(ctx: click.Context, bound: "BoundService") -> "BoundService":
    """Change what options change; give the front's style to a service without one."""
    from ekiben.core.spec import Style
    from ekiben.services.configure import over

    for layer in (*lone(ctx, bound), *typed(ctx)):
        bound = over(bound, layer)
    if bound.spec.style == Style():
        return replace(bound, spec=replace(bound.spec, style=session_of(ctx).front.style))
    return bound


def lone(ctx: click.Context, bound: "BoundService") -> "Iterator[Layer]":
    """Give one process to a service under development, unless somebody asked for more."""
    from ekiben.core.config import said
    from ekiben.services.configure import BUILT_IN

    watching = next((name for name in ("development", "reload") if ctx.params[name]), None)
    if watching is not None and bound.sources.get("workers") == BUILT_IN:
        yield said(("workers",), 1, f"--{watching}")


def announce(bound: "BoundService", url: str) -> None:
    """Say where the service will be, and what it offers."""
    log.info("starting %s at %s", bound.spec.name, url)
    lines = [line for one in bound.services or (bound,) for line in offered(one)]
    lines.append(("GET", ("" if bound.services else bound.spec.http.path_prefix) + "/docs", "Try it in a browser."))
    width = max(len(path) for _, path, _ in lines)
    for method, path, words in lines:
        log.info("%s", f"  {method:4} {path:{width}}  {words}".rstrip())


def offered(bound: "BoundService") -> list[tuple[str, str, str]]:
    """List what a service offers: method, path, words."""
    if not bound.spec.endpoints and not bound.mounts:
        log.warning("%s has no endpoint: write `@%s.api` above a method", bound.spec.name, front().program)
    prefix = bound.spec.http.path_prefix
    lines = [(e.methods[0], prefix + e.route, e.doc.strip().partition("\n")[0]) for e in bound.spec.endpoints]
    return [*lines, *(("*", prefix + mount.path + "/", mount.name) for mount in bound.mounts)]
