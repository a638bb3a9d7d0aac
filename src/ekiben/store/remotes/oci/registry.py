"""One registry, in verbs: read and write manifests, send and fetch blobs.

In: repositories, tags, digests. Out: documents whose bytes have the digest that names them, files that are whole.
The face of this folder: what carries models, bentos or images asks nothing else.

    with open_registry(parse_place("localhost:5000/team")) as registry:
        registry.send("team/iris", blob)
        registry.put("team/iris", "v1", manifest)
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ekiben.core.errors import CorruptArchive, NotFound, ServerError
from ekiben.store.remotes.oci.documents import (
    ACCEPTED,
    MAX_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
    Platform,
    describe,
    new_hash,
    read_document,
)
from ekiben.store.remotes.oci.downloads import OnBytes, fetch_blob
from ekiben.store.remotes.oci.places import Place, check_reference, check_repository
from ekiben.store.remotes.oci.session import Session
from ekiben.store.remotes.oci.uploads import PIECE, Blob, Upload
from ekiben.store.remotes.oci.wire import Body

_MAX_TAGS = 100_000
_MAX_LIST = 8 * 1024 * 1024  # bytes of one page


class Registry:
    """A registry that we talk to.

    Args:
        session: the conversation; closed by whoever opened it.
        piece: bytes of a blob sent at once.
    """

    def __init__(self, session: Session, *, piece: int = PIECE) -> None:
        self.session, self.place = session, session.place
        self._piece = piece

    def get(self, repository: str, reference: str) -> tuple[Manifest | Index, Descriptor]:
        """Read the manifest or index that a tag or digest names.

        Raises:
            NotFound: there is none.
            CorruptArchive: what came is no manifest, or not the one that the digest names.
        """
        path = f"/v2/{check_repository(repository)}/manifests/{check_reference(reference)}"
        headers = {"accept": ", ".join(ACCEPTED)}
        with self.session.ask(
            "GET", path, scopes=(f"repository:{repository}:pull",), right=(200, 404), headers=headers
        ) as answer:
            if answer.status == 404:
                where = f"{self.place.host}/{repository}{'@' if ':' in reference else ':'}{reference}"
                raise NotFound(f"there is no {where}")
            data, said = answer.read(MAX_DOCUMENT), answer.headers.get("content-type", "")
        if len(data) > MAX_DOCUMENT:
            raise CorruptArchive(f"the registry sends a manifest of more than {MAX_DOCUMENT} bytes")
        if ":" in reference:
            found = new_hash(reference)
            found.update(data)
            if f"{found.name}:{found.hexdigest()}" != reference:
                raise CorruptArchive(f"the registry sent another manifest than {reference}")
        document = read_document(data, said)
        return document, describe(data, document.media_type)

    def find(self, repository: str, reference: str) -> tuple[Manifest | Index, Descriptor] | None:
        """Read what a tag names, or None."""
        try:
            return self.get(repository, reference)
        except NotFound:
            return None

    def find_image(self, repository: str, reference: str, platform: Platform) -> tuple[Manifest, Descriptor]:
        """Read the manifest of an image for a platform, through an index if there is one.

        Raises:
            NotFound: there is no such image, or none for the platform.
            CorruptArchive: what came is no manifest.
        """
        document, found = self.get(repository, reference)
        if isinstance(document, Index):
            document, found = self.get(repository, document.choose(platform).digest)
        if isinstance(document, Index):
            raise CorruptArchive("the registry's index names another index for this platform")
        return document, found

    def put(self, repository: str, reference: str, document: Manifest | Index) -> Descriptor:
        """Write a manifest under a tag or its digest; all that it names must be there.

        Returns:
            What is in the registry now, read back.

        Raises:
            ServerError: the registry refused it, or holds something else afterwards.
        """
        data = document.to_bytes()
        wanted = describe(data, document.media_type)
        path = f"/v2/{check_repository(repository)}/manifests/{check_reference(reference)}"
        scopes = (f"repository:{repository}:pull,push",)
        headers = {"content-type": document.media_type}
        with self.session.ask("PUT", path, scopes=scopes, right=(201, 200), headers=headers, body=Body.of(data)):
            pass
        found = self.get(repository, reference)[1]
        if found.digest != wanted.digest:
            raise ServerError(f"the registry holds another manifest than was sent: {found.digest}", answered=502)
        return found

    def has(self, repository: str, wanted: Descriptor) -> bool:
        """Say whether a blob is in a repository, at its right size."""
        path = f"/v2/{check_repository(repository)}/blobs/{wanted.digest}"
        with self.session.ask("HEAD", path, scopes=(f"repository:{repository}:pull,push",), right=(200, 404)) as answer:
            size = answer.headers.get("content-length")
            return answer.status == 200 and (size is None or size == str(wanted.size))

    def send(
        self, repository: str, blob: Blob, *, mount_from: Sequence[str] = (), on_bytes: OnBytes | None = None
    ) -> bool:
        """Send a blob, if it is not there and cannot be had from another repository.

        Args:
            repository: where to.
            blob: what.
            mount_from: repositories of the same registry that may have it.
            on_bytes: told how far it is.

        Returns:
            True if its bytes were sent.

        Raises:
            CorruptItem: its bytes are not what its descriptor says.
            EkibenError: what the registry said.
        """
        upload = Upload(self.session, repository, blob, piece=self._piece, on_bytes=on_bytes)
        others = [check_repository(other) for other in mount_from if other != repository]
        if self.has(repository, blob.descriptor) or any(upload.mount(other) for other in others):
            if on_bytes:
                on_bytes(blob.descriptor.size)
            return False
        upload.run()
        return True

    def fetch(self, repository: str, wanted: Descriptor, place: Path, on_bytes: OnBytes | None = None) -> None:
        """Fetch a blob into the new file *place*; see `downloads.fetch_blob`."""
        fetch_blob(self.session, check_repository(repository), wanted, place, on_bytes)

    def read(self, repository: str, wanted: Descriptor, limit: int) -> bytes:
        """Read a small blob, such as a config.

        Raises:
            CorruptArchive: it is larger than *limit*, or not what its digest says.
            NotFound: it is not there.
        """
        if wanted.size > limit:
            raise CorruptArchive(f"a blob that must have at most {limit} bytes has {wanted.size}")
        path = f"/v2/{check_repository(repository)}/blobs/{wanted.digest}"
        with self.session.ask("GET", path, scopes=(f"repository:{repository}:pull",), right=(200,)) as answer:
            data = answer.read(wanted.size)
        found = new_hash(wanted.digest)
        found.update(data)
        if len(data) != wanted.size or found.hexdigest() != wanted.digest.partition(":")[2]:
            raise CorruptArchive(f"the registry sent other bytes than {wanted.digest}")
        return data

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository, page by page; none where there is none."""
        path = f"/v2/{check_repository(repository)}/tags/list"
        scopes = (f"repository:{repository}:pull",)
        found: list[str] = []
        seen: set[str] = set()
        while path and path not in seen and len(found) < _MAX_TAGS:
            seen.add(path)
            with self.session.ask("GET", path, scopes=scopes, right=(200, 404)) as answer:
                if answer.status == 404:
                    return found
                found += _read_tags(answer.read(_MAX_LIST))
                link = re.match(r'\s*<([^>]*)>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
                path = self.session.absolute(link[1], answer.url) if link else ""
        return found


@contextmanager
def open_registry(place: Place, *, piece: int = PIECE, **options: Any) -> Iterator[Registry]:
    """Talk to the registry at *place* for a block of code.

    Args:
        place: where.
        piece: bytes of a blob sent at once.
        options: of `Session`.
    """
    with Session(place, **options) as session:
        yield Registry(session, piece=piece)


def _read_tags(data: bytes) -> list[str]:
    try:
        tags = json.loads(data)["tags"] or []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptArchive(f"the registry's answer is not a list of tags: {error}") from error
    if not isinstance(tags, list):
        raise CorruptArchive("the registry's answer is not a list of tags")
    return [tag for tag in tags if isinstance(tag, str)]
