"""Run an endpoint over the rows of files, in this process and without a server.

In: a service, an endpoint, files. Out: a result for each row, in their order, and the reasons of those that have none.
The calls go through the engine's own dispatcher, so batches, threads, validation and hooks are those of a server; its
limits of time are not, as nobody waits. While a batch runs, the next rows are read.
Where a call for many rows fails, it is made again for each half, until the rows that fail are found.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import EkibenError, InvalidInput
from ekiben.core.trace import explain, frames
from ekiben.engine.batch import Misfit
from ekiben.engine.local import LocalDispatcher
from ekiben.schema.codec import Arguments, Codec, plan
from ekiben.schema.signature import Signature
from ekiben.services.near import near_hint
from ekiben.tools.batch import match, readers
from ekiben.tools.batch.answers import results
from ekiben.tools.batch.cells import Kinds
from ekiben.tools.batch.endpoint import Endpoint, called, started
from ekiben.tools.batch.outputs import FAILED, Output
from ekiben.tools.batch.pieces import ArrowPiece, Piece, TextPiece
from ekiben.tools.batch.readers import Chunk
from ekiben.tools.batch.sources import Source

ROWS = 1000  # of a call, where the endpoint names no size for its batches
MOST = 10_000  # calls that may be in a service at once
BESIDE = 4  # calls for many rows that an `async def` method has at once


@dataclass(frozen=True, slots=True)
class Failure:
    """A row without a result."""

    file: str
    row: int | None  # counted from 1; None: the file as a whole
    reason: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.row is None else f', row {self.row}'}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """How far a run is."""

    rows: int = 0
    failed: int = 0  # of them
    files: int = 0  # that could not be read to their end
    done: int = 0  # bytes read
    total: int = 0  # bytes of all files


@dataclass(frozen=True, slots=True)
class Ask:
    """What to run."""

    size: int | None = None  # rows of a call; None: as the endpoint batches
    columns: Sequence[str] | None = None  # to use of tables; None: all
    fixed: Mapping[str, Any] = field(default_factory=dict)  # arguments that are the same for all rows


@dataclass(slots=True)
class Job:
    """One chunk, and the calls for its rows."""

    chunk: Chunk
    calls: list[tuple[Piece, "Arguments | InvalidInput"]]  # one for all rows, or one for each


class Offline:
    """One run over files.

    Args:
        endpoint: what to run.
        sources: the files.
        ask: how.
        note: is told of each row that fails.
        warn: is told in words what of a file is not used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        sources: Sequence[Source],
        ask: Ask,
        note: Callable[[Failure], None],
        warn: Callable[[str], None],
    ) -> None:
        self._endpoint = endpoint
        self._sources = sources
        self._ask = ask
        self._note = note
        self._warn = warn
        self._codec: Codec = plan(endpoint.signature)
        self._kinds = Kinds(0.5 if takes_array(endpoint.signature) else 1.0)
        self._match: match.Match | None = None
        self._names: Sequence[str] | None = None  # of the first table, whose order holds for all
        self._seen: set[str] = set()  # files whose columns were held against the endpoint
        self.tally = Tally(total=sum(source.size for source in sources))

    async def run(self, output: Output, progress: Callable[[Tally], None]) -> None:
        """Write a result for each row.

        Raises:
            ConfigError: the rows do not go with the endpoint, or the service cannot start.
            InvalidInput: the first file cannot be read, or has not the columns that are needed.
        """
        jobs = self._jobs()
        first = list(itertools.islice(jobs, 1))  # before the model is loaded: mistakes show at once
        async with started(self._endpoint.bound) as dispatcher:
            beside = self._beside()
            while first:
                ahead = asyncio.create_task(asyncio.to_thread(lambda: list(itertools.islice(jobs, beside))))
                try:
                    for job, found in zip(first, await self._answer(dispatcher, first), strict=True):
                        self._write(job.chunk, found, output)
                        progress(self.tally)
                finally:
                    first = await ahead

    def _beside(self) -> int:
        """Say how many chunks are run side by side."""
        if self._match is None or not self._match.is_joined:
            return 1
        return BESIDE if self._endpoint.signature.is_async else self._endpoint.bound.spec.threads

    # --- rows into calls ------------------------------------------------------------------------------------------

    def _jobs(self) -> Iterator[Job]:
        """Read all files; one that cannot be read is noted, and the next is read."""
        if match.takes_files(self._endpoint.signature, self._ask.fixed):
            for chunk in readers.values(self._sources, self._size):
                yield self._job(chunk)
            return
        for source in self._sources:
            try:
                for chunk in readers.chunks(source, self._size, self._kinds):
                    yield self._job(chunk)
            except InvalidInput as error:
                if self._match is None or not self._seen:
                    raise
                self.tally.files += 1
                self._note(Failure(source.said, None, str(error)))

    @property
    def _size(self) -> int:
        """Rows of a chunk."""
        batch = self._endpoint.spec.batch
        return self._ask.size or (ROWS if batch is None else min(batch.max_size, MOST))

    def _job(self, chunk: Chunk) -> Job:
        """Make the calls for a chunk."""
        piece = self._chosen(chunk)
        if not len(piece):
            return Job(chunk, [])
        if self._match is None:
            self._match = match.plan(self._endpoint.spec, self._endpoint.signature, self._codec, self._ask.fixed, piece)
        if chunk.source.said not in self._seen and not chunk.files:
            self._seen |= {chunk.source.said} if self._seen else set()  # the first must pass
            unused = self._match.check(piece, chunk.source.said)
            if unused is not None:
                self._warn(f"{chunk.source.said}: not used: {unused}")
        self._seen.add(chunk.source.said)
        pieces = [piece] if self._match.is_joined else [piece.cut(at, at + 1) for at in range(len(piece))]
        return Job(chunk, [(each, self._arguments(each)) for each in pieces])

    def _chosen(self, chunk: Chunk) -> Piece:
        """Give a chunk's rows with the columns that are used, in one order."""
        piece, names = chunk.piece, chunk.piece.names
        if names is None:
            return piece
        is_table = isinstance(piece, TextPiece | ArrowPiece)
        wanted = self._ask.columns or self._names or names
        if is_table or self._match is None:
            for name in wanted:
                if name not in names:
                    raise InvalidInput(
                        f"{chunk.source.said} has no column `{name}`; it has {', '.join(names)[:200]}",
                        hint=near_hint(name, names),
                    )
        if is_table and self._names is None:
            self._names = wanted
        if list(wanted) == list(names) or not (is_table or self._ask.columns):
            return piece
        return piece.choose(wanted)

    def _arguments(self, piece: Piece) -> "Arguments | InvalidInput":
        assert self._match is not None
        try:
            return self._match.arguments(piece)
        except InvalidInput as error:
            return error

    # --- calls into results ---------------------------------------------------------------------------------------

    async def _answer(self, dispatcher: LocalDispatcher, jobs: Sequence[Job]) -> list[list[Any]]:
        """Give the results of each job's rows: what was answered, or an exception."""
        tried = await self._try([call for job in jobs for call in job.calls], dispatcher)
        was_alone = self._endpoint.spec.batch is None or len(tried) == 1
        found: list[list[Any]] = []
        for job in jobs:
            answers: list[Any] = []
            for piece, arguments in job.calls:
                answers += await self._settled(tried.pop(0), piece, arguments, dispatcher, was_alone=was_alone)
            if job.chunk.scope is not None:
                job.chunk.scope.close()
            found.append(answers)
        return found

    async def _settled(
        self,
        tried: Any,
        piece: Piece,
        arguments: "Arguments | InvalidInput",
        dispatcher: LocalDispatcher,
        *,
        was_alone: bool,
    ) -> list[Any]:
        """Give the results of a call that was tried; look for the rows by which it failed.

        A row whose call was joined with others may have failed by one of those, and is tried again alone.
        """
        if not isinstance(tried, Exception):
            return list(tried)
        if is_hopeless(tried) or (len(piece) == 1 and (was_alone or isinstance(arguments, InvalidInput))):
            return [tried] * len(piece)
        return await self._again(piece, dispatcher)

    async def _try(
        self, calls: Sequence[tuple[Piece, "Arguments | InvalidInput"]], dispatcher: LocalDispatcher
    ) -> list[Any]:
        """Make calls side by side; give the list of results of each, or an exception."""
        most = min(MOST, self._endpoint.bound.spec.limits.max_concurrency or MOST)
        found: list[Any] = []
        for start in range(0, len(calls), most):
            found += await asyncio.gather(*(self._call(*call, dispatcher) for call in calls[start : start + most]))
        return found

    async def _call(self, piece: Piece, arguments: "Arguments | InvalidInput", dispatcher: LocalDispatcher) -> Any:
        """Make one call; give the results of its rows, or what it raised."""
        if isinstance(arguments, InvalidInput):
            return arguments
        assert self._match is not None
        try:
            answer = await called(dispatcher, self._endpoint, arguments)
            if not self._match.is_joined:
                return [answer]
            batch = self._endpoint.spec.batch
            return results(answer, len(piece), 0 if batch is None else batch.out_axis)
        except Exception as error:  # noqa: BLE001 - a border: whatever a method raises is the reason of its rows
            return error

    async def _again(self, piece: Piece, dispatcher: LocalDispatcher) -> list[Any]:
        """Find the rows that fail, by halves; nothing else runs meanwhile."""
        halves = [piece] if len(piece) == 1 else [piece.cut(0, len(piece) // 2), piece.cut(len(piece) // 2, len(piece))]
        found: list[Any] = []
        for half in halves:
            got = await self._call(half, self._arguments(half), dispatcher)
            if not isinstance(got, Exception):
                found += got
            elif len(half) == 1 or is_hopeless(got):
                found += [got] * len(half)
            else:
                found += await self._again(half, dispatcher)
        return found

    # --- results into files ---------------------------------------------------------------------------------------

    def _write(self, chunk: Chunk, found: Sequence[Any], output: Output) -> None:
        """Write the results of a chunk, and note the rows that have none."""
        rows: list[Any] = [FAILED] * chunk.count
        reasons = dict(chunk.bad)
        for place, result in zip(chunk.places, found, strict=True):
            if isinstance(result, Exception):
                reasons[place] = words_of(result)
            else:
                rows[place] = result
        reasons |= output.write(rows)
        for place in sorted(reasons):
            self._note(Failure(*chunk.where(place), reasons[place]))
        self.tally.rows += chunk.count
        self.tally.failed += len(reasons)
        before = sum(one.size for one in itertools.takewhile(lambda one: one is not chunk.source, self._sources))
        self.tally.done = before + chunk.done


def words_of(error: Exception) -> str:
    """Say in one line what *error* is, and where the user's code raised it."""
    if isinstance(error, EkibenError):
        return str(error)
    said, places = explain(error).split("\n")[0], frames(error)
    return f"{said} ({places[-1].splitlines()[0].strip()})" if places else said


def takes_array(signature: Signature) -> bool:
    """Say whether rows become numbers, in which a word is a mistake."""
    return any(leaf.kind in match.ARRAYS for each in signature.parameters for leaf in match.leaves_of(each.hint))


def is_hopeless(error: Exception) -> bool:
    """Say whether fewer rows would fare no better, by the kind of *error*."""
    return isinstance(error, Misfit) or (isinstance(error, EkibenError) and error.status >= 500)
