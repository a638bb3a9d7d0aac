"""Say for which machine and which Python a bento's environment is made.

In: a platform as container engines write it (`linux/amd64`), a version of Python. Out: a `Target`, which knows uv's
name of it and what the markers of requirements see there.
Source: PEP 508 (environment markers), PEP 600 (manylinux).
"""

import platform
import re
from dataclasses import dataclass
from typing import Any, Self

from packaging.tags import Tag, compatible_tags, cpython_tags

from ekiben.core.errors import ConfigError

MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
# The same as uv and Rust name it: `linux`, `x86_64-unknown-linux-gnu`, `aarch64-manylinux_2_28`.
UV = re.compile(r"(?:(?P<machine>x86_64|aarch64)-(?:unknown-linux-gnu|manylinux[0-9_]+)|linux)")
# The glibc of RHEL 8 and of Debian 10: what is locked for it runs on any system that is still kept.
GLIBC = "manylinux_2_28"


@dataclass(frozen=True, slots=True)
class Target:
    """Linux on one kind of processor, and a version of CPython."""

    machine: str  # x86_64 or aarch64
    python: str  # 3.11, or 3.11.7 where that matters

    @classmethod
    def parse(cls, system: str | None = None, python: str | None = None) -> Self:
        """Read a platform and a version of Python; None stands for those of this process.

        Raises:
            ConfigError: it is not Linux on x86-64 or ARM64, or not a version of Python 3.
        """
        named: Any = system or f"linux/{platform.machine().lower()}"
        told = UV.fullmatch(named) if isinstance(named, str) else None
        if told is not None:
            named = f"linux/{told['machine'] or 'x86_64'}"
        kind, _, machine = named.rpartition("/") if isinstance(named, str) else ("", "", "")
        if kind not in ("", "linux") or machine not in MACHINES:
            raise ConfigError(
                f"`platform` must be linux/amd64 or linux/arm64: {named!r}", hint="write `--platform linux/amd64`"
            )
        version = python or this_python()
        if not re.fullmatch(r"3\.\d{1,2}(\.\d{1,2})?", version):
            raise ConfigError(f"`python_version` must be a version of Python such as 3.12: {version!r}")
        return cls(MACHINES[machine], version)

    @property
    def minor(self) -> str:
        """The version of Python without its patch: 3.11."""
        return ".".join(self.python.split(".")[:2])

    @property
    def platform(self) -> str:
        """The platform as container engines write it."""
        return "linux/amd64" if self.machine == "x86_64" else "linux/arm64"

    @property
    def uv_platform(self) -> str:
        """The platform as `uv pip compile --python-platform` takes it."""
        return f"{self.machine}-{GLIBC}"

    @property
    def is_here(self) -> bool:
        """Whether what is locked for it runs on this machine, with some Python."""
        return platform.system() == "Linux" and MACHINES.get(platform.machine().lower()) == self.machine

    def markers(self) -> dict[str, str]:
        """Give what a marker sees in this environment."""
        full = self.python if self.python.count(".") == 2 else f"{self.minor}.0"
        if full != self.python and self.minor == this_python():
            full = platform.python_version()
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": full,
            "python_version": self.minor,
            "sys_platform": "linux",
        }

    def tags(self) -> frozenset[Tag]:
        """Give the tags of the wheels that can be installed there."""
        version = (3, int(self.minor.partition(".")[2]))
        newest = int(GLIBC.rpartition("_")[2])
        systems = [f"manylinux_2_{minor}_{self.machine}" for minor in range(newest, 4, -1)]
        systems += [f"{name}_{self.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
        return frozenset(cpython_tags(version, platforms=systems)) | frozenset(
            compatible_tags(version, f"cp3{version[1]}", systems)
        )

    def __str__(self) -> str:
        return f"{self.platform}, Python {self.python}"


def this_python() -> str:
    """Give the version of this Python, without its patch."""
    return ".".join(platform.python_version_tuple()[:2])
