"""Notice what lands in the store: the newest versions of some models.

In: a store's folder, names. Out: a call whenever something there may have changed, and what `latest` is.
The system's file events say when to look; a look now and then covers what they do not show, such as what another
machine writes to a shared disk.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import watch

from ekiben.core.errors import StoreError
from ekiben.store.models import ModelStore, StoredModel

log = logging.getLogger("ekiben")

LOOK = 10.0  # seconds after which somebody looks without an event
QUIET = 200  # milliseconds without a change that end a row of changes
TURN = 1000  # milliseconds after which the watch sees whether it is to stop, or to watch other folders


class Landing:
    """Watches some models of one store.

    Args:
        root: the folder of the store's models.
        names: of the models.
        look: seconds after which somebody looks without an event.
    """

    def __init__(self, root: Path, names: Sequence[str], look: float = LOOK) -> None:
        self._root = root
        self._names = tuple(names)
        self._look = look
        self._store = ModelStore(root, StoredModel)
        self._asked = threading.Event()  # to stop
        self._thread: threading.Thread | None = None

    def start(self, told: Callable[[], object]) -> None:
        """Begin to watch on a thread, which calls *told*; at least once, soon."""
        self._thread = threading.Thread(target=self._run, args=(told,), name="ekiben-landing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; return when nobody is told any more."""
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def latest(self) -> dict[str, str | None]:
        """Give the newest version of each model; None where there is none to see."""
        found: dict[str, str | None] = dict.fromkeys(self._names)
        for name in self._names:
            try:
                found[name] = self._store.latest(name)
            except StoreError as error:
                log.warning("cannot see which versions of %s there are: %s", name, error)
        return found

    def _run(self, told: Callable[[], object]) -> None:
        told()
        while not self._asked.is_set():
            try:
                self._watch(told)
            except (OSError, RuntimeError) as error:  # a folder went, or the system watches no more of them
                log.debug("the store %s is not watched now: %s", self._root, error)
                self._asked.wait(self._look)
            if not self._asked.is_set():
                told()

    def _watch(self, told: Callable[[], object]) -> None:
        """Watch until stopped, or until there are other folders to watch."""
        folders = self._folders()
        if not folders:
            raise FileNotFoundError(f"there is no folder {self._root}")
        due = time.monotonic()  # what came before the system watched is found at the first turn
        for changed in watch(
            *folders,
            watch_filter=None,
            step=QUIET,
            stop_event=self._asked,
            rust_timeout=TURN,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            if self._asked.is_set() or self._folders() != folders:
                return
            if changed or time.monotonic() >= due:
                due = time.monotonic() + self._look
                told()

    def _folders(self) -> list[Path]:
        """List what there is to watch.

        The store's own folder shows when a model's comes or goes.
        """
        return [folder for folder in (self._root, *(self._root / name for name in self._names)) if folder.is_dir()]
