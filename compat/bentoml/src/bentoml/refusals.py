"""Refuse what BentoML has and Ekiben has not, by its name, at use, with what to write instead.

In: a name. Out: an object that may be imported and passed on, and that says why as soon as it is called, subclassed or
asked for anything. A whole module of such names refuses each of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ekiben.core.errors import ConfigError

CLOUD = "BentoML's cloud, and there is no cloud here"
ITS_CLOUD = f"it belongs to {CLOUD}"
TO_REGISTRY = "`bentoml push` and `bentoml pull` work with any OCI registry; run its image where you like"
LOADED = "there is no format for its models here"
OWN_PICKLE = "save it by `bentoml.picklable_model.save_model`, or write its files with `bentoml.models.create`"

OWN_ARTIFACT = "pack the model by a class of your own, which inherits from `bentoml.artifact.BentoServiceArtifact`"
OF_YATAI = "there is no Yatai server", "`bentoml.load`, `bentoml list`, `get`, `delete`, `retrieve` work on the home"

# By name or module: why it is not there, and what to write instead.
NAMES: Mapping[str, tuple[str, str]] = {
    "ApiToken": (ITS_CLOUD, "tokens of a service are its option `auth`"),
    "BentoCloudClient": (ITS_CLOUD, TO_REGISTRY),
    "runner_service": (
        "a runner is a service of its own already",
        "give it to `bentoml.Service(name, runners=[…])`, or write `bentoml.depends(…)` for a class",
    ),
    "save_config": (
        "options of a service are read when it is loaded",
        "`bentoml serve --print-config` shows those that hold",
    ),
    "set_serialization_strategy": (
        "a service is never pickled here: workers import its module",
        "name the service by `module:NAME` where another process needs it",
    ),
}
MODULES: Mapping[str, tuple[str, str]] = {
    "api_token": (ITS_CLOUD, "tokens of a service are its option `auth`"),
    "batch": ("nothing runs inside of Spark here", "`bentoml run TARGET ENDPOINT` works over files of rows"),
    "cloud": (ITS_CLOUD, TO_REGISTRY),
    "deployment": (ITS_CLOUD, TO_REGISTRY),
    "detectron": (LOADED, OWN_PICKLE),
    "easyocr": (LOADED, OWN_PICKLE),
    "ray": ("nothing is deployed on Ray here", "give `MyService.to_asgi()` to Ray Serve's `ingress`"),
    "secret": (ITS_CLOUD, "set variables by `envs` of the service"),
    "start": ("components are started by `bentoml serve` alone", "write `bentoml serve TARGET`, or `bentoml.serve`"),
    "triton": ("no Triton server is started here", "call one with its own client from a service"),
    "unsloth": ("it is a package of its own, made for BentoML's cloud", OWN_PICKLE),
}


def refuse(name: str, why: str, hint: str) -> NoReturn:
    """Refuse a name.

    Raises:
        ConfigError: always; it names what was asked for, and what to write instead.
    """
    raise ConfigError(f"there is no `bentoml.{name}` here: {why}", hint=hint)


class Refused:
    """Stands for a name that is not there; whatever is done with it raises ConfigError."""

    def __init__(self, name: str, why: str, hint: str) -> None:
        self.__dict__["_told"] = (name, why, hint)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be called."""
        refuse(*self.__dict__["_told"])

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse to have anything but what Python itself asks for."""
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(*self.__dict__["_told"])

    def __mro_entries__(self, bases: tuple[Any, ...]) -> NoReturn:
        """Refuse to be a base class."""
        refuse(*self.__dict__["_told"])

    def __repr__(self) -> str:
        return f"<bentoml.{self.__dict__['_told'][0]}, which is not there>"


def refused(name: str) -> Refused:
    """Give what stands for a name of `NAMES`."""
    return Refused(name, *NAMES[name])


def refuser(module: str) -> Callable[[str], Refused]:
    """Make the `__getattr__` of a module of `MODULES`."""

    def find(name: str) -> Refused:
        if name.startswith("__"):
            raise AttributeError(name)
        return Refused(f"{module}.{name}", *MODULES[module])

    return find


ApiToken = refused("ApiToken")
BentoCloudClient = refused("BentoCloudClient")
runner_service = refused("runner_service")
save_config = refused("save_config")
set_serialization_strategy = refused("set_serialization_strategy")
