"""Read the plain calls of JSON in a worker, and write their answers.

In: a body of JSON, and a head of three lines: request id, `accept`, `accept-encoding`. Out: the media type alone for an
answer that is as most are, else status, media type and further lines of the head; what is not plain is left to the
endpoint's handler, which gives a status and all headers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.responses import Response

from ekiben.core.running import Running
from ekiben.core.spec import Limits
from ekiben.engine.job import Done
from ekiben.engine.wire import Buffer, view
from ekiben.http import answer
from ekiben.http.body import Reader
from ekiben.http.errors import Failure
from ekiben.schema.codec import Arguments, Codec

Later = Callable[[Any, str, list[tuple[bytes, bytes]]], Awaitable[Done]]  # value, request id, headers


class PlainCalls:
    """The plain calls of one endpoint; planned once.

    Args:
        codec: reads and writes.
        limits: of the service.
        gzip_min: bytes from which a body is compressed.
        fail: turns an error into an answer.
        later: answers with a value that is not plain.
        is_told: the service's code has to know which request it answers.
    """

    def __init__(
        self,
        codec: Codec,
        limits: Limits,
        gzip_min: int | None,
        fail: Callable[[BaseException, str], Failure],
        later: Later,
        *,
        is_told: bool = False,
    ) -> None:
        self._is_told = is_told
        self._decode = Reader(codec, limits).from_json
        self._codec = codec
        self._has_choice = len(codec.encoders) > 1
        self._gzip_min = gzip_min
        self._fail = fail
        self._later = later
        self._media: dict[str, tuple[bytes, float]] = {}

    def read(self, head: bytes, buffers: Sequence[Buffer]) -> Arguments:
        """Decode a body."""
        return self._decode(bytes(view(buffers[0])))

    def about(self, head: bytes) -> Running | None:
        """Say whose call it is, if anybody asks."""
        return Running(head.partition(b"\n")[0].decode()) if self._is_told else None

    def write(self, head: bytes, value: Any) -> Done | Awaitable[Done]:
        """Encode a value."""
        if isinstance(value, Response):
            return self._not_plain(head, value)
        if self._has_choice:
            accepted = head.split(b"\n")[1].decode("latin-1")
            content = self._codec.encoder_for(accepted)(value)
        else:
            content = self._codec.encode(value)
        media, most = self._media.get(content.media_type) or self._of(content.media_type)
        body = content.body
        if not isinstance(body, bytes) or content.headers or len(body) > most:
            return self._not_plain(head, content)
        return media, [body]

    def fail(self, head: bytes, error: Exception) -> Done:
        """Write what went wrong."""
        failure = self._fail(error, head.partition(b"\n")[0].decode())
        more = b"".join(
            b"%b: %b\r\n" % (name.encode(), value.encode("latin-1")) for name, value in failure.headers.items()
        )
        return [failure.status, failure.media_type.encode(), more], [failure.body]

    def _not_plain(self, head: bytes, value: Any) -> Awaitable[Done]:
        request_id, accept, encoding = head.split(b"\n")
        given = [(b"accept", accept), (b"accept-encoding", encoding)]
        return self._later(value, request_id.decode(), [pair for pair in given if pair[1]])

    def _of(self, media_type: str) -> tuple[bytes, float]:
        """Settle the header of a media type, and the bytes that are sent as they are."""
        media = answer.media_header(media_type)
        is_packed = self._gzip_min is not None and answer.compressible([media])
        most = self._gzip_min - 1 if self._gzip_min is not None and is_packed else float("inf")
        found = media[1], most
        if len(self._media) < 64:
            self._media[media_type] = found
        return found
