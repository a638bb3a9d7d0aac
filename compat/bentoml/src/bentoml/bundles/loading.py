"""Load a bundle: its class from its own code, and its artifacts when they are asked for.

In: a folder, a tag, an archive that anyone may have written. Out: an instance of the service. Loading runs the code of
the bundle; an archive yields plain files below one folder, or nothing.
"""

import atexit
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from bentoml.bundles.description import FILE, Bundle, open_bundle
from bentoml.bundles.repository import repository
from bentoml.bundles.saving import ARCHIVES, ARTIFACTS, CONTENT
from bentoml.bundles.service import BentoService
from bentoml.bundles.tags import BundleTag
from bentoml.front import entered
from ekiben.core.errors import CorruptArchive, CorruptItem, InvalidInput, NotFound, StoreError
from ekiben.core.paths import home, join_below
from ekiben.services import modules
from ekiben.services.modules import Module
from ekiben.store.imports import unpack_into
from ekiben.store.staging import stage

UNPACKED = "unpacked"  # in the home, where archives lie while they are served
ONE = threading.RLock()  # names of modules mean those of one bundle at a time
ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip", ".tar.xz", ".tar.bz2")


def find_bundle(target: str) -> Bundle | None:
    """Find the bundle that a folder, an archive or a tag names; None where it names none."""
    place = Path(target).expanduser()
    if (place / FILE).is_file():
        return open_bundle(place.resolve())
    if target.lower().endswith(ENDINGS) and (place.is_file() or "://" in target):
        return unpack_bundle(target if "://" in target else str(place))
    try:
        tag = BundleTag.parse(target)
    except InvalidInput:
        return None
    return repository().find(tag)


def unpack_bundle(source: str) -> Bundle:
    """Unpack an archive into a folder of the home, which is removed when this process ends.

    What a killed process left is removed by the next one that unpacks something.

    Args:
        source: a path, or an address that fsspec reads.

    Raises:
        UnsafeArchive: it holds anything but plain files below one folder.
        CorruptArchive: it is damaged, or holds no bundle.
        StoreError: the disk is full or read-only.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(stage(home() / UNPACKED))
        unpack_into(folder, source, None, {})
        inner = [each for each in (folder, *sorted(folder.iterdir())) if (each / FILE).is_file()]
        if not inner:
            raise CorruptArchive(f"`{source}` holds no bundle: there is no {FILE} in it")
        found = open_bundle(inner[0])
        atexit.register(stack.pop_all().close)
    return found


def load_bundle(bundle: Bundle) -> BentoService:
    """Make an instance of the service of *bundle*.

    Raises:
        CorruptItem: its code is not there, lies elsewhere, or is no such service.
        ServiceLoadError: its code cannot be imported here.
    """
    info, code = bundle.info, bundle.code
    file = inside(bundle, info.file)
    for folder in (ARTIFACTS, CONTENT):
        inside(bundle, folder)
    if not file.is_file():
        raise CorruptItem(f"the bundle `{bundle.tag}` has no code: there is no {info.name}/{info.file}")
    for archive in sorted(inside(bundle, ARCHIVES).glob("*.zip")):
        inside(bundle, f"{ARCHIVES}/{archive.name}")
        if str(archive) not in sys.path:
            sys.path.insert(0, str(archive))
    is_inner = "." in info.module  # of a package, which other code may have under this name
    with modules.apart([code], "" if is_inner else f"{info.module}.py"):
        imported = modules.load(Module(info.module, info.file, file, code))
        own = {**modules_of(code), info.module: imported}
    for name in own.keys() & sys.stdlib_module_names:  # such a module of the bundle has another name here
        del own[name]
    cls: Any = getattr(imported, info.name, None)
    if not isinstance(cls, type) or not issubclass(cls, BentoService):
        raise CorruptItem(f"`{info.file}` of the bundle `{bundle.tag}` has no `BentoService` called `{info.name}`")
    made: BentoService = cls.__new__(cls)
    made.take_bundle(code, info.version, info.labels, lambda: among(code, own))
    cls.__init__(made)  # after the artifacts are there, which it may use
    return made


def inside(bundle: Bundle, path: str) -> Path:
    """Give a place in the code of *bundle*; raises CorruptItem where a link leads out of it."""
    try:
        return join_below(bundle.path, (bundle.code.relative_to(bundle.path) / path).as_posix())
    except InvalidInput as error:
        raise CorruptItem(f"{FILE} of the bundle `{bundle.tag}` cannot be used: {error}") from error


def modules_of(code: Path) -> dict[str, ModuleType]:
    """Give the modules that were imported from a folder, by name."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(code):
            found[name] = module
    return found


@contextmanager
def among(code: Path, own: dict[str, ModuleType]) -> Iterator[None]:
    """Let names of modules mean those of one bundle, whatever another in this process calls its own.

    Pickles name classes by their modules, and are read long after the code of the bundle was.

    Raises:
        StoreError: the bundle was removed meanwhile.
    """
    if not code.is_dir():
        raise StoreError(f"the bundle was removed before its artifacts were read: {code} is not there")
    with ONE, modules.apart([code], ""):
        before = {name: sys.modules.get(name) for name in own}
        sys.modules.update(own)
        try:
            yield
        finally:
            own |= {name: module for name, module in modules_of(code).items() if name not in own}
            for name, module in before.items():
                if module is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = module


@entered
def load_from_dir(path: str) -> BentoService:
    """Load the bundle in a folder; raises NotFound where there is none, and what loading raises."""
    if not (Path(path) / FILE).is_file():
        raise NotFound(f"there is no bundle in {str(path)!r}: it has no {FILE}")
    return load_bundle(open_bundle(Path(path).resolve()))


@entered
def save(
    bento_service: BentoService,
    base_path: str | None = None,
    version: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Save a service into the repository; as `bento_service.save`."""
    return bento_service.save(version=version, labels=labels, base_path=base_path)


@entered
def save_to_dir(bento_service: BentoService, path: str, version: str | None = None) -> None:
    """Save a service into an empty folder; as `bento_service.save_to_dir`."""
    bento_service.save_to_dir(path, version)
