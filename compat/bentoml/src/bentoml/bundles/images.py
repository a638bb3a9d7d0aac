"""Say what the image of a bundle is made of.

In: a bundle, which anyone may have written. Out: the parts of an image, each value checked by `images/spec`. Its own
Dockerfile is not read: the one that is built from is written anew.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from bentoml.bundles.description import Bundle
from bentoml.bundles.packages import OURS, carry_ours
from bentoml.bundles.papers import SETUP, WHEELS
from bentoml.front import FRONT, STYLE_OF_BUNDLES
from ekiben.bundle.requirements import read_file
from ekiben.core.errors import ConfigError
from ekiben.images.plan import DEBIAN_PYTHON, Packages, Parts, name_of_wheel
from ekiben.images.spec import MINOR, ImagePlan, Server, match

CONDA = ("conda_channels", "conda_dependencies", "conda_env_yml_file")


@dataclass(frozen=True, slots=True)
class BundleImage:
    """A bundle whose image is to be made."""

    bundle: Bundle

    def image_parts(self, args: Iterable[str] = (), *, run_as_root: bool = False) -> Parts:
        """Give the parts.

        Args:
            args: names of variables that only the build knows.
            run_as_root: the container serves as root.

        Raises:
            ConfigError: a value is none that an image can have, or the bundle needs conda.
        """
        info = self.bundle.info
        asked = [name for name in CONDA if info.env.get(name)]
        if asked:
            raise ConfigError(
                f"the bundle `{info.tag}` needs conda, which our images have not: `{asked[0]}`",
                hint="write its packages into `pip_packages`, or name a `docker_base_image` that has them",
            )
        python = match(MINOR, ".".join(info.python.split(".")[:2]), "python_version", "a version of Python", '"3.12"')
        packages = packages_of(self.bundle, python)
        setup = self.bundle.path / SETUP
        plan = ImagePlan(
            base=info.env.get("docker_base_image") or f"{DEBIAN_PYTHON}:{python}-slim",
            python=python,
            has_setup=setup.is_file() and not setup.is_symlink(),
            args=tuple(dict.fromkeys(args)),
            labels={
                "org.opencontainers.image.title": info.name,
                "org.opencontainers.image.version": info.version,
                "org.opencontainers.image.created": info.created.isoformat(timespec="seconds"),
                **info.labels,
                "bentoml.bundle": str(info.tag),
            },
            server=Server(
                program=FRONT.program,
                prefix=FRONT.home_variable.removesuffix("_HOME"),
                port=STYLE_OF_BUNDLES.default_port,
            ),
            is_root=run_as_root,
        )
        return Parts(self.bundle, plan, packages, {}, setup if plan.has_setup else None)


@dataclass(frozen=True)
class Scratch(Packages):
    """Packages whose files are gone when nobody holds these any more."""


def packages_of(bundle: Bundle, python: str) -> Packages:
    """Give the packages of a bundle, with our wheels; those of one that BentoML saved are added.

    Files of ours lie in a folder of their own until the packages are let go, or the process ends.

    Raises:
        ConfigError: a line of its requirements is none.
    """
    scratch = Path(tempfile.mkdtemp(prefix="bentoml-image-"))
    try:
        made = write_packages(bundle, python, scratch)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    weakref.finalize(made, shutil.rmtree, scratch, ignore_errors=True)
    return made


def write_packages(bundle: Bundle, python: str, scratch: Path) -> Scratch:
    """Write into *scratch* what the packages of a bundle lack; raises as `packages_of`."""
    wheels = sorted((bundle.path / WHEELS).glob("*.whl"))
    if not set(OURS) <= {name_of_wheel(each) for each in wheels}:
        wheels = [*(each for each in wheels if name_of_wheel(each) not in OURS), *carry_ours(scratch / "wheels")]
    file = bundle.path / "requirements.txt"
    lines: list[str] = []
    if file.is_file():
        asked = read_file(file, bundle.path)
        lines = [*asked.indexes.lines, *asked.choices]
        lines += [str(each) for each in asked.wanted if each.path is None and each.name not in OURS]
    text = scratch / "requirements.txt"
    text.write_text("\n".join(lines) + "\n", "utf-8")
    names = frozenset(canonicalize_name(name_of_wheel(each)) for each in wheels)
    return Scratch(text, False, tuple(wheels), names, python, None)
