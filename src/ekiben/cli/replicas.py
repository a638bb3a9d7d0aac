"""Serve with several processes: become their supervisor, or be one of them.

In: a service that is to have workers. Out: this process, started anew as a small supervisor that never imports the
user's code: it replaces itself (execve), so that its process id and its sockets stay, and the libraries it loaded go.
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ekiben.cli import apart
from ekiben.cli.errors import Failure
from ekiben.cli.reload import command_of
from ekiben.core import starting

if TYPE_CHECKING:
    import click

    from ekiben.core.spec import BoundService
    from ekiben.engine.leash import Leash
    from ekiben.http.listen import Listen, Listening
    from ekiben.tools.replicas import Plan

log = logging.getLogger("ekiben")

VARIABLE = "EKIBEN_HANDOVER"
GRACE = 15.0  # seconds beyond the draining that a worker without a supervisor gets


@dataclass(frozen=True, slots=True)
class Handover:
    """What the process that read the service leaves to the supervisor that it becomes."""

    plan: dict[str, Any]
    sockets: list[int]
    path: str | None  # of a Unix domain socket, to be removed at the end
    began: float  # of time.monotonic, which goes on


def is_worker() -> bool:
    """Say whether a supervisor started this process."""
    from ekiben.engine import leash

    return leash.VARIABLE in os.environ


def plan_of(bound: "BoundService", workers: int, module: str, words: Sequence[str], drain: float) -> "Plan":
    """Say all that a supervisor has to know of a service.

    Raises:
        ConfigError: its models are to be watched, and it has none for that.
    """
    from ekiben.frameworks.api import model_store
    from ekiben.services.newest import newest
    from ekiben.tools.replicas import Plan

    option = watching(bound)
    return Plan(
        models={} if option is None else newest(bound, option),
        store=None if option is None else str(model_store().root),
        service=bound.spec.name,
        workers=workers,
        command=command_of(module, words),
        drain=drain,
        gpus=bound.spec.resources.get("gpu"),
    )


def watching(bound: "BoundService") -> str | None:
    """Give the option that lets newer models be swapped in, as it was written."""
    if not bound.spec.watch_models:
        return None
    return "--watch-models" if bound.sources.get("watch_models") == "--watch-models" else "watch_models"


def hand_over(bound: "BoundService", plan: "Plan", listening: "Listening", began: float, folder: str) -> None:
    """Become the supervisor; returns only by raising.

    Args:
        bound: the service; what it wants to run once before its workers is run here.
        plan: for the supervisor; its command is ours too.
        listening: sockets that stay open.
        began: when the program was started.
        folder: the one that it was started in.
    """
    from ekiben.engine.deployment import deploy

    starting.note(f"running the deployment hooks of {bound.spec.name}")
    deploy(bound)
    starting.over()
    numbers = [each.fileno() for each in listening.sockets]
    for number in numbers:
        os.set_inheritable(number, True)
    path = None if listening.path is None else str(listening.path.resolve())
    given = Handover(asdict(plan), numbers, path, began)
    os.chdir(folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(plan.command[0], list(plan.command), {**os.environ, VARIABLE: json.dumps(asdict(given))})  # noqa: S606 - ourselves


def supervise(text: str) -> None:
    """Be the supervisor, until a signal; raises what kept the workers from running."""
    import asyncio
    import time

    from ekiben.http.listen import Listening
    from ekiben.tools.replicas import Plan, Replicas

    given = Handover(**json.loads(text))
    for number in given.sockets:
        os.set_inheritable(number, False)
    plan = Plan(**given.plan)
    landing = None
    if plan.store is not None:
        from ekiben.tools.landing import Landing

        landing = Landing(Path(plan.store), list(plan.models))
    sockets = [socket.socket(fileno=number) for number in given.sockets]

    def ready() -> None:
        words = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
        log.info("ready in %.1f s with %s; Ctrl-C stops", time.monotonic() - given.began, words)

    with Listening(sockets, None if given.path is None else Path(given.path)):
        asyncio.run(Replicas(plan, sockets, ready, landing).run())
    log.info("stopped")


def work(ctx: "click.Context", leash: "Leash", load: "Callable[[], BoundService]", listen: "Listen") -> None:
    """Be a worker of whichever layout; the supervisor says what keeps us from that."""
    from ekiben.engine.passing import ROLE

    if leash.place.index == 0:  # which speaks for those beside it, that do the same
        starting.begin("a worker")
    if ROLE not in leash.place.sockets:
        apart.work(ctx, leash, load, listen.drain)
        return
    from ekiben.core.errors import EkibenError, ServiceLoadError
    from ekiben.core.trace import explain
    from ekiben.engine.deployment import without_deployment
    from ekiben.engine.swap import TRIED
    from ekiben.http import replica

    leash.hold(listen.drain + GRACE)
    try:
        hold_models(leash.place.notes)
        bound = load()
        if TRIED in leash.place.notes and leash.place.index == 0:
            from ekiben.services.newest import try_models

            try_models(bound, leash.place.notes[TRIED])
        replica.run(without_deployment(bound), listen, leash)
    except Exception as error:
        leash.failed(error if isinstance(error, EkibenError) else ServiceLoadError(explain(error)))
        raise Failure() from error
    finally:
        leash.close()


def hold_models(notes: Mapping[str, Any]) -> None:
    """Hold `latest` to what the supervisor settled for all that start with us."""
    from ekiben.engine.swap import MODELS

    if MODELS in notes:
        from ekiben.store.pins import pin

        pin(Path(notes[MODELS]["root"]), notes[MODELS]["versions"])
