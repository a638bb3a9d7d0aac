"""Settle how an answer that comes in pieces is written.

In: the hint of a generator, and the spec's style. Out: `Pieces`, which choose a `Form` by what the caller accepts: text
as it is, bytes as they are, a line of JSON for each record, or server-sent events of any of these.
Source: application/x-ndjson (ndjson-spec), application/jsonl; the HTML standard for text/event-stream.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from ekiben.schema import accept
from ekiben.schema.content import OCTETS, TEXT, essence
from ekiben.schema.hints import members_of
from ekiben.schema.open import to_plain
from ekiben.schema.signature import EMPTY
from ekiben.schema.wire import events
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire.events import EVENTS, QUOTED, Event

LINES = "application/x-ndjson"
LINES_TOO = "application/jsonl"
LIVE = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # no proxy may collect what is to arrive bit by bit

Write = Callable[[Any], bytes]
Dump = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a stream."""

    media: str
    write: Write  # one piece
    fail: Callable[[bytes], bytes] | None = None  # what went wrong, as JSON, in a last piece; None: cannot be told
    beat: bytes = b""  # a piece that says nothing, where there is such
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pieces:
    """How one endpoint's stream is written.

    `forms` are by media type, the usual one first; `by_first` those of a stream whose first piece shows what it is of.
    """

    forms: Mapping[str, Form]
    quoted: Form | None = None  # events whose data are all JSON
    by_first: Callable[[Any], "Pieces"] | None = None

    @property
    def media(self) -> str:
        """The media type for a caller that asks for none."""
        return next(iter(self.forms))

    def choose(self, accepted: str, first: Any) -> Form:
        """Choose by the caller's `Accept` header, and the *first* piece if there is one."""
        if self.by_first is not None and first is not EMPTY:
            return self.by_first(first).choose(accepted, EMPTY)
        usual = next(iter(self.forms.values()))
        if not accepted or accepted == "*/*":
            return usual
        media = accept.choose(accepted, tuple(self.forms))
        if media is None:
            return usual
        if self.quoted is not None and essence(media) == EVENTS and QUOTED in accepted.replace(" ", ""):
            return self.quoted
        return self.forms[media]


def plan(target: Any, note: str | None, nan_style: str, stream_style: str) -> Pieces:
    """Settle how pieces of *target* are written.

    Args:
        target: the hint of a piece; EMPTY where there is none.
        note: the media type that the author declared.
        nan_style: how NaN is written.
        stream_style: `framed`; or `raw`: text as it is under text/event-stream, as BentoML has it.
    """
    dump = wire_json.dumper(nan_style, to_plain)
    if stream_style == "raw":
        return only(Form(with_charset(note) if note else EVENTS, raw_writer(dump)))
    if note is not None:
        return declared(target, note, dump)
    if is_open(target):
        return Pieces(all_forms(dump), by_first=lambda first: by_kind(type(first), dump))
    return by_kind(bare(target), dump)


def only(form: Form) -> Pieces:
    """Give a stream that has one form."""
    return Pieces({form.media: form})


def by_kind(kind: Any, dump: Dump) -> Pieces:
    """Offer what fits a type: text, bytes, events, or lines of JSON."""
    if any(member is Event for member in members_of(kind)):
        return Pieces({EVENTS: event_form(dump)}, event_form(dump, quoted=True))
    if kind in (bytes, bytearray):
        return only(Form(OCTETS, raw_writer(dump)))
    forms = all_forms(dump)
    first = (TEXT,) if isinstance(kind, type) and issubclass(kind, str) else (LINES, LINES_TOO)
    order = (*first, *(media for media in forms if media not in first and media != TEXT))
    return Pieces({media: forms[media] for media in order}, event_form(dump, quoted=True))


def all_forms(dump: Dump) -> dict[str, Form]:
    """Give each form of a stream of anything but bytes."""
    return {
        LINES: Form(LINES, line_writer(dump)),
        LINES_TOO: Form(LINES_TOO, line_writer(dump)),
        TEXT: Form(TEXT, raw_writer(dump)),
        EVENTS: event_form(dump),
    }


def declared(target: Any, note: str, dump: Dump) -> Pieces:
    """Write in the one form that the author declared; bytes are framed by the author."""
    kind = essence(note)
    if bare(target) in (bytes, bytearray):
        return only(Form(note, raw_writer(dump)))
    if kind == EVENTS:
        return Pieces({EVENTS: event_form(dump)}, event_form(dump, quoted=True))
    if kind in (LINES, LINES_TOO):
        return only(Form(note, line_writer(dump)))
    return only(Form(with_charset(note), raw_writer(dump)))


def with_charset(media: str) -> str:
    """Say that text is UTF-8, where its type leaves that open."""
    return f"{media}; charset=utf-8" if media.startswith("text/") and "charset" not in media else media


def bare(target: Any) -> Any:
    """Give a hint without its annotations, and `bytes` for a leaf of bytes."""
    if get_origin(target) is Annotated:
        inner, *notes = get_args(target)
        kinds = [note.leaf.kind for note in notes if hasattr(note, "leaf")]
        return bytes if kinds == ["bytes"] else bare(inner)
    return target


def is_open(target: Any) -> bool:
    """Say whether a hint leaves open what a piece is."""
    return target is EMPTY or (bare(target) in (Any, object) and get_origin(target) is not Annotated)


def raw_writer(dump: Dump) -> Write:
    """Write text and bytes as they are, else a line of JSON."""

    def write(piece: Any) -> bytes:
        if isinstance(piece, str):
            return piece.encode()
        return bytes(piece) if isinstance(piece, bytes | bytearray) else dump(piece) + b"\n"

    return write


def line_writer(dump: Dump) -> Write:
    """Write a line of JSON."""
    return lambda piece: dump(piece) + b"\n"


def event_form(dump: Dump, *, quoted: bool = False) -> Form:
    """Write events; *quoted* data are all JSON."""

    def data_of(value: Any) -> str:
        return value if isinstance(value, str) and not quoted else dump(value).decode()

    def write(piece: Any) -> bytes:
        if isinstance(piece, Event):
            return events.write(piece, data_of(piece.data))
        if isinstance(piece, bytes | bytearray):
            return bytes(piece)  # framed already
        return events.write_data(data_of(piece))

    media = f"{EVENTS}; {QUOTED}" if quoted else EVENTS
    return Form(media, write, lambda body: events.write(Event(event="error"), body.decode()), events.BEAT, LIVE)


def describe_event() -> dict[str, Any]:
    """Describe an `Event` to clients."""
    return {"type": "string", "x-kind": "event"}
