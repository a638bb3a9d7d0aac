"""`ekiben env`: what a report of a problem should hold."""

import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any

import click

from ekiben.cli.command import Command
from ekiben.cli.output import echo_data, output_option
from ekiben.cli.session import session_of

# The distributions whose versions explain most problems, beside those of the frameworks.
SERVING = ("click", "fsspec", "httptools", "httpx", "numpy", "orjson", "pydantic", "starlette", "uvicorn", "uvloop")
VALUES = ("pandas", "pyarrow", "pillow")


@click.command(
    cls=Command,
    examples=[
        ("env", "As text, to paste into a report."),
        ("env -o md", "As a list in Markdown."),
        ("env -o json", "For a script."),
    ],
)
@output_option("text", "md", "bash", "json", "yaml", default="text")
@click.pass_context
def env(ctx: click.Context, output: str) -> None:
    """Show versions and places, to paste into a report. Nothing is sent anywhere."""
    from ekiben.core.paths import home

    front = session_of(ctx).front
    mark = front.variable("")
    facts: dict[str, Any] = {
        front.program: metadata.version(front.distribution),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "executable": sys.executable,
        "home": str(home()),
        "variables": sorted(name for name in os.environ if name.startswith(mark)),
        "serving": versions(SERVING),
        "frameworks": {**framework_versions(), **versions(VALUES)},
    }
    if output in ("json", "yaml"):
        echo_data(facts, output)
        return
    for name, value in facts.items():
        words = [f"{part} {value[part]}" for part in value] if isinstance(value, dict) else value
        shown = ", ".join(words) if isinstance(words, list) else str(words)
        click.echo(LINES[output](name, shown))


LINES: dict[str, Callable[[str, str], str]] = {
    "text": lambda name, value: f"{name}: {value}",
    "md": lambda name, value: f"- **{name}**: `{value}`" if value else f"- **{name}**:",
    "bash": lambda name, value: f"{name}={shlex.quote(value)}",
}


def versions(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def framework_versions() -> dict[str, str]:
    """Give the versions of the frameworks' libraries, as far as they are installed."""
    from ekiben.frameworks.table import FRAMEWORKS, framework

    found = {}
    for name in FRAMEWORKS:
        try:
            found.update(versions(framework(name).PACKAGES))
        except ImportError as error:
            found[name] = f"cannot be imported ({error})"
    return found
