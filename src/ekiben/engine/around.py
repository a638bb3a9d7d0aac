"""Let a front stand around each batch, to see which calls it answers.

In: a function of the front's. Out: a `Batcher` whose runs go through it. Without one nothing is there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ekiben.engine.batch import Batcher, Run
from ekiben.engine.messages import Call

Around = Callable[[str, Sequence[Call], Run], Run]  # endpoint, its calls, what runs them


class Surrounded(Batcher):
    """A batcher of the endpoint *name* with *around* around each run."""

    def __init__(self, around: Around, name: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._around = around
        self._name = name

    def run(self, calls: Sequence[Call]) -> Run:
        """Answer *calls*, with the front around it."""
        return self._around(self._name, calls, super().run(calls))
