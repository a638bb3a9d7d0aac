"""The base class of a service of 0.13, and the decorators that say what it is packed with.

In: a class with `@api` methods. Out: the same class, whose instances are packed, saved and served.
"""

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from bentoml.bundles import saving
from bentoml.bundles.apis import InferenceAPI, collect
from bentoml.bundles.artifact import BentoServiceArtifact
from bentoml.bundles.bind import bind
from bentoml.bundles.collection import ArtifactCollection, check_declared
from bentoml.bundles.environment import INFERRED, BentoServiceEnv, EnvironmentOptions, read_options
from bentoml.bundles.tags import BundleTag, check_exact, make_version
from bentoml.front import STYLE_OF_BUNDLES, entered
from ekiben.core.errors import ConfigError, NotFound, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services.near import near_hint
from ekiben.tools.serving import Server, serve

__all__ = ["BentoService", "artifacts", "env", "ver", "web_static_content"]

log = logging.getLogger("ekiben")

Class = TypeVar("Class", bound=type)

NO_YATAI = "there is no Yatai server"


class Face:
    """What makes an instance a service, and says why its class may be none."""

    def __get__(self, instance: Any, owner: Any) -> Callable[[], BoundService]:
        """Give the function that the server calls."""
        return lambda: bound_of(owner.unpacked() if instance is None else instance)


class BentoService:
    """A prediction service: `@api` methods over packed artifacts.

    `self.artifacts.NAME` is what was packed under that name.
    """

    _declared: ClassVar[tuple[BentoServiceArtifact, ...]] = ()
    _options: ClassVar[EnvironmentOptions] = EnvironmentOptions()
    _numbers: ClassVar[tuple[int, int] | None] = None
    _content: ClassVar[str | None] = None

    _version: str | None
    _artifacts: ArtifactCollection
    _env: BentoServiceEnv
    _bundle: Path | None
    _labels: Mapping[str, str]
    _server: Server | None

    __ekiben_service__ = Face()

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make an instance that is whole, whatever its own `__init__` does."""
        made = super().__new__(cls)
        made._version, made._bundle, made._server, made._labels = None, None, None, {}
        made._artifacts = ArtifactCollection(cls._declared, cls.__name__)
        made._env = BentoServiceEnv(cls._options)
        return made

    @classmethod
    def unpacked(cls) -> Self:
        """Make an instance to serve without packing; raises ServiceLoadError where artifacts are declared."""
        if cls._declared:
            raise ServiceLoadError(
                f"`{cls.__name__}` has artifacts to be packed, so the class alone cannot be served",
                hint=f"pack and save it, then serve `{cls.__name__}:latest`",
            )
        return cls()

    @property
    def name(self) -> str:
        """The name of the service: that of its class."""
        return type(self).__name__

    @property
    def version(self) -> str:
        """The version; made now where none was set."""
        if self._version is None:
            self.set_version()
        return str(self._version)

    @property
    def tag(self) -> str:
        """`name:version`."""
        return str(BundleTag(self.name, self.version))

    @property
    def artifacts(self) -> ArtifactCollection:
        """What was packed."""
        return self._artifacts

    @property
    def env(self) -> BentoServiceEnv:
        """What the service runs in."""
        return self._env

    @property
    def inference_apis(self) -> list[InferenceAPI]:
        """The inference APIs, as their decorators describe them."""
        return [each.of(self) for each in collect(type(self))]

    @property
    def web_static_content(self) -> Path | None:
        """The folder of files that are served beside the APIs."""
        if self._content is None:
            return None
        if self._bundle is not None:
            return (self._bundle / saving.CONTENT).resolve()
        beside = saving.file_of(type(self)).parent / self._content
        return (beside if beside.is_dir() else Path(self._content)).resolve()

    @property
    def bundle(self) -> Path | None:
        """The folder of the code that it was loaded from, if it was."""
        return self._bundle

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that it was saved with."""
        return self._labels

    def take_bundle(
        self, code: Path, version: str, labels: Mapping[str, str], around: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Be what was saved: version, labels, and the artifacts, which are read when they are asked for."""
        self._bundle, self._version, self._labels = code, check_exact(version), dict(labels)
        self._artifacts.read_from(code / saving.ARTIFACTS, around)

    def describe(self) -> dict[str, Any]:
        """Give what `/metadata` tells: nothing of how packages were found, as 0.13."""
        return {
            "name": self.name,
            "version": self.version,
            "labels": dict(self._labels),
            "env": {name: value for name, value in self._env.options.describe().items() if name != INFERRED},
            "apis": [each.describe() for each in self.inference_apis],
            "artifacts": self._artifacts.describe(),
        }

    def get_inference_api(self, api_name: str) -> InferenceAPI:
        """Give one inference API by its name; raises NotFound."""
        found = {each.name: each for each in self.inference_apis}
        if api_name not in found:
            raise NotFound(f"`{self.name}` has no API `{api_name}`", hint=near_hint(str(api_name), list(found)))
        return found[api_name]

    def pack(self, name: str, *args: Any, **options: Any) -> Self:
        """Pack an artifact; give the service back.

        Args:
            name: of a declared artifact.
            args: what it is packed with.
            options: `metadata`, a mapping that is kept with it, and keywords of the artifact's own.

        Raises:
            InvalidInput: there is no such artifact, or it does not take this.
        """
        self._artifacts.pack(name, args, options)
        return self

    def versioneer(self) -> str:
        """Make a version; a class of one's own may make others."""
        return make_version()

    def set_version(self, version_str: str | None = None) -> str:
        """Set the version, behind the numbers of `@ver`; None makes one.

        Raises:
            InvalidInput: it is none that names a folder.
        """
        told: Any = self.versioneer() if version_str is None else version_str
        numbers = [] if self._numbers is None else [str(number) for number in self._numbers]
        self._version = check_exact(".".join([*numbers, told]) if isinstance(told, str) else told)
        return self._version

    @entered
    def save(
        self,
        yatai_url: str | None = None,
        version: str | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        base_path: str | None = None,
    ) -> str:
        """Save the service with its code and artifacts into the repository of the home.

        Args:
            yatai_url: refused, as there is no Yatai server.
            version: of the bundle; None takes that of the service.
            labels: texts by name, for `bentoml list --labels`.
            base_path: another folder than `<home>/repository`.

        Returns:
            The folder of the bundle.

        Raises:
            AlreadyExists: there is a bundle of this version.
            WrongState: an artifact is not packed.
            ConfigError: `yatai_url` is given; a file that `@env` names is not there.
        """
        if yatai_url is not None:
            raise ConfigError(
                f"`yatai_url` names a server, and {NO_YATAI}: {yatai_url!r}", hint="save here, and carry the folder"
            )
        if version is not None:
            self.set_version(version)
        return str(saving.save(self, labels or {}, None if base_path is None else Path(base_path)))

    @entered
    def save_to_dir(self, path: str, version: str | None = None) -> None:
        """Save the service into the folder *path*, which is empty or not there; raises as `save`."""
        if version is not None:
            self.set_version(version)
        saving.save_to(self, Path(path))

    @entered
    def start_dev_server(
        self, port: int | None = None, enable_ngrok: bool = False, debug: bool = False, enable_microbatch: bool = True
    ) -> None:
        """Serve this service from a thread of this process until `stop_dev_server`.

        Args:
            port: None takes 5000.
            enable_ngrok: refused; nothing here opens a tunnel.
            debug: log more.
            enable_microbatch: refused if False; `@api(batch=True)` says what is batched.

        Raises:
            ConfigError: an option is refused, or the port is taken.
        """
        if enable_ngrok:
            raise ConfigError("`enable_ngrok` opens a tunnel, and there is none here", hint="start ngrok beside it")
        if not enable_microbatch:
            raise ConfigError("`enable_microbatch=False` is not here", hint="leave `batch=True` out of `@api`")
        if self._server is not None:
            raise ConfigError(f"this service is served at {self._server.url}", hint="call `stop_dev_server()` first")
        if debug:
            log.setLevel(logging.DEBUG)
        self._server = serve(self, port=STYLE_OF_BUNDLES.default_port if port is None else port)
        log.info("serving %s at %s", self.name, self._server.url)

    def stop_dev_server(self) -> None:
        """Stop the server of `start_dev_server`; without one nothing happens."""
        if self._server is not None:
            self._server.stop()
            self._server = None


def bound_of(service: BentoService) -> BoundService:
    """Bind an instance, whose artifacts are read where the model works, and no earlier."""
    found = bind(service)

    def create(handles: Mapping[str, Any]) -> Any:
        service.artifacts.load()
        return found.create(handles)

    http = replace(found.spec.http, port=found.spec.http.port or STYLE_OF_BUNDLES.default_port)
    version = found.spec.version if service._version is None else service._version
    spec = replace(found.spec, http=http, version=version, labels={**found.spec.labels, **service.labels})
    return replace(found, spec=spec, create=create)


def decorated(target: Any, name: str) -> type[BentoService]:
    """Give the class under a decorator; raises ConfigError for anything else."""
    if not isinstance(target, type) or not issubclass(target, BentoService):
        raise ConfigError(f"`@{name}` stands above a class that inherits from `BentoService`: {target!r}")
    return target


def artifacts(declared: Any) -> Callable[[Class], Class]:
    """Say which artifacts a service is packed with.

    Args:
        declared: a list; names must differ.

    Raises:
        ConfigError: it holds anything but artifacts, or two have one name.
    """
    checked = check_declared(declared)

    def mark(target: Class) -> Class:
        decorated(target, "artifacts")._declared = checked
        return target

    return mark


def env(**options: Any) -> Callable[[Class], Class]:
    """Say what a service runs in.

    Args:
        options: `pip_packages`, `infer_pip_packages`, `requirements_txt_file`, `pip_index_url`, `pip_extra_index_url`,
            `pip_trusted_host`, `conda_channels`, `conda_override_channels`, `conda_dependencies`,
            `conda_env_yml_file`, `setup_sh`, `docker_base_image`, `zipimport_archives`.

    Raises:
        ConfigError: one is not known, or not of its form.
    """
    checked = read_options(options)

    def mark(target: Class) -> Class:
        decorated(target, "env")._options = checked
        return target

    return mark


def ver(major: int, minor: int) -> Callable[[Class], Class]:
    """Put `major.minor.` before every version of a service."""
    for name, number in (("major", major), ("minor", minor)):
        if type(number) is not int or number < 0:
            raise ConfigError(f"`{name}` of `@ver` must be a whole number from 0: {number!r}")

    def mark(target: Class) -> Class:
        decorated(target, "ver")._numbers = (major, minor)
        return target

    return mark


def web_static_content(folder: str) -> Callable[[Class], Class]:
    """Serve the files of *folder* below `/static`, and pack them with the service."""
    told: Any = folder
    if not isinstance(told, str) or not re.search(r"\S", told):
        raise ConfigError(f"`@web_static_content` takes a folder: {told!r}")

    def mark(target: Class) -> Class:
        decorated(target, "web_static_content")._content = folder
        return target

    return mark
