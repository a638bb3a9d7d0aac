"""Write what commands show: tables, JSON, YAML, sizes, times.

In: plain data. Out: text on stdout. A table has a header, a margin of one space and two spaces between columns;
nothing in it is ever cut, whatever the width of the terminal.
"""

import datetime
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def output_option(*choices: str, default: str) -> Callable[[Decorated], Decorated]:
    """Make the option `-o`, with *choices*."""
    return click.option(
        "-o", "--output", type=click.Choice(choices), default=default, show_default=True, help="Form of the answer."
    )


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table; its header stands out on a terminal."""
    lines = table(header, rows)
    click.secho(lines[0], bold=True)
    for line in lines[1:]:
        click.echo(line)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        " " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def echo_data(value: Any, form: str) -> None:
    """Write plain data as `json` or `yaml`."""
    if form == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=plain))
        return
    import yaml

    dumped = yaml.safe_dump(json.loads(json.dumps(value, default=plain)), sort_keys=False, allow_unicode=True)
    click.echo(dumped, nl=False)


def plain(value: Any) -> Any:
    """Give a stand-in for what JSON does not know."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else str(value)


def size(count: int) -> str:
    """Say a number of bytes with two decimals, in units of 1024 (IEC 80000-13)."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.2f} {unit}"
        amount /= 1024
    return f"{amount:.2f} TiB"


def local_time(moment: datetime.datetime) -> str:
    """Say a time in this machine's zone, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on stderr while bytes move, and give what moves it.

    Where stderr is no terminal, and where nothing is to be said, there is no bar and nothing to call.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(True), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(first: str, say: Callable[[str], None], *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Give what says a line; between lines a terminal shows that work goes on.

    Args:
        first: what is done until the first line.
        say: writes a line.
        quiet: nothing is shown, as where stderr is no terminal.
    """
    is_shown = not quiet and sys.stderr.isatty()

    def show(text: str) -> None:
        if is_shown:
            click.echo(f"\r\x1b[2K{text}", err=True, nl=False)  # over what stood there (ECMA-48, erase in line)

    def tell(line: str) -> None:
        show("")
        say(line)
        show("working …")

    show(f"{first} …")
    try:
        yield tell
    finally:
        show("")
