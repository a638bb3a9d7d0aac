"""Send a blob to a registry: not at all if it is there, in pieces if it is large.

In: a descriptor and a way to open its bytes. Out: the blob in the registry, which has checked its digest.
A connection that is cut goes on where the registry says that it stands. A registry that cannot say, or that takes no
pieces, gets the blob anew, or in one.
Source: the OCI distribution specification 1.1, "Pushing blobs", "Mounting a blob", "Resuming an upload".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from ekiben.core.errors import CorruptItem, EkibenError, Forbidden, NotAuthenticated, NotFound, ServerError, Unavailable
from ekiben.core.paths import disk_errors
from ekiben.store.remotes.oci.documents import Descriptor, new_hash
from ekiben.store.remotes.oci.login import Scopes
from ekiben.store.remotes.oci.retries import AGAIN
from ekiben.store.remotes.oci.session import Session, retry_after
from ekiben.store.remotes.oci.wire import CHUNK, Answer, Body, Cut

PIECE = 32 * 1024 * 1024  # bytes of one PATCH
_MAX_PIECE = 1024**3  # bytes that a registry may ask for as its least
_NEW_STARTS = 5

OnBytes = Callable[[int], None]  # bytes of the blob that are there by now; may fall back


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob to send."""

    descriptor: Descriptor
    open: Callable[[], BinaryIO]  # a file that can seek

    def check(self) -> None:
        """Hold the bytes against the descriptor.

        Raises:
            CorruptItem: they are others.
        """
        found, size = new_hash(self.descriptor.digest), 0
        with disk_errors("cannot read what is to be sent"), self.open() as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
                size += len(chunk)
        if size != self.descriptor.size or found.hexdigest() != self.descriptor.digest.partition(":")[2]:
            raise CorruptItem(f"what should be {self.descriptor.digest} has other bytes than when it was saved")


class _Lost(Exception):
    """The registry knows nothing of the upload any more."""


class Upload:
    """One blob on its way.

    Args:
        session: the conversation.
        repository: where to.
        blob: what.
        piece: bytes sent at once.
        on_bytes: told how far it is.
    """

    def __init__(
        self, session: Session, repository: str, blob: Blob, *, piece: int = PIECE, on_bytes: OnBytes | None = None
    ) -> None:
        self._session, self._repository, self._blob = session, repository, blob
        self._piece = piece
        self._on_bytes = on_bytes or (lambda _: None)
        self._takes_pieces = True
        self._place, self._offset = "", 0
        self._asked: float | None = None
        self.scopes: Scopes = (f"repository:{repository}:pull,push",)

    @property
    def _size(self) -> int:
        return self._blob.descriptor.size

    def run(self) -> None:
        """Send the blob.

        Raises:
            CorruptItem: its bytes are not what its descriptor says.
            EkibenError: what the registry said.
        """
        self._blob.check()
        starts = 0
        while True:
            try:
                if not self._place:
                    self._begin()
                self._send_all()
                return
            except _Lost as lost:
                starts += 1
                self._place, self._offset = "", 0
                self._on_bytes(0)
                wrong = ServerError(f"a blob cannot be sent to {self._session.place.host}: {lost}", answered=502)
                if starts >= _NEW_STARTS:
                    raise wrong from lost
                if self._takes_pieces:
                    self._session.wait(starts, wrong)

    def mount(self, other: str) -> bool:
        """Have the blob mounted from the repository *other*, if we may.

        Returns:
            True if it was, and nothing is left to send.
        """
        if self._place:  # the registry began an upload instead, as one does that cannot mount
            return False
        try:
            return self._begin(other)
        except (Forbidden, NotAuthenticated, NotFound, ServerError):
            return False  # what is wrong with the registry itself is told when the blob is sent

    def _begin(self, mount_from: str | None = None) -> bool:
        path, scopes = f"/v2/{self._repository}/blobs/uploads/", self.scopes
        if mount_from is not None:
            path += f"?mount={self._blob.descriptor.digest}&from={mount_from}"
            scopes = (*scopes, f"repository:{mount_from}:pull")
        with self._session.ask("POST", path, scopes=scopes, right=(201, 202)) as answer:
            if answer.status == 201 and mount_from is not None:
                return True
            if answer.status != 202:
                raise ServerError("the registry began no upload", answered=answer.status)
            least = answer.headers.get("oci-chunk-min-length", "")
            if least.isascii() and least.isdigit() and len(least) < 12:
                self._piece = min(max(self._piece, int(least)), _MAX_PIECE)
            self._move(answer)
        return False

    def _send_all(self) -> None:
        if self._takes_pieces and self._size > self._piece:
            self._send_pieces()
        self._finish()

    def _send_pieces(self) -> None:
        failures = 0
        while self._offset < self._size:
            before = self._offset
            wrong = self._send_piece(min(self._offset + self._piece, self._size))
            if not self._takes_pieces:
                raise _Lost("it takes no pieces")
            if wrong is None:
                failures = 0
                continue
            failures += 1
            self._session.wait(failures, wrong, self._asked)
            self._ask_where()
            if self._offset > before:
                failures = 0

    def _send_piece(self, end: int) -> EkibenError | None:
        """Send the bytes up to *end*; give what went wrong, if going on may help."""
        start, self._asked = self._offset, None
        headers = {"content-type": "application/octet-stream", "content-range": f"{start}-{end - 1}"}
        right = (202, 400, 404, 405, 411, 416, 501, *AGAIN)
        try:
            with self._session.ask(
                "PATCH", self._place, scopes=self.scopes, right=right, headers=headers, body=self._body(start, end),
                again=False,
            ) as answer:  # fmt: skip
                if answer.status == 202:
                    self._move(answer)
                    self._stand_at(_read_range(answer.headers.get("range"), end), end)
                    return None
                if start == 0 and answer.status not in AGAIN:
                    self._takes_pieces = False
                self._asked = retry_after(answer)
                return self._session.say("PATCH", answer)
        except Cut as cut:
            return Unavailable(f"the connection was cut: {cut}")

    def _ask_where(self) -> None:
        """Ask how many bytes have arrived."""
        with self._session.ask("GET", self._place, scopes=self.scopes, right=(204, 202, 400, 404, 405, 416)) as answer:
            if answer.status not in (202, 204):
                raise _Lost(f"it answered {answer.status}")
            self._move(answer)
            self._stand_at(_read_range(answer.headers.get("range"), 0), self._size)

    def _finish(self) -> None:
        """Send what is left, if anything, and the digest."""
        joint = "&" if "?" in self._place else "?"
        url = f"{self._place}{joint}digest={self._blob.descriptor.digest}"
        rest = self._body(self._offset, self._size)
        headers = {"content-type": "application/octet-stream"}
        if self._offset and rest.size:
            headers["content-range"] = f"{self._offset}-{self._size - 1}"
        right = (201, 400, 404, 416, *AGAIN)
        try:
            with self._session.ask(
                "PUT", url, scopes=self.scopes, right=right, headers=headers, body=rest, again=False
            ) as answer:
                if answer.status != 201:
                    raise _Lost(str(self._session.say("PUT", answer)))
                told = answer.headers.get("docker-content-digest")
                if told and told != self._blob.descriptor.digest:
                    raise ServerError(f"the registry stored other bytes than were sent: {told[:80]!r}", answered=502)
        except Cut as cut:
            raise _Lost(str(cut)) from cut
        self._on_bytes(self._size)

    def _body(self, start: int, end: int) -> Body:
        return Body(end - start, partial(self._read, start, end))

    def _read(self, start: int, end: int) -> Iterator[bytes]:
        with disk_errors("cannot read what is to be sent"), self._blob.open() as file:
            file.seek(start)
            while start < end and (chunk := file.read(min(CHUNK, end - start))):
                yield chunk
                start += len(chunk)
                self._on_bytes(start)

    def _move(self, answer: Answer) -> None:
        """Go on where the answer says."""
        location = answer.headers.get("location")
        if location:
            self._place = self._session.absolute(location, answer.url)
        elif not self._place:
            raise ServerError("the registry says no place to upload to", answered=answer.status)

    def _stand_at(self, offset: int, limit: int) -> None:
        if offset > limit:
            raise ServerError(f"the registry says that it has {offset} bytes where {limit} were sent", answered=502)
        self._offset = offset
        self._on_bytes(offset)


def _read_range(text: str | None, otherwise: int) -> int:
    """Read how many bytes have arrived from `Range: 0-99`.

    `0-0` is what registries say of none as well as of one; none is the guess, since a wrong digest is noticed.
    """
    found = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,18})", (text or "").strip())
    if found is None:
        return otherwise
    last = int(found[1])
    return last + 1 if last else 0
