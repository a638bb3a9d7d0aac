"""S002, the iris service of 0.13 on its port: the document's requests, and what its adapters promise."""

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from acceptance.conftest import own_network, someone
from acceptance.documents import Document
from acceptance.iris import HEADER, PORT_URL, ROWS, Packed, curl_of, requests_of
from acceptance.shell import Person, Server

KINDS = """
import time
import numpy as np, pandas as pd
from bentoml import BentoService, api
from bentoml.adapters import DataframeInput, FileInput, ImageInput, JsonInput

class Kinds(BentoService):
    @api(input=JsonInput())
    def frame(self, value): return pd.DataFrame(value)
    @api(input=JsonInput())
    def array(self, value): return np.array(value)
    @api(input=JsonInput())
    def same(self, value): return value
    @api(input=JsonInput(), batch=True)
    def short(self, values): return values[:-1]
    @api(input=JsonInput(), batch=True)
    def length(self, values): return [len(str(each)) for each in values]
    @api(input=ImageInput())
    def size(self, image): return list(image.shape)
    @api(input=FileInput())
    def count(self, file): return len(file.read())
    @api(input=DataframeInput(orient="records", columns=["a", "b"], dtype={"a": "float64"}), batch=True)
    def plus(self, df):
        assert str(df["a"].dtype) == "float64", df.dtypes
        return df["a"] + df["b"]
    @api(input=JsonInput(), batch=True)
    def slow_batch(self, values):
        time.sleep(0.02)
        return values
    @api(input=JsonInput())
    def slow(self, value):
        time.sleep(0.02)
        return value
"""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Server]]:
    """A service of ours with an API of each kind, saved and served on the port of bundles."""
    person = someone(tmp_path_factory.mktemp("kinds"))
    (person.folder / "kinds.py").write_text(KINDS)
    person.python("import kinds\nkinds.Kinds().save()\n")
    with own_network() as network:
        server = replace(person.start("bentoml serve Kinds:latest", network), url=PORT_URL)
        try:
            yield person, server.wait()
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("route", "value", "answer"),
    [
        ("array", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ("frame", {"a": [1, 2]}, [{"a": 1}, {"a": 2}]),
        ("same", {"a": [1, None]}, {"a": [1, None]}),
        ("same", [1, "x"], [1, "x"]),
    ],
)
def test_S002_14_what_an_answer_looks_like(
    kinds: tuple[Person, Server], route: str, value: object, answer: object
) -> None:
    """An array is a list, a frame its records, lists and mappings are JSON."""
    assert kinds[1].post(f"/{route}", json=value).json() == answer


def test_S002_17_as_many_results_as_inputs(kinds: tuple[Person, Server]) -> None:
    """A batch is a list in and a list out; a function that gives fewer fails every caller of the batch."""
    assert kinds[1].post("/length", json="four").text == "4"
    failed = kinds[1].post("/short", json=1)
    assert failed.status_code == 500
    kinds[1].wait_for_log("must be answered by as many")


def test_S002_18_rows_of_a_request_stay_together(predicting: Server) -> None:
    """Clients that send 1, 3 and 0 rows at the same time get as many results as their rows, their own."""
    wanted = {0: [], 1: [2], 3: [0, 2, 1]}
    bodies = {0: [], 1: [ROWS[1]], 3: ROWS}

    def ask(count: int) -> bool:
        return predicting.post("/predict", json=bodies[count]).json() == wanted[count]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, [1, 3, 0] * 20))


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        [dict(zip("abcd", row, strict=True)) for row in ROWS],
        {name: [row[index] for row in ROWS] for index, name in enumerate("abcd")},
    ],
    ids=["lists", "records", "columns"],
)
def test_S002_19_json_becomes_a_frame(predicting: Server, value: object) -> None:
    """Rows as lists, as records and as columns are the same frame."""
    assert predicting.post("/predict", json=value).json() == [0, 2, 1]


def test_S002_19_with_options(kinds: tuple[Person, Server]) -> None:
    """`orient`, `columns` and `dtype` hold, and what does not fit them is refused with 400."""
    assert kinds[1].post("/plus", json=[{"a": 1, "b": 2}, {"b": 1, "a": 1}]).json() == [3.0, 2.0]
    assert kinds[1].post("/plus", json=[{"a": "x", "b": 2}]).status_code == 400


def test_S002_20_batching_raises_throughput(kinds: tuple[Person, Server]) -> None:
    """With a model whose call costs the same for one as for many, a batched API takes far less time for 48 calls."""
    server = kinds[1]

    def spent(route: str) -> float:
        import time

        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda n: server.post(route, json=n).json(), range(48))) == list(range(48))
        return time.monotonic() - began

    alone, together = spent("/slow"), spent("/slow_batch")
    print(f"48 calls of 20 ms: {alone:.2f} s one by one, {together:.2f} s batched")
    assert together < alone


def test_S002_22_the_other_adapters(kinds: tuple[Person, Server], tmp_path: Path) -> None:
    """JSON, an image and a file are taken over HTTP, as a body and as a form, and by `bentoml run`."""
    person, server = kinds
    picture = io.BytesIO()
    Image.new("RGB", (4, 3)).save(picture, "PNG")
    (tmp_path / "dot.png").write_bytes(picture.getvalue())
    (tmp_path / "text.bin").write_bytes(b"12345")
    image = {"content": picture.getvalue(), "headers": {"content-type": "image/png"}}
    assert server.post("/size", **image).json() == [3, 4, 3]
    assert server.post("/size", files={"image": ("dot.png", picture.getvalue(), "image/png")}).json() == [3, 4, 3]
    plain = {"content": b"12345", "headers": {"content-type": "application/octet-stream"}}
    assert server.post("/count", **plain).json() == 5
    assert server.post("/same", json={"a": 1}).json() == {"a": 1}
    other = person.at(tmp_path)
    assert other.run("bentoml run Kinds:latest size --input-file dot.png").stdout == "[3, 4, 3]\n"
    assert other.run("bentoml run Kinds:latest count --input-file text.bin").stdout == "5\n"
    assert other.run("""bentoml run Kinds:latest same --input '{"a": 1}'""").stdout == '{"a": 1}\n'


def test_S002_33_serve_on_port_5000(predicting: Server, packed: Packed, tmp_path: Path) -> None:
    """The document's command serves the newest bundle on port 5000; an option or a variable moves it."""
    assert predicting.post("/predict", json=ROWS[:1]).text == "[0]"
    assert "starting IrisClassifier at http://localhost:5000" in predicting.log
    with own_network() as network:
        server = packed.serve("bentoml serve IrisClassifier:latest", network, tmp_path / "x", BENTOML_PORT="5077")
        server = replace(server, url="http://localhost:5077")
        try:
            assert server.wait().post("/predict", json=ROWS[:1]).text == "[0]"
        finally:
            server.stop()


def test_S002_35_the_server_s_pages(predicting: Server, packed: Packed) -> None:
    """Dashboard, docs, probes, metadata, metrics and feedback answer."""
    for path in ("/", "/docs", "/docs.json", "/healthz", "/metadata", "/metrics"):
        assert predicting.get(path, follow_redirects=True).status_code == 200, path
    told = predicting.get("/metadata").json()
    assert (told["name"], f"{told['name']}:{told['version']}") == ("IrisClassifier", packed.tag)
    assert "BENTOML_IrisClassifier_request_total" in predicting.get("/metrics").text
    assert predicting.post("/feedback", json={"request_id": "x", "right": True}).status_code == 200
    assert f"<title>{packed.tag}</title>" in predicting.get("/docs").text


def test_S002_36_the_curl_line(predicting: Server, packed: Packed, s002: Document) -> None:
    """The document's curl prints 200 and the class."""
    with predicting.network.inside():
        said = packed.person.run(curl_of(s002)).stdout
    assert said.startswith("HTTP/1.1 200 OK")
    assert said.splitlines()[-1] == "[0]"


def test_S002_37_the_requests_line(predicting: Server, packed: Packed, s002: Document, tmp_path: Path) -> None:
    """The document's lines of Python print the class."""
    (tmp_path / "ask.py").write_text(requests_of(s002))
    with predicting.network.inside():
        assert packed.person.at(tmp_path).run("python ask.py").stdout == "[0]\n"


def test_S002_41_csv_by_http(predicting: Server) -> None:
    """A body of CSV is a frame; one that is none is refused."""
    rows = io.StringIO()
    csv.writer(rows).writerows(ROWS)
    headers = {"content-type": "text/csv"}
    answer = predicting.post("/predict", content=HEADER + rows.getvalue(), headers=headers)
    assert json.loads(answer.text) == [0, 2, 1]
    assert predicting.post("/predict", content=HEADER + 'a,"b\n', headers=headers).status_code == 400
