"""The store of bentos: build, find, delete, carry.

Every function works in the home of the moment of the call: what `use_home` set, else EKIBEN_HOME, else `~/.ekiben`.
"""

import builtins
import os
from collections.abc import Mapping
from typing import Any

from ekiben.bundle.bento import BuildKeywords, build
from ekiben.core.paths import use_home
from ekiben.core.tag import Tag
from ekiben.store import shares, travel
from ekiben.store.bento_info import BentoInfo
from ekiben.store.bentos import Bento, bento_store
from ekiben.store.digest import Manifest, Progress
from ekiben.store.remotes.named import find_place

__all__ = [
    "Bento",
    "BentoInfo",
    "BuildKeywords",
    "Manifest",
    "Tag",
    "build",
    "delete",
    "export_bento",
    "get",
    "import_bento",
    "list",
    "prune",
    "pull",
    "push",
    "use_home",
    "verify",
]


def get(tag: str | Tag) -> Bento:
    """Find one bento: an exact version, or the newest of a name.

    Raises:
        NotFound: it is not here; the error names what is near, or where else it is.
        CorruptItem: it is here and cannot be read.
    """
    return bento_store().get(tag)


def list(tag: str | Tag | None = None, *, labels: Mapping[str, str] | None = None) -> builtins.list[Bento]:
    """List bentos, newest first.

    Args:
        tag: a name or an exact tag; None for everything.
        labels: only bentos that carry all of these.

    Raises:
        NotFound: there is no bento of this name.
    """
    return bento_store().list(tag, labels=labels)


def delete(tag: str | Tag, *, all: bool = False) -> builtins.list[Tag]:
    """Delete one version; with *all*, every version of a name. Models stay.

    Returns:
        The tags that are gone.

    Raises:
        NotFound: there is no such bento.
        InvalidInput: a bare name without *all*.
    """
    return bento_store().delete(tag, all=all)


def prune(keep: int, name: str | None = None) -> builtins.list[Tag]:
    """Delete all but the newest *keep* versions of each bento, or of one. Models stay.

    Returns:
        The tags that are gone.

    Raises:
        InvalidInput: *keep* is less than 1.
        NotFound: there is no bento called *name*.
    """
    store = bento_store()
    return [tag for bento in store.find_old(keep, name) for tag in store.delete(bento.tag)]


def export_bento(
    tag: str | Tag,
    path: str | os.PathLike[str],
    *,
    output_format: str | None = None,
    with_models: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> str:
    """Write a bento with its models to a file, a folder or a URL.

    The same bento gives the same bytes.

    Args:
        tag: which bento; a bare name is its newest version.
        path: a path or a URL such as `s3://bucket/iris.bento`; endings and folders as for `models.export_model`, with
            `.bento` in place of `.bentomodel`.
        output_format: `bento`, `tar`, `gz`, `xz`, `bz2`, `zst`, `zip` or `folder`, whatever the ending.
        with_models: without them it can be imported only where they are.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes packed so far and in all.

    Returns:
        The path or URL that was written. What was there before is replaced as a whole, or, if this fails, not at all.

    Raises:
        NotFound: there is no such bento, or a model of it is missing.
        InvalidInput: the path or the format is none that we write.
        CorruptItem: a file is not what was built, or a model is not that of the build.
        StoreError: the destination cannot be written.
        MissingLibrary: the format or the URL needs a library that is not installed.
    """
    return travel.export_bento(
        get(tag),
        path,
        output_format=output_format,
        with_models=with_models,
        storage_options=storage_options,
        progress=progress,
    )


def import_bento(
    path: str | os.PathLike[str],
    *,
    skip_existing: bool = False,
    max_size: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Bento:
    """Put an exported bento and its models into the stores; none of its code runs.

    Args:
        path: an archive, a folder, or the URL of one; the format is told from the content.
        skip_existing: give the bento that is there under the same tag, if its content is the same.
        max_size: bytes that the archive may unpack to; None allows 1 GiB, and 200 times its own size.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes checked so far and in all.

    Raises:
        NotFound: there is nothing at *path*, or a model is neither in it nor in the store.
        AlreadyExists: a tag is taken: the bento's, or that of a model with other content.
        CorruptArchive: it is damaged, cut short, no bento, or its models are not those it names.
        UnsafeArchive: it would write outside its folder, holds more than files, or unpacks to too much.
        StoreError: a store cannot be written. Whatever is raised, the stores are as they were.
    """
    return travel.import_bento(
        bento_store(),
        path,
        skip_existing=skip_existing,
        max_size=max_size,
        storage_options=storage_options,
        progress=progress,
    )


def push(
    tag: str | Tag,
    registry: str | None = None,
    *,
    force: bool = False,
    plain_http: bool = False,
    ca_file: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> str:
    """Push a bento to an OCI registry, and its models beside it.

    The bento becomes `<registry>/bentos/<name>:<version>`, a model `<registry>/models/<name>:<version>`.

    Who you are there is what `docker login` wrote. What the registry has already is not sent again; a connection that
    is cut goes on.

    Args:
        tag: which bento; a bare name is its newest version.
        registry: a place such as `registry.example.com/team`, or the name of a remote; None is the default remote.
        force: replace what is under a tag there with other content.
        plain_http: allow plain HTTP to another machine than this one.
        ca_file: certificates to trust besides the system's.
        progress: called with the bytes that are there so far and in all, for each model and then for the bento.

    Returns:
        The reference with its digest: `registry.example.com/team/bentos/iris:v1@sha256:…`.

    Raises:
        NotFound: there is no such bento, a model of it is missing, or there is no such remote.
        AlreadyExists: the tag of the bento or of a model is taken there, by other content.
        InvalidInput: the registry is none, or its rules forbid the name.
        NotAuthenticated: the registry does not know you.
        Forbidden: it does not let you do this.
        CorruptItem: a file is not what was built, or a model is not that of the build.
        Unavailable: it cannot be reached.
        ServerError: it answered with an error. Whatever is raised, the bento's tag there is as it was.
    """
    place = find_place(registry, plain_http=plain_http, ca_file=ca_file)
    pushed = shares.push_bento(get(tag), place, force=force, on_item=lambda _: progress)
    return f"{pushed.reference}@{pushed.digest}"


def pull(
    tag: str | Tag,
    registry: str | None = None,
    *,
    max_size: int | None = None,
    plain_http: bool = False,
    ca_file: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Bento:
    """Pull a bento and its models from an OCI registry; none of its code runs.

    Args:
        tag: which bento; a bare name is the newest that was pushed.
        registry: a place such as `registry.example.com/team`, or the name of a remote; None is the default remote.
        max_size: bytes that may be fetched; None sets no limit but the disk's free space.
        plain_http: allow plain HTTP to another machine than this one.
        ca_file: certificates to trust besides the system's.
        progress: called with the bytes fetched so far and in all.

    Returns:
        The bento in the store; the one that was there, if it is the same. Models that are here are not fetched.

    Raises:
        NotFound: there is no such bento there, or no such remote.
        AlreadyExists: the tag of the bento or of a model is taken here, by other content.
        InvalidInput: the registry is none, or what is there is no bento.
        CorruptArchive: what came is not what a digest says.
        UnsafeArchive: it would write outside its folder, holds more than files, or too much.
        StoreError: a store cannot be written.
        Unavailable: the registry cannot be reached.
        ServerError: it answered with an error. Whatever is raised, the stores are as they were.
    """
    place = find_place(registry, plain_http=plain_http, ca_file=ca_file)
    return shares.pull_bento(bento_store(), tag, place, max_size=max_size, progress=progress)


def verify(tag: str | Tag, *, progress: Progress | None = None) -> Manifest:
    """Hold every byte of a bento and of its models against what was built.

    Returns:
        What is there of the bento itself: each file, its size and its SHA-256.

    Raises:
        NotFound: there is no such bento, or a model of it is missing.
        CorruptItem: a file is missing, changed or too many; the error names each.
    """
    return bento_store().verify(tag, progress=progress)
