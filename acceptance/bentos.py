"""Build a bento as a document says, where nothing but a loopback can be reached, and carry it about.

In: somebody in the folder of a project, a command line. Out: what was said, and the bento.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from acceptance.network import Network
from acceptance.shell import Output, Person

SUCCESS = re.compile(r'^Successfully built Bento\(tag="(?P<tag>[a-z_]+:[a-z2-7]{16})"\)\.$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Built:
    """A bento, who built it, and what was said."""

    person: Person
    said: Output
    tag: str
    folder: Path

    @property
    def lines(self) -> list[str]:
        """Give the lines on stdout."""
        return self.said.stdout.splitlines()

    @property
    def version(self) -> str:
        """Give the version alone."""
        return self.tag.partition(":")[2]


def build(person: Person, command: str, network: Network) -> Built:
    """Build a bento without any index of packages."""
    with network.inside():
        said = person.run(command)
    found = SUCCESS.search(said.stdout)
    assert found is not None, said.all
    return Built(person, said, found["tag"], Path(person.run(f"bentoml get {found['tag']} -o path").stdout.strip()))


def newcomer(around: Path) -> Person:
    """Be somebody else: an empty home, and a folder without any project."""
    for name in ("their-home", "their-folder"):
        (around / name).mkdir()
    return Person(around / "their-home", around / "their-folder")
