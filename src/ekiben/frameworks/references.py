"""Name the models of a service as attributes of its class.

In: a tag of the store, or the name of a model at Hugging Face. Out: for an instance the stored model, or the folder of
the snapshot, found on first use; for the class, what a spec has to say of it.
A stored model may come later than the class that names it. From Hugging Face nothing is downloaded before an instance
asks, and only what is named here; the cache of `huggingface_hub` is asked first.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, overload

from ekiben.core.errors import ConfigError, NotFound, StoreError
from ekiben.core.optional import is_installed, need
from ekiben.core.spec import ModelRef
from ekiben.core.tag import Tag
from ekiben.frameworks.api import model_store
from ekiben.frameworks.handle import Model

HUGGINGFACE = "huggingface"  # the registry of a `ModelRef`
NAME = re.compile(r"[\w-][\w.-]{0,95}(/[\w-][\w.-]{0,95})?", re.ASCII)
REVISION = re.compile(r"\w[\w./-]*", re.ASCII)
ENDPOINT = re.compile(r"https?://[^/\s]+(/\S*)?")


class BentoModel:
    """A stored model, as an attribute of a service's class.

        @ekiben.service
        class Iris:
            stored = ekiben.models.BentoModel("iris:latest")

            def __init__(self):
                self.model = self.stored.load_model()

    It is looked for when the service is served or built, and not when the class is made.

    Args:
        tag: `name:version`, or the newest by `name` or `name:latest`.

    Raises:
        InvalidInput: it is no tag.
    """

    def __init__(self, tag: str | Tag) -> None:
        self.tag = tag if isinstance(tag, Tag) else Tag.parse(tag)
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Model: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Model:
        """Give the stored model of an instance; the reference itself of a class."""
        return self if instance is None else keep(instance, self._name, self.resolve())

    def __repr__(self) -> str:
        return f'BentoModel("{self.tag}")'

    def resolve(self) -> Model:
        """Find the stored model.

        Raises:
            NotFound: it is not in the store of this home.
        """
        return model_store().get(self.tag)


class HuggingFaceModel:
    """A model at Hugging Face, as an attribute of a service's class.

        @ekiben.service
        class Chat:
            folder = ekiben.models.HuggingFaceModel("owner/name", revision="v1.0")

    An instance has the path of the snapshot's folder there. It is downloaded on first use, into the cache that
    `huggingface_hub` has (HF_HOME), and from then on taken from there. HF_TOKEN opens what is not public.

    Args:
        model_id: `owner/name`.
        revision: a branch, a tag or a commit; only a commit never changes.
        endpoint: another server that speaks as Hugging Face does; None is theirs, or what HF_ENDPOINT says.
        include: patterns of file names; only these are downloaded.
        exclude: patterns of file names that are not.

    Raises:
        ConfigError: one of these cannot be.
    """

    def __init__(
        self,
        model_id: str,
        revision: str = "main",
        *,
        endpoint: str | None = None,
        include: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
    ) -> None:
        if not NAME.fullmatch(str(model_id)) or ".." in model_id or "--" in model_id:
            raise ConfigError(f"`model_id` must be the name of a model at Hugging Face, as `owner/name`: {model_id!r}")
        if not REVISION.fullmatch(str(revision)) or ".." in revision:
            raise ConfigError(f"`revision` must be a branch, a tag or a commit: {revision!r}")
        if endpoint is not None and not ENDPOINT.fullmatch(str(endpoint)):
            raise ConfigError(f"`endpoint` must be the address of a server: {endpoint!r}")
        self.model_id, self.revision, self.endpoint = model_id, revision, endpoint
        self.include, self.exclude = patterns(include, "include"), patterns(exclude, "exclude")
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> str: ...

    def __get__(self, instance: object | None, owner: type) -> Self | str:
        """Give the snapshot's path of an instance; the reference itself of a class."""
        return self if instance is None else keep(instance, self._name, self.resolve())

    def __repr__(self) -> str:
        return f'HuggingFaceModel("{self.model_id}", revision="{self.revision}")'

    def resolve(self) -> str:
        """Give the path of the snapshot, which is downloaded if it is not in the cache.

        Raises:
            MissingLibrary: huggingface_hub is not installed.
            NotFound: there is no such model or revision, or it is neither in the cache nor within reach.
            StoreError: it cannot be downloaded or written.
        """
        return self._snapshot(is_offline=False)

    def ref(self, attribute: str) -> ModelRef:
        """Say what a spec has to; the commit is known once it is in the cache."""
        commit = None
        if is_installed("huggingface_hub"):
            try:
                commit = Path(self._snapshot(is_offline=True)).name
            except NotFound:  # not downloaded yet
                commit = None
        resolved = None if commit is None else f"{self.model_id}@{commit}"
        return ModelRef(attribute, f"{self.model_id}@{self.revision}", resolved=resolved, registry=HUGGINGFACE)

    def _snapshot(self, *, is_offline: bool) -> str:
        hub = need("huggingface_hub", f"the model {self.model_id}", extra="huggingface")
        errors = need("huggingface_hub.errors", f"the model {self.model_id}", extra="huggingface")
        try:
            return str(
                hub.snapshot_download(
                    self.model_id,
                    revision=self.revision,
                    endpoint=self.endpoint,
                    allow_patterns=self.include,
                    ignore_patterns=self.exclude,
                    local_files_only=is_offline,
                )
            )
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
            raise NotFound(
                f"there is no model {self.model_id} of revision {self.revision} at Hugging Face, or it is not public",
                hint="set HF_TOKEN if you may read it",
            ) from error
        except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
            raise NotFound(
                f"the model {self.model_id} of revision {self.revision} is not in the cache of Hugging Face, "
                "and its server cannot be reached",
                hint=f"where there is a network: `hf download {self.model_id} --revision {self.revision}`",
            ) from error
        except (errors.HfHubHTTPError, OSError) as error:
            raise StoreError(f"the model {self.model_id} cannot be downloaded: {error}") from error


def patterns(given: str | Sequence[str] | None, name: str) -> list[str] | None:
    """Read patterns of file names.

    Raises:
        ConfigError: they are none.
    """
    found = [given] if isinstance(given, str) else given
    if found is not None and (not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found)):
        raise ConfigError(f"`{name}` must be a list of patterns, as ['*.safetensors']: {given!r}")
    return None if found is None else list(found)


def keep(instance: Any, name: str, found: Any) -> Any:
    """Remember what an instance's attribute is, in its place."""
    if name:
        vars(instance)[name] = found
    return found
