"""The iris project of S002, followed by somebody: its files as they stand in the document, packed and saved.

In: the document. Out: a folder with train.py, bento_service.py and bento_packer.py, and the bundle that these made.
The packer of the document uses `clf` without importing it; that one line is ours, and one that prints the path.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from acceptance.documents import Document
from acceptance.network import Network
from acceptance.shell import Output, Person, Server

PORT_URL = "http://localhost:5000"
HEADER = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 3.0, 4.2, 1.5]]
NAMES = ("train.py", "bento_service.py", "bento_packer.py")


@dataclass(frozen=True, slots=True)
class Packed:
    """Somebody who ran the packer, with what was said, and the bundle's folder."""

    person: Person
    said: Output
    document: Document

    @property
    def path(self) -> Path:
        """Give the folder that `save` returned."""
        return Path(self.said.stdout.split()[-1])

    @property
    def tag(self) -> str:
        """Give name and version."""
        return f"{self.path.parent.name}:{self.path.name}"

    def elsewhere(self, folder: Path) -> Person:
        """Be the same person in a folder that has none of the sources."""
        folder.mkdir(exist_ok=True)
        return self.person.at(folder)

    def serve(self, command: str, network: Network, folder: Path, **env: str) -> Server:
        """Start a server of the bundle in a network of its own, where port 5000 is free."""
        return replace(self.elsewhere(folder).start(command, network, **env), url=PORT_URL)


def file_of(document: Document, name: str) -> str:
    """Give the file whose first line is its name."""
    (text,) = [block.text for block in document.blocks() if block.text.startswith(f"# {name}\n")]
    return text


def pack(person: Person, document: Document) -> Packed:
    """Write the three files, and run the packer."""
    for name in NAMES:
        (person.folder / name).write_text(file_of(document, name))
    packer = person.folder / "bento_packer.py"
    packer.write_text(f"from train import clf\n{packer.read_text()}\nprint(saved_path)\n")
    return Packed(person, person.run("python bento_packer.py"), document)


def curl_of(document: Document) -> str:
    """Give the document's request, which stands on several lines."""
    (text,) = [block.text for block in document.blocks() if block.text.startswith("curl ")]
    return text


def requests_of(document: Document) -> str:
    """Give the document's request from Python."""
    (text,) = [block.text for block in document.blocks() if "import requests" in block.text]
    return text


def commands(document: Document, start: str) -> list[str]:
    """Give the command lines that start so."""
    return re.findall(rf"^{re.escape(start)}.*$", document.text, re.MULTILINE)
