"""The store of trained models: save, find, delete, carry.

Every function works in the home of the moment of the call: what `use_home` set, else EKIBEN_HOME, else `~/.ekiben`.
"""

import builtins
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Unpack

from ekiben.core.paths import use_home
from ekiben.core.tag import Tag
from ekiben.frameworks.api import model_store, save
from ekiben.frameworks.handle import Model
from ekiben.frameworks.references import BentoModel, HuggingFaceModel
from ekiben.store.digest import Manifest, Progress
from ekiben.store.imports import import_item
from ekiben.store.info import Described, MethodSignature, ModelInfo
from ekiben.store.pulls import pull_model
from ekiben.store.remotes.named import find_place
from ekiben.store.shares import push_model

__all__ = [
    "BentoModel",
    "HuggingFaceModel",
    "Manifest",
    "MethodSignature",
    "Model",
    "ModelInfo",
    "Tag",
    "create",
    "delete",
    "export_model",
    "get",
    "import_model",
    "list",
    "pull",
    "push",
    "save",
    "use_home",
    "verify",
]


def create(
    name: str | Tag,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    **described: Unpack[Described],
) -> AbstractContextManager[Model]:
    """Save what you write below `model.path`; it is stored when the block ends.

        with ekiben.models.create("tokens", labels={"team": "nlp"}) as model:
            (model.path / "vocabulary.txt").write_text(text)
        print(model.tag)

    Args:
        name: the name, or `name:version` with a version of your own.
        custom_objects: Python objects to keep with it, by name.
        external_modules: modules of yours whose functions and classes are kept by value.
        described: `labels`, `metadata`, `options`, `signatures`, `module`, `context`, `api_version`, `format`,
            `needs_unpickling`, `sample`.

    Raises:
        AlreadyExists: this version is there already.
        InvalidInput: the name or a value is wrong.
        StoreError: the disk is full or read-only; nothing is left behind.
    """
    return model_store().create(name, custom_objects=custom_objects, external_modules=external_modules, **described)


def get(tag: str | Tag) -> Model:
    """Find a model by `name:version`, or the newest by `name` or `name:latest`.

    Raises:
        NotFound: it is not here; the error says what is near.
    """
    return model_store().get(tag)


def list(tag: str | Tag | None = None, *, labels: Mapping[str, str] | None = None) -> builtins.list[Model]:
    """List models, newest first.

    Args:
        tag: only those of this name.
        labels: only those that carry all of these.

    Raises:
        NotFound: there is no model of this name.
    """
    return model_store().list(tag, labels=labels)


def delete(tag: str | Tag, *, all: bool = False) -> builtins.list[Tag]:
    """Delete one version; with *all*, every version of a name.

    Returns:
        The tags that are gone.

    Raises:
        NotFound: there is no such model.
        InvalidInput: a bare name without *all*.
    """
    return model_store().delete(tag, all=all)


def export_model(
    tag: str | Tag,
    path: str | os.PathLike[str],
    *,
    output_format: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> str:
    """Write a model to a file, a folder or a URL; the same model, the same bytes.

    Args:
        tag: which model; a bare name is its newest version.
        path: a path or a URL such as `s3://bucket/iris.bentomodel`. Its ending says the format: `.bentomodel`, `.tar`,
            `.tar.gz` (`.tgz`), `.tar.xz`, `.tar.bz2`, `.tar.zst`, `.zip`; `.bentomodel` is put behind any other name.
            A folder that is there, or a path that ends with `/`, receives a file `<name>-<version>.bentomodel`.
            Folders that are missing are made.
        output_format: `bentomodel`, `tar`, `gz`, `xz`, `bz2`, `zst`, `zip` or `folder`, whatever the ending.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes packed so far and in all.

    Returns:
        The path or URL that was written. What was there before is replaced as a whole, or, if this fails, not at all.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the path or the format is none that we write.
        CorruptItem: a file of the model is not what was saved.
        StoreError: the destination cannot be written.
        MissingLibrary: the format or the URL needs a library that is not installed.
    """
    model = get(tag)
    return model.export(path, output_format=output_format, storage_options=storage_options, progress=progress)


def import_model(
    path: str | os.PathLike[str],
    *,
    skip_existing: bool = False,
    max_size: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Put an exported model into the store, under its own tag; nothing is unpickled.

    Args:
        path: an archive, a folder, or the URL of one; the format is told from the content.
        skip_existing: give the model that is there under the same tag, if its content is the same.
        max_size: bytes that the archive may unpack to; None allows 1 GiB, and 200 times its own size.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes checked so far and in all.

    Raises:
        NotFound: there is nothing at *path*.
        AlreadyExists: the tag is taken.
        CorruptArchive: it is damaged, cut short, or not an exported model.
        UnsafeArchive: it would write outside its folder, holds more than files, or unpacks to too much.
        StoreError: the store cannot be written. Whatever is raised, the store is as it was.
    """
    return import_item(
        model_store(),
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
    """Push a model to an OCI registry, as `<registry>/models/<name>:<version>`.

    Who you are there is what `docker login` wrote. What the registry has already is not sent again; a connection that
    is cut goes on.

    Args:
        tag: which model; a bare name is its newest version.
        registry: a place such as `registry.example.com/team`, or the name of a remote; None is the default remote.
        force: replace what is under the tag there with other content.
        plain_http: allow plain HTTP to another machine than this one.
        ca_file: certificates to trust besides the system's.
        progress: called with the bytes that are there so far and in all.

    Returns:
        The reference with its digest: `registry.example.com/team/models/iris:v1@sha256:…`.

    Raises:
        NotFound: there is no such model, or no such remote.
        AlreadyExists: the tag is taken there, by other content.
        InvalidInput: the registry is none, or its rules forbid the name.
        NotAuthenticated: the registry does not know you.
        Forbidden: it does not let you do this.
        CorruptItem: a file of the model is not what was saved.
        Unavailable: it cannot be reached.
        ServerError: it answered with an error. Whatever is raised, the tag there is as it was.
    """
    place = find_place(registry, plain_http=plain_http, ca_file=ca_file)
    pushed = push_model(get(tag), place, force=force, progress=progress)
    return f"{pushed.reference}@{pushed.digest}"


def pull(
    tag: str | Tag,
    registry: str | None = None,
    *,
    max_size: int | None = None,
    plain_http: bool = False,
    ca_file: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Pull a model from an OCI registry into the store; nothing is unpickled.

    Args:
        tag: which model; a bare name is the newest that was pushed.
        registry: a place such as `registry.example.com/team`, or the name of a remote; None is the default remote.
        max_size: bytes that it may have; None sets no limit but the disk's free space.
        plain_http: allow plain HTTP to another machine than this one.
        ca_file: certificates to trust besides the system's.
        progress: called with the bytes fetched so far and in all.

    Returns:
        The model in the store; the one that was there, if it is the same.

    Raises:
        NotFound: there is no such model there, or no such remote.
        AlreadyExists: the tag is taken here, by other content.
        InvalidInput: the registry is none, or what is there is no model.
        CorruptArchive: what came is not what a digest says.
        UnsafeArchive: it would write outside its folder, holds more than files, or too much.
        StoreError: the store cannot be written.
        Unavailable: the registry cannot be reached.
        ServerError: it answered with an error. Whatever is raised, the store is as it was.
    """
    place = find_place(registry, plain_http=plain_http, ca_file=ca_file)
    return pull_model(model_store(), tag, place, max_size=max_size, progress=progress)


def verify(tag: str | Tag, *, progress: Progress | None = None) -> Manifest:
    """Read every byte of a model and hold it against what was saved.

    Returns:
        What is there: each file, its size and its SHA-256.

    Raises:
        NotFound: there is no such model.
        CorruptItem: a file is missing, changed or too many; the error names each.
    """
    return model_store().verify(tag, progress=progress)
