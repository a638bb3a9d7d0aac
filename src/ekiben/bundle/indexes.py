"""Say where packages come from, and keep passwords out of it.

In: addresses of indexes as a project says them, the environment. Out: variables for uv, lines for a requirements file.
A password stands in no address of a project, since the project travels: it is a variable (`https://${USER}:${TOKEN}@…`),
or lies in ~/.netrc. uv is given addresses by its environment, as other users of a machine can read a command line.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.paths import join_below

NO_INDEX = "UV_NO_INDEX"  # uv has an option for it, and not every release of it reads the variable
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # as pip and uv read them in requirements files
URL = re.compile(r"https?://[!-\"$->@-~]+")  # printable ASCII without `?` and `#`
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
USER = re.compile(r"[A-Za-z0-9+]+://([^/?#\s]*)@")


@dataclass(frozen=True, slots=True)
class Indexes:
    """Where packages come from; nothing said means uv's own settings."""

    index_url: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()  # URLs, and absolute folders of the project
    trusted: tuple[str, ...] = ()  # hosts whose certificates are not asked for
    no_index: bool = False

    @classmethod
    def read(cls, options: Mapping[str, Sequence[str]], place: str, context: Path) -> Self:
        """Check addresses by the option of pip that says them.

        Raises:
            ConfigError: one is no address, leads out of the project, or holds a password.
        """
        said = {option: tuple(values) for option, values in options.items()}
        index = [check_url(each, place) for each in said.get("--index-url", ())]
        for host in said.get("--trusted-host", ()):
            if not HOST.fullmatch(host):
                raise ConfigError(f"{place} must be a host: {host!r}", hint="write `packages.example.org:8080`")
        return cls(
            index_url=index[-1] if index else None,
            extra=tuple(check_url(each, place) for each in said.get("--extra-index-url", ())),
            find_links=tuple(check_link(each, place, context) for each in said.get("--find-links", ())),
            trusted=said.get("--trusted-host", ()),
        )

    def plus(self, other: "Indexes") -> "Indexes":
        """Join what two places say; the latter's `index_url` counts."""
        return Indexes(
            other.index_url or self.index_url,
            tuple(dict.fromkeys(self.extra + other.extra)),
            tuple(dict.fromkeys(self.find_links + other.find_links)),
            tuple(dict.fromkeys(self.trusted + other.trusted)),
            self.no_index or other.no_index,
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of `find_links`."""
        return tuple(Path(each) for each in self.find_links if "://" not in each)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that say it in a requirements file; folders stay here."""
        found = ["--no-index"] if self.no_index else []
        found += [f"--index-url {self.index_url}"] if self.index_url else []
        found += [f"--extra-index-url {each}" for each in self.extra]
        found += [f"--trusted-host {each}" for each in self.trusted]
        return (*found, *(f"--find-links {each}" for each in self.find_links if "://" in each))

    def variables(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Give uv's environment: that of this process, and what the project says.

        Raises:
            ConfigError: an address names a variable that is not set.
        """
        found = dict(environ)
        if self.index_url:
            found.pop("UV_INDEX_URL", None)
            found["UV_DEFAULT_INDEX"] = expand(self.index_url, environ)
        if self.extra:
            found.pop("UV_EXTRA_INDEX_URL", None)
            found["UV_INDEX"] = " ".join(expand(each, environ) for each in self.extra)
        if self.no_index:
            found[NO_INDEX] = "true"
        if self.trusted:
            found["UV_INSECURE_HOST"] = " ".join(self.trusted)
        links = [*self.find_links, *filter(None, environ.get("UV_FIND_LINKS", "").split(","))]
        if links:
            found["UV_FIND_LINKS"] = ",".join(expand(each, environ) for each in links)
        return found


def check_url(url: str, place: str) -> str:
    """Check the address of an index."""
    check_secrets(url, place)
    if not URL.fullmatch(url) or not urlsplit(url).hostname or "," in url:
        raise ConfigError(f"{place} must be the address of an index: {url!r}", hint="write https://HOST/simple")
    return url


def check_link(link: str, place: str, context: Path) -> str:
    """Check one of `find_links`: an address, or a folder of the project."""
    if re.match(r"https?://", link):
        return check_url(link, place)
    try:
        path = join_below(context.resolve(), link)
    except InvalidInput as error:
        raise ConfigError(f"{place} must be an address or a folder inside the project: {link!r}") from error
    if not path.is_dir() or "," in str(path):
        raise ConfigError(f"{place} must be a folder of the project, and there is none: {link!r}")
    return str(path)


def check_secrets(text: str, place: str) -> None:
    """Refuse an address with a password in it, and do not show it.

    A name before a host is a password too where a token is one (GitHub's are); for ssh it is a name.
    """
    for found in USER.finditer(text):
        user = found[1]
        is_name = "ssh://" in found[0] and ":" not in user
        if user and not is_name and VARIABLE.sub("", user) not in ("", ":"):
            hidden = text.replace(f"{user}@", "****@")
            raise ConfigError(
                f"{place} must hold no password, as it travels with the bento: {hidden!r}",
                hint="write `https://${NAME}:${TOKEN}@…` and set these variables, or write it to ~/.netrc",
            )


def expand(url: str, environ: Mapping[str, str]) -> str:
    """Put variables into an address.

    Raises:
        ConfigError: one is not set.
    """
    for name in VARIABLE.findall(url):
        if name not in environ:
            raise ConfigError(f"the address of an index needs the variable {name}, which is not set: {url!r}")
    return VARIABLE.sub(lambda found: environ[found[1]], url)
