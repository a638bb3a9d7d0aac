"""`ekiben bench`: load a service, and say how it did."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.command import Command
from ekiben.cli.errors import Mistake
from ekiben.cli.output import echo_data, output_option, table
from ekiben.cli.serve import targets
from ekiben.cli.session import session_of
from ekiben.core.optional import check_installed

if TYPE_CHECKING:
    from ekiben.tools.bench.ask import Body, Endpoint
    from ekiben.tools.bench.report import Row

HEADER = (
    "CONCURRENCY", "RATE", "REQUESTS/S", "P50 MS", "P95 MS", "P99 MS", "BATCH", "SERVER CPU", "LOAD CPU", "ERRORS",
)  # fmt: skip
INTERRUPTED = 130  # exit code after Ctrl-C


class Numbers(click.ParamType):  # type: ignore[type-arg] # generic in the stubs of newer versions only
    """Numbers above 0, separated by commas."""

    name = "numbers"

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read them."""
        if not isinstance(value, str):
            return value
        try:
            found = tuple(self.kind(part) for part in value.split(","))
        except ValueError:
            found = ()
        if not found or not all(0 < number < 1e6 for number in found):
            self.fail(f"it must be numbers above 0, separated by commas: {value!r}", param, ctx)
        return found


@click.command(
    cls=Command,
    examples=[
        ("bench iris:latest", "A stored model, served for this run."),
        ("bench http://localhost:3000 --endpoint predict", "A server that runs."),
        ("bench service:Iris --concurrency 64 -- --workers 2", "With options of `serve` behind `--`."),
        ("bench . --rate 500,1000,2000", "At given rates, whether or not answers come."),
        ("bench . --body '[[5.1, 3.5, 1.4, 0.2]]' -o json", "With a body of one's own, for a script."),
    ],
)
@click.argument("target", shell_complete=targets)
@click.argument("serve_options", nargs=-1, metavar="[-- SERVE OPTIONS]")
@click.option("--endpoint", metavar="NAME", help="What is loaded, where the service has several endpoints.")
@click.option(
    "-c",
    "--concurrency",
    type=Numbers(int),
    default=(1, 16, 64),
    show_default="1,16,64",
    metavar="N,…",
    help="Connections that ask again as soon as they are answered; one step each.",
)
@click.option(
    "--rate",
    type=Numbers(float),
    default=(),
    metavar="R,…",
    help="Requests a second that are sent at fixed moments, in place of the steps of --concurrency.",
)
@click.option("--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Length of one step.")
@click.option("--warm-up", type=click.FloatRange(0), default=1.0, show_default=True, help="Seconds before each step.")
@click.option("--clients", type=click.IntRange(1, 64), metavar="N", help="Processes of the load.  [default: by CPUs]")
@click.option("--body", metavar="TEXT", help="What is sent, or @FILE.  [default: the sample, or made from the schema]")
@click.option("--content-type", default="application/json", show_default=True, metavar="TYPE", help="Type of --body.")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME: VALUE", help="Header of every request.")
@click.option("--plot", type=click.Path(dir_okay=False), metavar="FILE", help="Draw the steps, such as bench.png.")
@output_option("table", "json", default="table")
@click.pass_context
def bench(ctx: click.Context, /, target: str, serve_options: tuple[str, ...], **options: Any) -> None:
    """Load TARGET; show throughput, latency, batches, CPU, and what to do.

    TARGET is the address of a server that runs, or anything that `serve` takes, which is then served for this run on a
    free port of this machine. Ctrl-C shows what there is so far.
    """  # fmt: skip
    from ekiben.tools.bench import ask, report, run, served

    if served.is_url(target) and serve_options:
        raise Mistake(
            "options of `serve` do not go with a server that runs", ctx, hint="leave out what stands behind --"
        )
    if options["plot"] is not None:
        check_installed("matplotlib", "`--plot`", extra="plot")  # before minutes of load, not after
    with ExitStack() as opened:
        if served.is_url(target):
            place = served.running(target)
        else:
            module = session_of(ctx).front.module
            place = opened.enter_context(served.started(target, serve_options, module))
        server = ask.Server(place.url, dict(parted(ctx, each) for each in options["headers"]))
        opened.callback(server.close)
        endpoint = server.choose(options["endpoint"])
        body = read_body(ctx, options) or run.body_of(endpoint, target)
        server.attempt(endpoint, body)
        plan = run.Plan(
            options["concurrency"], options["rate"], options["seconds"], options["warm_up"],
            options["clients"] or run.default_clients(),
        )  # fmt: skip
        rows: list[Row] = []
        facts = run.facts(place, endpoint)
        is_whole = True
        with showing(rows, quiet=session_of(ctx).quiet or options["output"] == "json") as progress:
            try:
                for row in run.measure(place, server, endpoint, body, plan, progress):
                    rows.append(row)
            except KeyboardInterrupt as stop:
                is_whole = False
                rows.extend(each for each in stop.args if each is not None)
    show(options, target, endpoint, body, rows, report.advise(rows, facts))
    if options["plot"] is not None and rows:
        from ekiben.tools.bench.plot import draw

        draw(rows, Path(options["plot"]), f"{target} {endpoint.path}")
    if not is_whole:
        ctx.exit(INTERRUPTED)


def parted(ctx: click.Context, header: str) -> tuple[str, str]:
    """Split a header into name and value."""
    name, colon, value = header.partition(":")
    if not colon:
        raise Mistake(f"`--header` must be a name and a value: {header!r}", ctx, hint="write `X-Name: value`")
    return name.strip(), value.strip()


def read_body(ctx: click.Context, options: dict[str, Any]) -> "Body | None":
    """Read the body that was given."""
    from ekiben.tools.bench.ask import Body

    given: str | None = options["body"]
    if given is None:
        return None
    if not given.startswith("@"):
        return Body(given.encode(), options["content_type"])
    try:
        return Body(Path(given[1:]).read_bytes(), options["content_type"])
    except OSError as error:
        raise Mistake(f"`--body` cannot be read: {given[1:]}: {error.strerror}", ctx) from error


@contextmanager
def showing(rows: "list[Row]", *, quiet: bool) -> "Iterator[Callable[[int, float | None, int], None]]":
    """Show the steps on stderr while they run, where that is a terminal."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda connections, rate, answers: None
        return
    with Live(console=console, transient=True, refresh_per_second=8) as live:

        def progress(connections: int, rate: float | None, answers: int) -> None:
            what = f"concurrency {connections}" + ("" if rate is None else f", {rate:g} a second")
            lines = table(HEADER, [cells(row) for row in rows]) if rows else []
            live.update(Text("\n".join([*lines, f" {what}: {answers} answers …"])))

        yield progress


def show(
    options: dict[str, Any], target: str, endpoint: "Endpoint", body: "Body", rows: "list[Row]", advice: str
) -> None:
    """Show what was measured."""
    if options["output"] == "json":
        told = {"target": target, "endpoint": endpoint.name, "body_bytes": len(body.content)}
        echo_data({**told, "rows": [row.to_json() for row in rows], "advice": advice}, "json")
        return
    click.echo(f"{endpoint.method} {endpoint.path}, {len(body.content)} bytes of {body.media}")
    for line in table(HEADER, [cells(row) for row in rows]) if rows else ():
        click.echo(line)
    click.echo(f"\n{advice}")


def cells(row: "Row") -> tuple[str, ...]:
    """Write a row."""
    failed = [f"{count} x {kind}" for kind, count in row.errors.items()]
    failed += [f"{row.unsent} unsent"] if row.unsent else []
    return (
        str(row.concurrency),
        "-" if row.rate is None else f"{row.rate:g}",
        f"{row.throughput:.0f}" if row.throughput >= 100 else f"{row.throughput:.1f}",
        *(f"{seconds * 1000:.2f}" for seconds in (row.p50, row.p95, row.p99)),
        "-" if row.batch is None else f"{row.batch:.1f}",
        "-" if row.server_cpu is None else f"{row.server_cpu:.2f}",
        f"{row.client_cpu:.2f}",
        ", ".join(failed) or "0",
    )
