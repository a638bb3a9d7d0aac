"""Read and write files by URL: S3, GCS, FTP, and whatever else fsspec knows.

In: a URL and the options of its file system. Out: a local copy, or a remote one that appears whole.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ekiben.core.errors import AlreadyExists, MissingLibrary, NotFound, StoreError, UnsafeArchive
from ekiben.core.optional import need
from ekiben.store.unpack import check_path

_URL = re.compile(r"([A-Za-z0-9+.-]+::)*[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: `C:` is a drive
_EXTRAS = {"s3": "s3", "s3a": "s3"}
_WITHOUT_FOLDERS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "hf"}
_LISTED = 100_000  # files below one URL


def is_url(text: str) -> bool:
    """Say whether *text* is a URL, and not a path of this machine."""
    return _URL.match(text) is not None


def local_path(text: str) -> Path | None:
    """Give the path that *text* is or a `file://` URL names; None for other URLs."""
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return None if is_url(text) else Path(text).expanduser()


def hide_secrets(url: str) -> str:
    """Give *url* without its user, password and query, fit for a log; a path as it is."""
    if not is_url(url):
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def upload(local: Path, url: str, options: Mapping[str, Any]) -> None:
    """Copy a file, or every file below a folder, to *url*; what was there is replaced.

    The files of a folder arrive one by one, `model.yaml` last, so that half a copy is not taken for a model.

    Raises:
        AlreadyExists: the folder there holds files that are not of this item.
        StoreError: it cannot be written there.
        MissingLibrary: the library for this kind of URL is not installed.
    """
    with _errors(f"cannot write {hide_secrets(url)}", url):
        system, top = need("fsspec.core", "a URL").url_to_fs(url, **options)
        if local.is_file():
            _make_parent(system, top)
            system.put_file(str(local), top)
            return
        files = {path.relative_to(local).as_posix(): path for path in local.rglob("*") if path.is_file()}
        _refuse_others(system, top, files)
        for name, file in sorted(files.items(), key=lambda item: (item[0].endswith(".yaml"), item[0])):
            place = f"{top.rstrip('/')}/{name}"
            _make_parent(system, place)
            system.put_file(str(file), place)


def download(url: str, local: Path, options: Mapping[str, Any], *, max_size: int | None) -> None:
    """Copy the file or folder at *url* to *local*, which does not exist yet.

    Args:
        url: where from.
        local: becomes a file or a folder.
        options: of the file system.
        max_size: bytes that a folder may have in all.

    Raises:
        NotFound: there is nothing.
        UnsafeArchive: there is too much, or a listed name leads out of the folder.
        StoreError: it cannot be read.
        MissingLibrary: the library for this kind of URL is not installed.
    """
    with _errors(f"cannot read {hide_secrets(url)}", url):
        system, top = need("fsspec.core", "a URL").url_to_fs(url, **options)
        if not system.isdir(top):
            system.get_file(top, str(local))
            return
        listed = system.find(top, detail=True)
        sizes = [entry.get("size") or 0 for entry in listed.values()]
        if len(listed) > _LISTED or (max_size is not None and sum(sizes) > max_size):
            raise UnsafeArchive(f"{hide_secrets(url)} holds too much: {len(listed)} files, {sum(sizes)} bytes")
        for path in sorted(listed):
            place = local.joinpath(*check_path(path[len(top.rstrip("/")) + 1 :]))
            place.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(path, str(place))


def _refuse_others(system: Any, top: str, names: Collection[str]) -> None:
    """Refuse a remote folder that holds anything else.

    What would come out of it again is not what went in.
    """
    if not system.isdir(top):
        return
    others = [path for path in system.find(top) if path[len(top.rstrip("/")) + 1 :] not in names]
    if others:
        raise AlreadyExists(f"the folder holds other files already: {others[0]}", hint="name a folder of its own")


def _make_parent(system: Any, path: str) -> None:
    """Make the folder of *path*, where there are folders.

    In an object store they are only parts of a key, and making the first of them makes a bucket.
    """
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    parent = path.rstrip("/").rpartition("/")[0]
    if parent and not protocols & _WITHOUT_FOLDERS:
        system.makedirs(parent, exist_ok=True)


@contextmanager
def _errors(doing: str, url: str) -> Iterator[None]:
    """Say what went wrong in words: each file system has errors of its own."""
    try:
        yield
    except (AlreadyExists, MissingLibrary, StoreError):
        raise
    except FileNotFoundError as error:
        raise NotFound(f"{doing}: there is nothing") from error
    except ImportError as error:
        scheme = url.partition(":")[0].lower()
        extra = _EXTRAS.get(scheme)
        hint = f"pip install 'ekiben[{extra}]'" if extra else str(error)
        raise MissingLibrary(f"URLs of the kind {scheme}:// need a library that is not installed", hint=hint) from error
    except Exception as error:
        raise StoreError(f"{doing}: {error}") from error
