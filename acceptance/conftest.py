"""Give the cases their documents, people, networks and servers, and print row by row what became of each.

In: `EKIBEN_SEEDS`, `CI`. Out: the table of `rows.py`, and an exit status of 1 if any row failed.
With `CI=true` and the documents present, a row that is skipped has failed.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance import documents, planets, rows
from acceptance.bentos import Built, build
from acceptance.documents import Document
from acceptance.guide import Guide, follow
from acceptance.iris import Packed, pack
from acceptance.network import Network
from acceptance.planets import Project
from acceptance.shell import Output, Person, Server

SEEDS = documents.folder()
IS_STRICT = os.environ.get("CI") == "true" and SEEDS is not None
HERE = Path(__file__).parent
OUTCOMES: dict[str, list[tuple[str, str]]] = {}


# --- the report -----------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note what each case ended with; under CI a skipped row has failed."""
    report = yield
    row = rows.row_of(item.name)
    if row is None:
        return report
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if IS_STRICT:
            report.outcome, report.longrepr = "failed", f"skipped, which is a failure in CI: {why}"
            OUTCOMES.setdefault(row, []).append(("failed", why))
        else:
            OUTCOMES.setdefault(row, []).append(("skipped", why.removeprefix("Skipped: ")))
    elif report.failed:
        OUTCOMES.setdefault(row, []).append(("failed", report.when))
    elif report.when == "call":
        OUTCOMES.setdefault(row, []).append(("passed", ""))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave with 1 if a row failed, even one that no case is named after."""
    report, differences = verdict(session.config)
    if (report.failed or differences) and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    report, differences = verdict(config)
    terminalreporter.section("rows of ACCEPTANCE.md")
    for line in (*differences, *report.lines):
        terminalreporter.line(line)


def verdict(config: pytest.Config) -> tuple[rows.Report, list[str]]:
    """Judge every row, and hold the table to the list where that is present."""
    table = rows.read_rows(rows.TABLE.read_text())
    law = SEEDS.parent / "ACCEPTANCE.md" if SEEDS else None
    differences = rows.compare(table, rows.read_ids(law.read_text())) if law and law.is_file() else []
    is_part = config.option.keyword or config.option.collectonly or any(".py" in arg for arg in config.args)
    return rows.judge(table, OUTCOMES, whole=not is_part), differences


# --- what cases are given -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def s000() -> Document:
    """Chapter 3.2 of the MLOps guide."""
    return read("S000")


@pytest.fixture(scope="session")
def s001() -> Document:
    """The page of UnionML on serving."""
    return read("S001")


@pytest.fixture(scope="session")
def s002() -> Document:
    """The iris service of 0.13."""
    return read("S002")


@pytest.fixture(scope="session")
def s003() -> Document:
    """The guide in Spanish."""
    return read("S003")


@pytest.fixture(scope="session")
def s004() -> Document:
    """Chapter 3.1 of the MLOps guide."""
    return read("S004")


def read(name: str) -> Document:
    """Read a document, or skip where it is not here."""
    if SEEDS is None:
        pytest.skip("the documents are not here: EKIBEN_SEEDS names their folder")
    return documents.read(name, SEEDS)


@contextmanager
def own_network() -> Iterator[Network]:
    """Make a network, or skip where this machine does not allow it."""
    try:
        made = Network()
    except OSError as error:
        pytest.skip(f"this machine allows no network namespaces: {error}")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of the case's own."""
    with own_network() as made:
        yield made


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with an empty home and an empty folder."""
    return someone(tmp_path)


def someone(around: Path) -> Person:
    """Make a home and a folder."""
    for name in ("home", "work"):
        (around / name).mkdir()
    return Person(around / "home", around / "work")


@pytest.fixture(scope="session")
def project(s004: Document, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The guide's project after chapter 3.1."""
    around = tmp_path_factory.mktemp("guide")
    made = planets.before(someone(around), around, s004.file("requirements.txt"))
    planets.chapter_3_1(made, s004)
    return made


@pytest.fixture(scope="session")
def served(project: Project, s000: Document) -> Iterator[Server]:
    """The service of chapter 3.2, started by its command."""
    (project.folder / "src" / "serve.py").write_text(s000.file("src/serve.py"))
    with own_network() as network:
        server = project.person.start(s000.command("bentoml serve"), network)
        try:
            yield server.wait()
        finally:
            server.stop()


@pytest.fixture(scope="session")
def clone(project: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Output]:
    """Another machine: a clone, a fresh home, and what `dvc pull` said there."""
    around = tmp_path_factory.mktemp("elsewhere")
    other = Person(around / "home", around / "clone")
    other.home.mkdir()
    other.at(around).run(f"git clone -q {project.remotes / 'git.git'} clone")
    return other, other.run("dvc pull")


@pytest.fixture(scope="session")
def elsewhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the model does in a process that has none of the training's sources."""
    other = project.person.at(tmp_path_factory.mktemp("other"))
    said = other.run(f"python {HERE / 'scripts' / 'elsewhere.py'} {project.unseen}")
    return json.loads(said.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def moon(project: Project) -> Path:
    """The picture that the document calls the Moon's."""
    return project.unseen / "TW9vbl8xNDU.jpg"


@pytest.fixture(scope="session")
def page(served: Server) -> dict:
    """The OpenAPI document of the served chapter."""
    return served.get("/docs.json").json()


@pytest.fixture
def patient(person: Person) -> Person:
    """Somebody with the service that waits."""
    shutil.copy(HERE / "services" / "patient.py", person.folder)
    return person


@pytest.fixture(scope="session")
def guide(s003: Document, tmp_path_factory: pytest.TempPathFactory) -> Guide:
    """Somebody who followed the guide in Spanish up to the saved model."""
    return follow(someone(tmp_path_factory.mktemp("guia")), s003)


@pytest.fixture(scope="session")
def bento(guide: Guide) -> Built:
    """The bento of that guide's bentofile and service, built by its command."""
    (guide.person.folder / "service.py").write_text(guide.service())
    (bentofile,) = [block.text for block in guide.document.blocks() if block.language == "yaml"]
    (guide.person.folder / "bentofile.yaml").write_text(bentofile)
    (command,) = set(re.findall("`(bentoml build)`", guide.document.text))
    with own_network() as network:
        return build(guide.person, command, network)


@pytest.fixture(scope="session")
def packed(s002: Document, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The bundle of the iris service, made by the document's files."""
    return pack(someone(tmp_path_factory.mktemp("iris")), s002)


@pytest.fixture(scope="session")
def predicting(packed: Packed, s002: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The iris service, served by the document's command where its sources are not."""
    with own_network() as network:
        server = packed.serve(s002.command("bentoml serve"), network, tmp_path_factory.mktemp("elsewhere"))
        try:
            yield server.wait()
        finally:
            server.stop()
