"""The guide in Spanish, followed by somebody: the model, the script, the service file.

In: the document S003. Out: its files as they stand there, but for the version of the model, in a folder.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from acceptance.documents import Document
from acceptance.shell import Output, Person

SCRIPT = Path(__file__).with_name("scripts") / "flower.py"
VERSION = "[a-z2-7]{16}"
FLOWERS = {"setosa": [[5.1, 3.5, 1.4, 0.2]], "virginica": [[6.7, 3.0, 5.2, 2.3]]}


@dataclass(frozen=True, slots=True)
class Guide:
    """Somebody who has saved the model, with what was said."""

    person: Person
    said: Output
    document: Document

    @property
    def tag(self) -> str:
        """Give the model's tag, as the script printed it."""
        return self.said.stdout.split()[-1]

    def service(self) -> str:
        """Give service.py with this model's version in place of the author's."""
        return re.sub(f"flower_model:{VERSION}", self.tag, service_file(self.document))


def follow(person: Person, document: Document) -> Guide:
    """Write the model and the script, and run it by the document's command."""
    (script,) = [block.text for block in document.blocks() if "save_model" in block.text and block.language == "python"]
    person.run(f"python {SCRIPT}")
    (person.folder / "modeltobento.py").write_text(script)
    return Guide(person, person.run(document.command("python3 modeltobento.py")), document)


def service_file(document: Document) -> str:
    """Give the document's service.py."""
    (text,) = [block.text for block in document.blocks() if "@svc.api" in block.text and block.language == "python"]
    return text


def line_of_latest(document: Document) -> str:
    """Give the line that asks for the newest version."""
    (line,) = [block.text.strip() for block in document.blocks() if ":latest" in block.text and "runner" in block.text]
    return line


def points(document: Document) -> list[tuple[str, str]]:
    """Give the document's data points, as text, each with its flower."""
    found = re.findall(r"^(\[\[[\d., ]+\]\])\s+\((\w+)\)$", document.text, re.MULTILINE)
    assert len(found) == 3, found
    return found
