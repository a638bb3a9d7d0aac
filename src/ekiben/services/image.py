"""Say in code what the container image of a service is made of.

In: calls, each of which adds a step. Out: an `ImageSpec`, plain data that a bento stores. Nothing is built or read
here: a build locks the packages and copies the scripts, `containerize` runs the commands.
"""

import inspect
from typing import Any, Self

from ekiben.core.errors import ConfigError
from ekiben.core.spec import ImageSpec

DISTROS = ("debian",)
MAX_LINE = 4096  # letters of one word


class Image:
    """The image of a service, as an argument of `@service`.

        image = ekiben.Image(python_version="3.12").system_packages("libgomp1").python_packages("pandas")

    Args:
        base_image: the image to start from; it must have that Python. None is slim Debian with Python.
        distro: of the base that is chosen where none is named; `debian` alone.
        python_version: of the lock and of the image; None is that of the build.
        lock_python_packages: settle each package's version and hashes when the bento is built.
        pack_git_packages: let what comes by git travel as a wheel.

    Raises:
        ConfigError: a value is none of its kind.
    """

    def __init__(
        self,
        base_image: str | None = None,
        distro: str = "debian",
        python_version: str | None = None,
        lock_python_packages: bool = True,
        pack_git_packages: bool = True,
    ) -> None:
        if distro not in DISTROS:
            raise ConfigError(
                f"`distro` of an image must be {' or '.join(DISTROS)}: {distro!r}",
                hint="name another system by `base_image`",
            )
        for name, value in (("base_image", base_image), ("python_version", python_version)):
            if value is not None:
                line(value, name)
        for name, told in (("lock_python_packages", lock_python_packages), ("pack_git_packages", pack_git_packages)):
            if not isinstance(told, bool):
                raise ConfigError(f"`{name}` of an image must be True or False: {told!r}")
        self._base, self._python = base_image, python_version
        self._locks, self._packs = lock_python_packages, pack_git_packages
        self._steps: list[tuple[str, tuple[str, ...]]] = []

    def system_packages(self, *packages: str) -> Self:
        """Install Debian packages, by apt-get."""
        return self._add("system_packages", packages)

    def python_packages(self, *packages: str) -> Self:
        """Install Python packages.

        Each is a requirement (PEP 508), a git address or a path in the project.
        """
        return self._add("python_packages", packages)

    def requirements_file(self, path: str) -> Self:
        """Install what a requirements file of the project names."""
        return self._add("requirements_file", (path,))

    def pyproject_toml(self, path: str = "pyproject.toml") -> Self:
        """Install the dependencies of the project, as its pyproject.toml names them."""
        return self._add("pyproject_toml", (path,))

    def uv_lock(self) -> Self:
        """Install what the project's uv.lock has settled.

        Its groups for development stay out.
        """
        return self._add("uv_lock", ())

    def run(self, command: str) -> Self:
        """Run a command as root while the image is built.

        Before the Python packages if no step before this one names any, else after them.
        """
        return self._add("run", (command,))

    def run_script(self, path: str) -> Self:
        """Run a script of the project, as `run` does."""
        return self._add("run_script", (path,))

    def build_include(self, *patterns: str) -> Self:
        """Let commands find these files of the project in the folder that they run in."""
        return self._add("build_include", patterns)

    def spec(self) -> ImageSpec:
        """Give all that was said, as plain data."""
        return ImageSpec(self._base, self._python, tuple(self._steps), self._locks, self._packs)

    def _add(self, verb: str, words: tuple[str, ...]) -> Self:
        if not words and verb != "uv_lock":
            raise ConfigError(f"`{verb}` of an image must be given something", hint=f'write `.{verb}("…")`')
        self._steps.append((verb, tuple(line(word, verb) for word in words)))
        return self

    def __repr__(self) -> str:
        return f"<image of {self._base or 'Debian'}, {len(self._steps)} steps>"


VERBS = tuple(name for name, each in vars(Image).items() if inspect.isfunction(each) and not name.startswith("_"))


def line(value: Any, name: str) -> str:
    """Give text of one line; raises ConfigError for anything else."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_LINE:
        raise ConfigError(f"`{name}` of an image must be text of at most {MAX_LINE} letters: {value!r}")
    codes = [ord(letter) for letter in value]
    if any(code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 for code in codes) or set("\u2028\u2029\ufeff") & {
        *value
    }:
        raise ConfigError(
            f"`{name}` of an image must be one line without control characters: {value!r}",
            hint="put what needs several lines into a script of the project: `.run_script(…)`",
        )
    return value


def read_image(image: Any) -> ImageSpec | None:
    """Check `image=ekiben.Image()`.

    Raises:
        ConfigError: it is no image.
    """
    if image is None or isinstance(image, ImageSpec):
        return image
    if isinstance(image, Image):
        return image.spec()
    raise ConfigError(
        f"`image` must be an `Image`: {image!r}", hint='write `image=ekiben.Image(python_version="3.12")`'
    )
