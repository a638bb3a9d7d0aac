"""S003, the guide in Spanish: its service of the 1.0 kind, served as the document says, and what it says of runners."""

import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from acceptance.browser import open_page
from acceptance.conftest import own_network
from acceptance.guide import FLOWERS, Guide, line_of_latest, points
from acceptance.network import Network
from acceptance.shell import Person, Server

SERVICES = Path(__file__).with_name("services")
JSON = "content-type: application/json"
SERVE = "bentoml serve service:svc"


@contextmanager
def serving(person: Person, network: Network, text: str, command: str = SERVE, **env: str) -> Iterator[Server]:
    """Serve a service file from a folder."""
    (person.folder / "service.py").write_text(text)
    server = person.start(command, network, **env)
    try:
        yield server.wait()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def classifier(guide: Guide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The document's service, started by its command."""
    folder = tmp_path_factory.mktemp("servicio")
    with own_network() as network:
        with serving(guide.person.at(folder), network, guide.service(), guide.document.command(SERVE)) as server:
            yield server


def classify(server: Server, rows: object) -> str:
    """Ask which flower it is."""
    answer = server.post("/classify", json=rows)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_S003_04_the_hdf5_model(guide: Guide) -> None:
    """The script saves a model that Keras 3 wrote as HDF5, and one that Keras 2 did; both predict the same."""
    (guide.person.folder / "old.py").write_text(
        (guide.person.folder / "modeltobento.py").read_text().replace("final_iris_model.h5", "old_iris_model.h5")
        .replace('"flower_model"', '"old_flower_model"')
    )  # fmt: skip
    guide.person.run("python old.py")
    compare = (
        "import bentoml, numpy as np\n"
        f"rows = np.array({[*FLOWERS.values()]}, dtype='float32').reshape(-1, 4)\n"
        f"new, old = (bentoml.keras.load_model(tag) for tag in ('{guide.tag}', 'old_flower_model:latest'))\n"
        "np.testing.assert_allclose(new.predict(rows, verbose=0), old.predict(rows, verbose=0), rtol=1e-6)\n"
    )
    guide.person.python(compare)


def test_S003_11_a_runner_of_a_stored_model(guide: Guide, classifier: Server) -> None:
    """`to_runner` of the exact version works in the file as it stands, and takes the options of 1.0."""
    assert f'bentoml.keras.get("{guide.tag}").to_runner()' in guide.service()
    assert classify(classifier, FLOWERS["setosa"]) == "setosa"
    lines = (
        "import bentoml, numpy as np\n"
        f"made = bentoml.keras.get('{guide.tag}').to_runner(name='fast', max_batch_size=8, max_latency_ms=500)\n"
        "made.init_local(quiet=True)\n"
        f"found = made.predict.run(np.array({FLOWERS['virginica']}, dtype='float32'))\n"
        "print(made.name, found.shape, int(found.argmax()))\n"
    )
    assert guide.person.python(lines).stdout.splitlines()[-1] == "fast (1, 3) 2"


def test_S003_12_the_newest_version(guide: Guide, network: Network, tmp_path: Path) -> None:
    """The document's line with `latest` in place of the version."""
    line = line_of_latest(guide.document)
    text = re.sub(r"^runner = .*$", line, guide.service(), flags=re.MULTILINE)
    assert "flower_model:latest" in text
    with serving(guide.person.at(tmp_path), network, text) as server:
        assert classify(server, FLOWERS["virginica"]) == "virginica"


@pytest.mark.parametrize("name", ["a b", "flor/iris", "-iris", "iris-", "x" * 64, "iris:v1:2", ""])
def test_S003_13_names_of_services(person: Person, name: str) -> None:
    """A name that could not be a tag's is refused with words; `clasificador_iris` is one."""
    lines = f"import bentoml\nprint(bentoml.Service('clasificador_iris').name)\nbentoml.Service({name!r})\n"
    said = person.python(lines, code=1)
    assert said.stdout == "clasificador_iris\n"
    assert re.search(r"^\S*(BadInput|InvalidInput|InvalidArgument|ConfigError)\b.*: ", said.stderr, re.MULTILINE)


def test_S003_16_annotations_are_not_descriptors(guide: Guide, classifier: Server) -> None:
    """The annotations `str -> str` contradict the descriptors, and change nothing."""
    assert "input_series: str) -> str" in guide.service()
    body = classifier.get("/docs.json").json()["paths"]["/classify"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"].get("type") != "string"
    assert classify(classifier, FLOWERS["setosa"]) == "setosa"


def test_S003_17_sync_and_async(guide: Guide, network: Network, tmp_path: Path) -> None:
    """The same function without `async` gives the same answers."""
    text = guide.service().replace("async def", "def").replace("await runner.predict.async_run", "runner.predict.run")
    assert "async" not in text
    with serving(guide.person.at(tmp_path), network, text) as server:
        assert {name: classify(server, rows) for name, rows in FLOWERS.items()} == {name: name for name in FLOWERS}


def curl(server: Server, person: Person, words: str) -> str:
    """Ask by curl, from inside the server's network."""
    with server.network.inside():
        return person.run(f"curl -sS --noproxy '*' {words}").stdout


def test_S003_19_a_string_as_the_answer(classifier: Server, person: Person) -> None:
    """A string of NumPy's leaves as JSON of eight bytes, with the headers of the picture."""
    body = shlex.quote(json.dumps(FLOWERS["setosa"]))
    ask = f"-i -X POST -H '{JSON}' --data {body} http://127.0.0.1:3000/classify"
    head, _, said = curl(classifier, person, ask).replace("\r", "").partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert (first.split()[1], said) == ("200", '"setosa"')
    assert (headers["content-type"], headers["content-length"]) == ("application/json", "8")
    assert headers["server"] == "BentoML Service/clasificador_iris"
    again = curl(classifier, person, ask)
    assert headers["x-bentoml-request-id"] not in again
    assert "x-bentoml-request-id: mine" in curl(classifier, person, f"-H 'X-BentoML-Request-ID: mine' {ask}").lower()


def places(person: Person) -> Person:
    """Put the service that knows its processes into a folder."""
    shutil.copy(SERVICES / "places.py", person.folder)
    return person


@contextmanager
def placed(person: Person, network: Network, before: str = "") -> Iterator[Server]:
    """Serve the service that knows its processes."""
    server = places(person).start(f"{before}bentoml serve places:svc", network)
    try:
        yield server.wait()
    finally:
        server.stop()


def look(server: Server, count: int = 40, seconds: float = 0.02) -> tuple[set[int], set[int]]:
    """Ask many times at once which processes answer."""
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: server.post("/look", json={"seconds": seconds}).json(), range(count)))
    return {one["service"] for one in found}, {one["runner"] for one in found}


def test_S003_20_runners_are_processes(person: Person, network: Network) -> None:
    """A runner works in a process of its own; one that is killed is made again."""
    with placed(person, network) as server:
        services, runners = look(server)
        family = set(server.family())
        assert services.isdisjoint(runners)
        assert services | runners <= family
        killed = min(runners)
        os.kill(killed, 9)
        end = time.monotonic() + 60
        while True:
            answer = server.post("/look", json={"seconds": 0})
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200 and len(set(server.family()) - family) > 0:
                break
            assert time.monotonic() < end, server.log
            time.sleep(0.1)
        assert killed not in look(server)[1]


def test_S003_21_calls_go_to_several_of_them(person: Person, network: Network) -> None:
    """With as many processes of a runner as there are CPUs, calls are shared among them."""
    cpus = len(os.sched_getaffinity(0))
    with placed(person, network) as server:
        assert len(look(server)[1]) == cpus


def test_S003_22_slow_calls_at_once(person: Person, network: Network) -> None:
    """A hundred calls that wait take no longer than three of them."""
    shutil.copy(SERVICES / "sleepy.py", person.folder)
    server = person.start("bentoml serve sleepy:svc", network)
    try:
        server.wait()
        server.post("/sleep", json={"seconds": 0})
        began = time.monotonic()
        with ThreadPoolExecutor(100) as pool:
            found = list(pool.map(lambda _: server.post("/sleep", json={"seconds": 4.0}).json(), range(100)))
        assert found == [4.0] * 100
        assert time.monotonic() - began < 12.0
    finally:
        server.stop()


def test_S003_23_as_many_as_there_are_cores(person: Person, network: Network) -> None:
    """A server that may use one CPU has one process of each kind; without such a bound, one a CPU."""
    cpus = sorted(os.sched_getaffinity(0))
    with placed(person, network, before=f"taskset -c {cpus[0]} ") as server:
        assert [len(found) for found in look(server)] == [1, 1]
    with placed(person, network) as server:
        assert [len(found) for found in look(server, 200)] == [len(cpus), len(cpus)]


def test_S003_25_reload(guide: Guide, network: Network, tmp_path: Path) -> None:
    """By the command of the document a changed file is served soon, an error in it is outlived, others are let be."""
    command = guide.document.command(SERVE)
    assert command.endswith("--reload")
    text = guide.service()
    with serving(guide.person.at(tmp_path), network, text, command) as server:
        assert classify(server, FLOWERS["setosa"]) == "setosa"
        begun = server.log.count("ready in")
        (tmp_path / "notas.txt").write_text("nada")
        (tmp_path / "service.py").write_text(text.replace("'setosa'", "'la setosa'"))
        wait_for(lambda: classify(server, FLOWERS["setosa"]) == "la setosa", server)
        assert server.log.count("ready in") == begun + 1
        (tmp_path / "service.py").write_text(text + "\ndef (:\n")
        server.wait_for_log("SyntaxError")
        (tmp_path / "service.py").write_text(text.replace("'setosa'", "'otra'"))
        wait_for(lambda: classify(server, FLOWERS["setosa"]) == "otra", server)


def wait_for(what: Callable[[], bool], server: Server) -> None:
    """Wait until *what* is true; a server that is started again may not answer for a while."""
    end, last = time.monotonic() + 120, ""
    while time.monotonic() < end:
        try:
            if what():
                return
        except (httpx.TransportError, AssertionError) as error:
            last = str(error)
        time.sleep(0.2)
    raise AssertionError(f"{last}\n{server.log}")


def test_S003_28_three_flowers(guide: Guide, classifier: Server, person: Person) -> None:
    """The three points of the document, by curl, and the last one typed into the page."""
    for text, flower in points(guide.document):
        ask = f"-X POST -H '{JSON}' --data '{text}' http://127.0.0.1:3000/classify"
        assert curl(classifier, person, ask) == f'"{flower}"'
    with open_page(classifier, "/") as page:
        block = page.locator(".opblock", has=page.locator("[data-path='/classify']"))
        block.locator("button.opblock-summary-control").click()
        block.locator("textarea").fill(points(guide.document)[-1][0])
        block.get_by_role("button", name="Execute").click()
        answer = block.locator(".live-responses-table .response-col_description pre").first
        answer.wait_for()
        assert json.loads(answer.inner_text()) == "virginica"
