"""Fetch a blob into a file, and nothing but that blob.

In: a descriptor. Out: a file of exactly its size and digest, or an error and no file.
A connection that is cut goes on with the bytes that are missing, where the registry can do that.
Source: the OCI distribution specification 1.1, "Pulling blobs"; RFC 9110, 14 (ranges).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ekiben.core.errors import CorruptArchive, EkibenError, Unavailable
from ekiben.core.paths import disk_errors
from ekiben.store.remotes.oci.documents import Descriptor, new_hash
from ekiben.store.remotes.oci.session import Session
from ekiben.store.remotes.oci.wire import Answer, Cut

OnBytes = Callable[[int], None]  # bytes of the blob that are here by now; may fall back


def fetch_blob(
    session: Session, repository: str, wanted: Descriptor, place: Path, on_bytes: OnBytes | None = None
) -> None:
    """Fetch the blob *wanted* into the new file *place*.

    Raises:
        CorruptArchive: what came is longer, shorter or other than the descriptor says.
        NotFound: it is not there.
        StoreError: the file cannot be written.
        EkibenError: what the registry said. Whatever is raised, there is no file.
    """
    with disk_errors(f"cannot write {place}"), place.open("xb") as file:
        try:
            _Fetching(session, repository, wanted, file, on_bytes or (lambda _: None)).run()
        except BaseException:
            place.unlink(missing_ok=True)
            raise


class _Fetching:
    """One blob on its way."""

    def __init__(
        self, session: Session, repository: str, wanted: Descriptor, file: IO[bytes], on_bytes: OnBytes
    ) -> None:
        self._session, self._wanted, self._file, self._on_bytes = session, wanted, file, on_bytes
        self._path = f"/v2/{repository}/blobs/{wanted.digest}"
        self._scopes = (f"repository:{repository}:pull",)
        self._hash: Any = new_hash(wanted.digest)
        self._size = 0

    def run(self) -> None:
        """Fetch until all is here."""
        failures = 0
        while True:
            before, wrong = self._size, self._fetch_more()
            if wrong is None:
                break
            failures = 1 if self._size > before else failures + 1
            self._session.wait(failures, wrong)
        if self._hash.hexdigest() != self._wanted.digest.partition(":")[2]:
            raise CorruptArchive(f"the registry sent other bytes than {self._wanted.digest}")

    def _fetch_more(self) -> EkibenError | None:
        """Fetch what is missing; give what went wrong, if going on may help."""
        headers = {"range": f"bytes={self._size}-"} if self._size else {}
        with self._session.ask("GET", self._path, scopes=self._scopes, right=(200, 206), headers=headers) as answer:
            if answer.status == 200 or not self._goes_on(answer):
                self._start_anew()
                if answer.status != 200:
                    return Unavailable("the registry sent another part of a blob than was asked for")
            try:
                for chunk in answer.chunks():
                    self._take(chunk)
            except Cut as cut:
                return Unavailable(f"the connection was cut: {cut}")
        if self._size < self._wanted.size:
            return CorruptArchive(
                f"the registry sent {self._size} of the {self._wanted.size} bytes of {self._wanted.digest}"
            )
        return None

    def _goes_on(self, answer: Answer) -> bool:
        found = re.match(r"bytes ([0-9]{1,18})-", answer.headers.get("content-range", ""))
        return found is not None and int(found[1]) == self._size

    def _start_anew(self) -> None:
        if self._size:
            self._file.seek(0)
            self._file.truncate()
            self._hash, self._size = new_hash(self._wanted.digest), 0

    def _take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._wanted.size:
            raise CorruptArchive(f"the registry sends more than the {self._wanted.size} bytes of {self._wanted.digest}")
        self._hash.update(chunk)
        self._file.write(chunk)
        self._on_bytes(self._size)
