"""S000, chapter 3.2 of the MLOps guide: what the service file says, and the command that serves it."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from acceptance.documents import Document
from acceptance.network import Network
from acceptance.planets import ARCHIVE, MODEL, Project
from acceptance.shell import Output, Person, Server

SERVICES = Path(__file__).with_name("services")
LABELS = ["Earth", "Jupiter", "MakeMake", "Mars", "Mercury", "Moon", "Neptune", "Pluto", "Saturn", "Uranus", "Venus"]


def ask(server: Server, picture: Path, kind: str = "image/jpeg") -> dict:
    """Send a picture as a form, as the page does."""
    with picture.open("rb") as file:
        answer = server.post("/predict", files={"image": (picture.name, file, kind)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_S000_01_an_asgi_app(person: Person, network: Network) -> None:
    """The service runs under plain uvicorn, which knows nothing of us."""
    shutil.copy(SERVICES / "echo.py", person.folder)
    server = person.start("uvicorn echo:asgi --port 3000", network)
    try:
        assert server.wait().post("/number", json={"x": 2.5}).json() == 2.5
    finally:
        server.stop()


def test_S000_02_any_attribute(patient: Person, network: Network) -> None:
    """A target may name any attribute that is a service; a wrong name is told what is near."""
    said = patient.run("bentoml serve patient:any_nam", code=1)
    assert "any_name" in said.stderr
    assert "Traceback" not in said.stderr
    server = patient.start("bentoml serve patient:any_name", network)
    try:
        server.wait()
    finally:
        server.stop()


def test_S000_03_the_model_travels_as_a_file(clone: tuple[Person, Output], project: Project) -> None:
    """What DVC brought to another machine is the file that was pushed, and its store takes it."""
    other, _ = clone
    fresh = Person(other.home.parent / "fresh", other.folder)
    fresh.home.mkdir()
    fresh.run(f"bentoml models import {ARCHIVE}")
    (there,) = json.loads(fresh.run("bentoml models list -o json").stdout)
    (here,) = json.loads(project.person.run(f"bentoml models list {MODEL} -o json").stdout)
    assert there == here


def test_S000_04_string_annotations(served: Server, s000: Document, moon: Path) -> None:
    """The file, with all annotations as strings, is served as it stands in the document."""
    assert "from __future__ import annotations" in s000.file("src/serve.py")
    assert ask(served, moon)["prediction"] in LABELS


def test_S000_05_content_type(page: dict) -> None:
    """The markers of input and output are in the description of the endpoint."""
    operation = page["paths"]["/predict"]["post"]
    assert "image/jpeg" in json.dumps(operation["requestBody"])
    assert "application/json" in operation["responses"]["200"]["content"]


def test_S000_06_an_upload_is_a_pil_image(person: Person, network: Network, moon: Path) -> None:
    """The method gets an object of `PIL.Image.Image`, and may give one back."""
    shutil.copy(SERVICES / "echo.py", person.folder)
    server = person.start("bentoml serve echo:Echo", network)
    try:
        with moon.open("rb") as file:
            answer = server.wait().post("/picture", files={"x": file})
    finally:
        server.stop()
    assert answer.headers["content-type"].startswith("image/")


def test_S000_07_field_as_a_default(served: Server) -> None:
    """A parameter whose default is a bare Field is required, and its name is in the error."""
    answer = served.post("/predict", json={})
    assert answer.status_code in (400, 422)
    assert "image" in answer.text


def test_S000_08_sub_modules_load_on_first_use(person: Person) -> None:
    """`import bentoml` loads no framework, no NumPy, no server; the sub-module is there when it is named."""
    said = person.python(
        "import sys, bentoml\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'starlette', 'uvicorn', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)), bentoml.keras.get.__name__, 'tensorflow' in sys.modules)\n",
    )
    assert said.stdout.strip() == "[] get False"


def test_S000_09_the_service_has_the_given_name(page: dict, served: Server) -> None:
    """The name given to the decorator is the title and stands in the log."""
    assert page["info"]["title"] == "celestial_bodies_classifier"
    assert "celestial_bodies_classifier" in served.log


def test_S000_10_get_without_a_version(s000: Document, person: Person) -> None:
    """The newer of two versions is taken; without the model the error says how to import it."""
    create = f"import bentoml\nwith bentoml.models.create('{MODEL}', module='bentoml.keras') as m: pass\nprint(m.tag)\n"
    _, newer = (person.python(create).stdout.split()[-1] for _ in range(2))
    assert person.python(f"import bentoml\nprint(bentoml.keras.get('{MODEL}').tag)\n").stdout.split()[-1] == newer
    (person.folder / "serve.py").write_text(s000.file("src/serve.py"))
    models = person.python("import serve\nprint(serve.CelestialBodiesClassifierService.models)\n").stdout
    assert models.splitlines()[-1] == repr([newer]), "the service knows which version it needs"
    said = person.run(
        "bentoml serve serve:CelestialBodiesClassifierService", code=1, BENTOML_HOME=str(person.home / "x")
    )
    assert MODEL in said.stderr
    assert "bentoml models import" in said.stderr


def test_S000_11_custom_objects_in_another_process(elsewhere: dict, served: Server) -> None:
    """Both functions work without the training's modules, and the server has not got those either."""
    assert elsewhere["sources"] == []
    assert elsewhere["shapes"]["RGB"] == [1, 32, 32]
    assert "train" not in served.log


def test_S000_12_closures_travel_by_value(elsewhere: dict) -> None:
    """`labels`, `tf` and `np`, which the functions close over, are there."""
    assert sorted(elsewhere["answer"]["probabilities"]) == LABELS
    assert list(elsewhere["answer"]["probabilities"].values()) == pytest.approx(elsewhere["softmax"])


def test_S000_13_the_handle_loads_the_model(elsewhere: dict) -> None:
    """`handle.load_model()` and `load_model(tag)` give one model, with its optimizer."""
    assert elsewhere["handle and function agree"]
    assert elsewhere["steps"] > 0


def test_S000_14_init_runs_once_before_ready(patient: Person, network: Network) -> None:
    """`__init__` runs once; readiness follows it; its failure ends the server with the user's line."""
    server = patient.start("bentoml serve patient:Patient", network, WAIT_FOR="go")
    try:
        server.wait("/readyz", 503)
        (patient.folder / "go").touch()
        server.wait("/readyz", 200)
        assert [server.post("/fast", json={"x": n}).json() for n in range(3)] == [0, 1, 2]
    finally:
        server.stop()
    assert len((patient.folder / "made.txt").read_text().split()) == 1
    with network.inside():
        said = patient.run("bentoml serve patient:Patient", code=None, FAIL="yes", timeout=60)
    assert said.code != 0
    assert "the weights are missing" in said.stderr
    assert "patient.py" in said.stderr


def test_S000_15_with_and_without_parentheses(person: Person) -> None:
    """`@api`, `@api()` and `@api(route=…)` make endpoints; what the 0.13 form gave is refused by name so far."""
    said = person.python(
        "import bentoml\n"
        "class Base:\n"
        "    @bentoml.api\n"
        "    def one(self, x: int) -> int: return x\n"
        "    @bentoml.api()\n"
        "    def two(self, x: int) -> int: return x\n"
        "    @bentoml.api(route='/drei')\n"
        "    def three(self, x: int) -> int: return x\n"
        "print(sorted(bentoml.service(Base).apis))\n"
        "try:\n"
        "    bentoml.api(input=None)\n"
        "except bentoml.exceptions.BentoMLException as error:\n"
        "    print(error)\n",
    )
    names, refusal = said.stdout.splitlines()
    assert names == "['one', 'three', 'two']"
    assert "`input`" in refusal


def test_S000_16_a_slow_method_never_blocks_health(patient: Person, network: Network) -> None:
    """Twenty health answers arrive while one predict computes, also after two hundred fast ones."""
    server = patient.start("bentoml serve patient:Patient", network)
    try:
        server.wait()
        assert all(server.post("/fast", json={"x": n}).status_code == 200 for n in range(200))
        with ThreadPoolExecutor(1) as pool, network.inside():
            slow = pool.submit(server.post, "/slow", json={"name": "end"})
            while not (patient.folder / "end.begun").exists():
                assert not slow.done(), slow.result().text
            assert [server.status("/healthz") for _ in range(20)] == [200] * 20
            assert not slow.done(), "health answered first"
            (patient.folder / "end").touch()
            assert slow.result(timeout=60).text.strip('"') == "end"
    finally:
        server.stop()


def test_S000_17_the_declared_content_type(page: dict) -> None:
    """The form's field is documented as a JPEG."""
    form = page["paths"]["/predict"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["encoding"]["image"]["contentType"] == "image/jpeg"


def test_S000_18_the_description(page: dict) -> None:
    """The words of the Field are in the document that the page is made from."""
    assert "Planet image to analyze" in json.dumps(page)


def test_S000_19_json_text_passes_through(served: Server, moon: Path) -> None:
    """The string is the body, with the declared type, and not encoded again."""
    with moon.open("rb") as file:
        answer = served.post("/predict", files={"image": file})
    assert answer.headers["content-type"].startswith("application/json")
    assert isinstance(json.loads(answer.text), dict)


def test_S000_20_a_parameter_may_be_reassigned(served: Server, s000: Document, moon: Path) -> None:
    """The method of the document binds its parameter's name anew, and answers twice alike."""
    assert "image = self.preprocess(image)" in s000.file("src/serve.py")
    assert ask(served, moon) == ask(served, moon)


def test_S000_21_fifty_callers_at_once(served: Server, project: Project) -> None:
    """Keras, in the server's thread, answers fifty at once as it does one by one, and draws no progress bars."""
    pictures = [path for path in sorted(project.unseen.iterdir()) for _ in range(2)][:50]
    alone = {path: ask(served, path)["probabilities"] for path in sorted(set(pictures))}
    assert served.get("/the-log-is-written-to-here").status_code == 404
    before = served.wait_for_log("/the-log-is-written-to-here")
    with served.network.inside(), ThreadPoolExecutor(50) as pool:
        together = list(pool.map(lambda path: ask(served, path)["probabilities"], pictures))
    for path, found in zip(pictures, together, strict=True):
        assert found == pytest.approx(alone[path], abs=1e-5)
    added = served.log.removeprefix(before)
    assert not re.search("\r|\b|━|ms/step", added)
    assert len(added.splitlines()) <= 50


def test_S000_23_the_serve_command(served: Server, s000: Document, project: Project) -> None:
    """The command of the document, run in the project, serves `src/serve.py`; `--working-dir` is relative."""
    assert s000.command("bentoml serve").split()[2:4] == ["--working-dir", "./src"]
    assert not (project.folder / "serve.py").exists()
    assert served.get("/readyz").status_code == 200


def test_S000_24_start_up(patient: Person, served: Server, network: Network) -> None:
    """One line says the address; readiness is 503 until `__init__` has ended."""
    assert len(re.findall(r"http://localhost:3000\b", served.log)) == 1
    server = patient.start("bentoml serve patient:Patient", network, WAIT_FOR="go")
    try:
        server.wait("/readyz", 503)
        (patient.folder / "go").touch()
        server.wait("/readyz", 200)
    finally:
        server.stop()


def test_S000_25_port_3000(served: Server, patient: Person) -> None:
    """IPv4 and the name reach it; a second server on the port leaves with a message, not a traceback."""
    with served.network.inside():
        said = patient.run("bentoml serve patient:Patient", code=None, timeout=60)
        by_number = patient.run("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:3000/livez").stdout
        by_name = patient.run("curl -sS -o /dev/null -w '%{http_code}' http://localhost:3000/livez").stdout
    assert (by_number, by_name) == ("200", "200")
    assert said.code != 0
    assert "3000" in said.stderr
    assert "Traceback" not in said.all


def test_S000_28_curl_and_the_client(served: Server, moon: Path, person: Person) -> None:
    """The curl line and the Python client get the answer that the form gets."""
    client = (
        "import bentoml, json, sys\n"
        "from pathlib import Path\n"
        "with bentoml.SyncHTTPClient('http://localhost:3000') as client:\n"
        "    answer = client.predict(image=Path(sys.argv[1]))\n"
        "print(json.dumps(json.loads(answer) if isinstance(answer, str) else answer))\n"
    )
    (person.folder / "client.py").write_text(client)
    with served.network.inside():
        by_curl = person.run(f"curl -sS -F image=@{moon} http://localhost:3000/predict").stdout
        by_client = person.run(f"python client.py {moon}").stdout
    assert json.loads(by_curl) == json.loads(by_client) == ask(served, moon)


def test_S000_36_store_and_serve_py_are_enough(
    clone: tuple[Person, Output], project: Project, s000: Document, tmp_path: Path, network: Network, moon: Path
) -> None:
    """In an empty folder with a fresh home, the exported model and `serve.py` give the same answer."""
    other, _ = clone
    anywhere = Person(tmp_path / "home", tmp_path / "anywhere")
    anywhere.home.mkdir()
    anywhere.folder.mkdir()
    shutil.copy(other.folder / ARCHIVE, anywhere.folder)
    (anywhere.folder / "serve.py").write_text(s000.file("src/serve.py"))
    anywhere.run(f"bentoml models import {Path(ARCHIVE).name}")
    server = anywhere.start("bentoml serve serve:CelestialBodiesClassifierService", network)
    try:
        answer = ask(server.wait(), moon)
    finally:
        server.stop()
    with Image.open(moon) as picture:
        assert picture.size == (128, 128)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert project.folder not in anywhere.folder.parents
