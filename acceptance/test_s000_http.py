"""S000, chapter 3.2 of the MLOps guide: what is sent and answered, and what is left behind."""

import io
import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from acceptance.browser import open_page
from acceptance.documents import Document
from acceptance.network import Network
from acceptance.planets import Project
from acceptance.shell import Person, Server
from acceptance.test_s000 import LABELS, SERVICES, ask


def encode(picture: Image.Image, kind: str) -> bytes:
    """Write a picture as a file of this kind."""
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def check_answer(answer: dict) -> None:
    """Hold an answer to the form of the document's."""
    assert list(answer) == ["prediction", "probabilities"]
    assert list(answer["probabilities"]) == LABELS
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert answer["prediction"] == max(answer["probabilities"], key=answer["probabilities"].get)


def test_S000_26_the_page_works_without_a_network(served: Server, moon: Path) -> None:
    """In a browser that reaches nothing but the server: upload a picture, execute, read the answer."""
    with open_page(served, "/") as page:
        predict = page.locator(".opblock", has=page.locator("[data-path='/predict']"))
        predict.locator("button.opblock-summary-control").click()
        predict.locator("input[type=file]").set_input_files(moon)
        assert predict.get_by_text("Planet image to analyze").first.is_visible()
        predict.locator("button.execute").click()
        answer = predict.locator(".live-responses-table .response-col_description pre").first
        answer.wait_for()
        assert json.loads(answer.inner_text()) == ask(served, moon)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_S000_27_png_and_jpeg_of_every_mode(served: Server, moon: Path, mode: str) -> None:
    """A picture is read by its content, whatever its mode and whatever the header says."""
    with Image.open(moon) as opened:
        gray = np.asarray(opened.convert("L"), dtype=np.uint16) * 257
        picture = Image.fromarray(gray) if mode == "I;16" else opened.convert(mode)
    kind = "JPEG" if mode == "CMYK" else "PNG"
    data = encode(picture, kind)
    for name, header in (("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a", "application/octet-stream")):
        answer = served.post("/predict", files={"image": (name, data, header)})
        assert answer.status_code == 200, f"{kind} {mode} as {header}: {answer.text}"
        check_answer(answer.json())
    with Image.open(moon) as opened:
        raw = served.post("/predict", content=encode(opened, "JPEG"), headers={"content-type": "image/jpeg"})
    check_answer(raw.json())


def test_S000_29_file_names_of_any_kind(served: Server, project: Project, tmp_path: Path) -> None:
    """Base64 names, names with spaces, slashes and other alphabets: none is looked at."""
    named = ["TW9vbl8xNDU.jpg", "TWFrZW1ha2VfMTQ2.jpg", "TmVwdHVuZV8xNDc.jpg"]
    for name in named:
        check_answer(ask(served, project.unseen / name))
    data = (project.unseen / named[0]).read_bytes()
    for name in ("../../etc/passwd", "月 1.jpg", "a;b=c.jpg", '"quoted".jpg', "no-extension", "C:\\x.jpg"):
        answer = served.post("/predict", files={"image": (name, data, "image/jpeg")})
        assert answer.json() == ask(served, project.unseen / named[0])


def test_S000_30_the_moon(served: Server, moon: Path, s000: Document) -> None:
    """The answer has the form of the document's, its small numbers kept."""
    theirs = json.loads(s000.after("#### Moon example").text)
    ours = ask(served, moon)
    assert [list(ours), list(ours["probabilities"])] == [list(theirs), list(theirs["probabilities"])]
    check_answer(ours)
    assert 0 < min(ours["probabilities"].values()) < 1e-3


def test_S000_31_makemake(served: Server, project: Project, s000: Document) -> None:
    """The same form; the label is spelled as the class's folder is."""
    theirs = json.loads(s000.after("#### Makemake example").text)
    ours = ask(served, project.unseen / "TWFrZW1ha2VfMTQ2.jpg")
    check_answer(ours)
    assert list(ours["probabilities"]) == list(theirs["probabilities"])
    assert "MakeMake" in ours["probabilities"]


def test_S000_32_held_out_accuracy(project: Project) -> None:
    """Four of five held-out pictures are told right; no single picture has to be."""
    assert json.loads((project.folder / "evaluation" / "metrics.json").read_text())["val_acc"] >= 0.8


def test_S000_34_serving_leaves_nothing_in_the_project(served: Server, project: Project, moon: Path) -> None:
    """After a start and some requests, Git sees the new source file and nothing else."""
    ask(served, moon)
    assert project.person.run("git status --porcelain").stdout.split() == ["??", "src/serve.py"]


def test_S000_35_commit_and_push(served: Server, project: Project, s000: Document) -> None:
    """The document's commands commit the one file, and the remote has it."""
    project.person.run(s000.command("git add"))
    (listed,) = [block.text for block in s000.blocks() if "Changes to be committed" in block.text]
    assert "new file:   src/serve.py" in listed
    assert project.person.run("git status --porcelain").stdout.split() == ["A", "src/serve.py"]
    project.person.run(s000.command("git commit"))
    project.person.run(s000.command("git push"))
    git = ["git", "--git-dir", str(project.remotes / "git.git"), "show", "--stat", "main"]
    assert "src/serve.py" in subprocess.run(git, capture_output=True, text=True, check=True).stdout


def test_S000_39_types_go_in_and_out(person: Person, network: Network, moon: Path) -> None:
    """A value of each type comes back as it was sent; one that does not fit is told where."""
    shutil.copy(SERVICES / "echo.py", person.folder)
    server = person.start("bentoml serve echo:Echo", network)
    try:
        server.wait()
        for route, value in ROUND_TRIPS:
            assert server.post(route, json={"x": value}).json() == value, route
        assert server.post("/whole", json=[1, 2]).json() == [1, 2]
        assert server.post("/text", json={"x": "ä"}).text == "ä"
        moment = server.post("/time", json={"x": "2024-12-10T10:23:48Z"}).json()
        assert datetime.fromisoformat(moment) == datetime.fromisoformat("2024-12-10T10:23:48+00:00")
        assert server.post("/file", files={"x": ("a.txt", b"words", "text/plain")}).content == b"words"
        with moon.open("rb") as file:
            picture = server.post("/picture", files={"x": file})
        with Image.open(io.BytesIO(picture.content)) as opened:
            assert opened.size == (128, 128)
        for route, value in MISFITS:
            assert server.post(route, json={"x": value}).status_code == 400, f"{route} {value!r}"
    finally:
        server.stop()


ROUND_TRIPS = [
    ("/number", 2.5), ("/maybe", 3), ("/maybe", None), ("/either", 1), ("/either", ["a"]), ("/choice", "b"),
    ("/record", {"length": 1.5, "name": "x"}), ("/mapping", {"a": [1, 2]}), ("/array", [[1.0, 2.0], [3.0, 4.0]]),
    ("/frame", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]), ("/with_parentheses", 1),
]  # fmt: skip
MISFITS = [
    ("/number", "many"), ("/maybe", "x"), ("/either", {}), ("/choice", "c"), ("/time", "yesterday"),
    ("/record", {"length": -1}), ("/mapping", {"a": ["x"]}), ("/array", [[1.0]]), ("/array", [[1.0, 2.0], [3.0]]),
]  # fmt: skip


def test_S000_42_bad_input_is_never_a_500(served: Server, moon: Path) -> None:
    """Wrong bodies, methods, types and sizes get a 4xx with JSON that says what was wrong."""
    data = moon.read_bytes()
    form = {"content-type": "multipart/form-data; boundary=x"}
    cases: list[tuple[str, str, dict, set[int]]] = [
        ("POST", "/predict", {}, {400, 415, 422}),
        ("POST", "/predict", {"json": {"image": "text"}}, {400, 415, 422}),
        ("POST", "/predict", {"json": []}, {400, 422}),
        ("POST", "/predict", {"content": b"{", "headers": {"content-type": "application/json"}}, {400, 422}),
        ("POST", "/predict", {"files": {"image": ("a.jpg", b"text", "image/jpeg")}}, {400, 422}),
        ("POST", "/predict", {"files": {"image": ("a.jpg", data[:500], "image/jpeg")}}, {400, 422}),
        ("POST", "/predict", {"files": {"image": ("a.jpg", b"", "image/jpeg")}}, {400, 422}),
        ("POST", "/predict", {"files": {"other": ("a.jpg", data, "image/jpeg")}}, {400, 422}),
        ("POST", "/predict", {"content": b"--x", "headers": form}, {400, 422}),
        ("POST", "/predict", {"content": b"--x\r\n\r\n", "headers": {"content-type": "multipart/form-data"}}, {400}),
        ("POST", "/predict", {"content": b"x", "headers": {"content-type": "image/jpeg"}}, {400, 422}),
        ("POST", "/predict", {"content": b"\x80\x04N.", "headers": {"content-type": PICKLE}}, {415}),
        ("POST", "/predict", {"content": b"x", "headers": {"content-encoding": "gzip"}}, {400, 415}),
        ("POST", "/predict", {"content": b"x", "headers": {"content-type": "no type"}}, {400, 415}),
        ("GET", "/predict", {}, {405}),
        ("PUT", "/predict", {}, {405}),
        ("POST", "/predikt", {}, {404}),
        ("POST", "/predict", {"content": bytes(110 * 2**20), "headers": {"content-type": "image/jpeg"}}, {413}),
    ]
    for method, path, options, expected in cases:
        answer = served.request(method, path, **options)
        what = f"{method} {path} {str(options)[:80]}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code in expected, what
        assert "error" in json.dumps(answer.json()), what
    check_answer(ask(served, moon))


PICKLE = "application/vnd.bentoml+pickle"


@pytest.mark.parametrize("seed", range(5))
def test_S000_42_random_bytes_are_never_a_500(served: Server, moon: Path, seed: int) -> None:
    """Damaged pictures and damaged forms are the caller's mistake."""
    random = np.random.default_rng(seed)
    data = bytearray(moon.read_bytes())
    for place in random.integers(0, len(data), 40):
        data[place] = random.integers(0, 256)
    cut = bytes(data[: random.integers(1, len(data))])
    request = httpx.Request("POST", served.url, files={"image": ("a.jpg", cut, "image/jpeg")})
    body = bytearray(request.read())
    for place in random.integers(0, len(body), 20):
        body[place] = random.integers(0, 256)
    for content, kind in (
        (bytes(data), "image/jpeg"),
        (cut, "image/jpeg"),
        (bytes(body), request.headers["content-type"]),
        (bytes(random.bytes(300)), "application/json"),
    ):
        assert served.post("/predict", content=content, headers={"content-type": kind}).status_code < 500


def test_S000_43_health_readiness_metrics(served: Server, moon: Path) -> None:
    """The four routes answer; the metrics count the predictions."""
    ask(served, moon)
    for path in ("/healthz", "/livez", "/readyz"):
        assert served.get(path).status_code == 200
    text = served.get("/metrics").text
    assert "bentoml_service_request_total{" in text
    counted = [line for line in text.splitlines() if line.startswith("bentoml_service_request_total{")]
    assert any('endpoint="/predict"' in line and 'http_response_code="200"' in line for line in counted)


def test_S000_44_ctrl_c(patient: Person, network: Network) -> None:
    """SIGINT ends the server with 0, leaves none of its processes, and frees the port."""
    server = patient.start("bentoml serve patient:Patient", network)
    server.wait()
    assert server.family() != []
    assert server.stop() == 0
    assert server.family() == []
    again = patient.start("bentoml serve patient:Patient", network)
    assert again.wait().stop() == 0
