"""What dialects differ in on the wire is data, and is the same in both lanes and in every layout."""

from collections.abc import Iterator

import httpx
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ekiben.core.spec import ERROR_MEDIA, Style
from ekiben.exceptions import DeadlineExceeded, InvalidInput, NotFound, Overloaded, Problem, Unavailable
from ekiben.http import errors
from tests.http.styled import OBJECT, STRING, TEXT, Own, Styled
from tests.http.within import asking
from tests.servers import Running, serving

WRONG = [Problem("rows[3].name", "must be text"), Problem("", "is required")]
HIDDEN = errors.HIDDEN


def test_every_style_has_its_body() -> None:
    """Each style of errors has a content type and what writes it."""
    assert errors.BODIES.keys() == ERROR_MEDIA.keys()


@pytest.mark.parametrize(
    ("style", "body"),
    [
        pytest.param(
            Style(error_style="object"),
            b'{"error":"rows[3].name: must be text; is required",'
            b'"detail":[{"loc":["rows",3,"name"],"msg":"must be text"},{"loc":[],"msg":"is required"}]}',
            id="an object lists wrong places by their steps, as pydantic does",
        ),
        pytest.param(
            Style(error_style="string", error_prefix="refused: "),
            b'"refused: rows[3].name: must be text; is required"',
            id="a string is JSON, behind the prefix",
        ),
        pytest.param(
            Style(error_style="text"), b"rows[3].name: must be text; is required", id="text is the words and no more"
        ),
    ],
)
def test_a_mistake_of_the_caller(style: Style, body: bytes) -> None:
    failure = errors.plan(style)(InvalidInput(problems=WRONG), "r")
    assert (failure.status, failure.body) == (400, body)
    assert failure.words == "rows[3].name: must be text; is required"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(DeadlineExceeded("late"), 408, id="a class of ours has the status of the style"),
        pytest.param(Overloaded("full"), 429, id="a queue that is too long is told from a server that starts"),
        pytest.param(Unavailable("starting"), 503, id="a class that is not named keeps its own"),
        pytest.param(NotFound("x"), 404, id="so does another one"),
        pytest.param(Own("x"), 422, id="a class of the user's keeps its own, whatever its name is"),
    ],
)
def test_statuses(error: Exception, status: int) -> None:
    assert errors.plan(TEXT.style)(error, "r").status == status


def test_a_status_of_one_error_alone() -> None:
    """What was set of an error itself goes before what the style says of its class."""
    error = DeadlineExceeded("late")
    error.status = 499  # type: ignore[misc]  # as the link between services sets it
    assert errors.plan(TEXT.style)(error, "r").status == 499


def test_our_own_fault_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    """No style lets the words of a bug out, and none puts its prefix before what stands in their place."""
    for name in ERROR_MEDIA:
        failure = errors.plan(Style(error_style=name, error_prefix="refused: "))(ValueError("password"), "r")
        assert HIDDEN.encode() in failure.body
        assert b"password" not in failure.body
        assert b"refused" not in failure.body


def test_lone_surrogates() -> None:
    """Words that are no UTF-8 still become a body."""
    assert errors.plan(Style(error_style="text"))(InvalidInput("\udcff"), "r").body == b"?"


def ask(http: httpx.Client, name: str, method: str = "POST") -> httpx.Response:
    """Ask for one of the cases."""
    headers = {"x-request-id": "mine", "x-own-id": "mine", "content-type": "application/json"}
    path, content = {
        "wrong": ("/add", b'{"a": "x"}'),
        "media": ("/add", b"a"),
        "nan": ("/fail", b'{"how": "nan"}'),
        "late": ("/late", b"{}"),
        "nothing": ("/nothing", b"{}"),
    }.get(name, ("/fail", b'{"how": "%b"}' % name.encode()))
    if name == "media":
        headers["content-type"] = "application/x-odd"
    return http.request(method, path, content=content, headers=headers)


PLACES = {
    "the ASGI lane": ("--lane", "asgi"),
    "the fast lane": ("--lane", "fast"),
    "apart": ("--layout", "apart", "--workers", "2"),
    "replicas": ("--layout", "replicas", "--workers", "2"),
}


@pytest.fixture(scope="module", params=PLACES, ids=list(PLACES))
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Give the options of one way to serve."""
    return PLACES[request.param]


@pytest.fixture(scope="module")
def told(words: tuple[str, ...]) -> Iterator[Running]:
    """Serve what answers with text."""
    with serving("tests.http.styled:TEXT", *words) as running:
        yield running


@pytest.mark.slow
class TestServed:
    @pytest.mark.parametrize(
        ("name", "status", "text"),
        [
            ("wrong", 400, None),
            ("media", 400, "this endpoint does not read application/x-odd"),
            ("late", 408, None),
            ("full", 429, "too many wait"),
            ("own", 422, "not this one"),
            ("bug", 500, HIDDEN),
            ("nothing", 404, "there is nothing at /nothing"),
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_errors_as_text(self, told: Running, method: str, name: str, status: int, text: str | None) -> None:
        """However a service runs, and however it is asked, its errors have the style's status and form."""
        answer = ask(told.http, name, method)
        assert (answer.status_code, answer.headers["content-type"]) == (status, ERROR_MEDIA["text"])
        assert answer.text == text or (text is None and answer.text)
        assert answer.headers.get("retry-after") == ("3" if name == "full" else None)

    def test_nan(self, told: Running) -> None:
        """NaN is written as the style says; a GET is answered by its body, as a POST is."""
        assert ask(told.http, "nan").text == ask(told.http, "nan", "GET").text == "NaN"

    def test_metrics(self, told: Running) -> None:
        """Metrics have the style's prefix, with the service's name as names of metrics allow it, and its labels."""
        ask(told.http, "wrong")
        text = told.http.get("/metrics").text
        ours = [each for each in text.splitlines() if each.startswith("OWN_")]
        (line,) = [each for each in ours if "_request_total{" in each and '"/add"' in each and '"400"' in each]
        assert line.startswith("OWN_Odd_1_request_total{")
        assert 'service_name="Odd-1"' in line
        assert all('kind="of Odd-1"' in each for each in ours)

    def test_the_page_says_that_it_was_not_built(self, told: Running) -> None:
        """The style's words stand for the version of a service that is not of a bento."""
        assert "<title>Odd-1:None</title>" in told.http.get("/docs").text
        assert told.http.get("/docs.json").json()["info"]["version"] == "None"


@pytest.mark.parametrize(("service", "media"), [(OBJECT, "application/json"), (TEXT, "text/plain")])
async def test_the_description(service: Styled, media: str) -> None:
    """The OpenAPI document tells the statuses, the form of errors and both methods, and is valid."""
    async with asking(service) as client:
        document = (await client.get("/docs.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    responses = document["components"]["responses"]
    assert {each for one in responses.values() for each in one["content"]} == {media}
    expected = {"400", "413", "429", "500", "503"} | ({"408"} if service is TEXT else {"415", "504"})
    assert responses.keys() == expected
    assert document["paths"]["/add"].keys() == {"post", "get"}
    assert document["paths"]["/add"]["post"]["responses"].keys() == {"200", *expected}
    schema = document["components"]["schemas"]["Problem"]
    assert schema["type"] == ("string" if service is TEXT else "object")


async def test_a_string_and_its_headers() -> None:
    """The name of the request id's header is the style's; one that came is sent back under it."""
    async with asking(STRING) as client:
        answer = await client.post("/add", json={"a": 1, "z": 2}, headers={"x-own-id": "mine"})
    assert (answer.status_code, answer.headers["x-own-id"]) == (400, "mine")
    assert answer.json() == "refused: z: there is no parameter of this name"


@pytest.mark.slow
def test_the_server_header_and_the_port() -> None:
    """`Server` names the service where the style has it so."""
    with serving("tests.http.styled:OBJECT") as running:
        assert running.http.get("/livez").headers["server"] == "own/Odd-1"
        wrong = ask(running.http, "wrong").json()
    assert wrong["detail"] == [{"loc": ["a"], "msg": wrong["error"].partition(": ")[2]}]


@pytest.mark.parametrize("digits", [10, 25, 5000])
def test_a_name_of_digits_is_no_index(digits: int) -> None:
    """A key that a client made up cannot turn its own refusal into a failure of ours."""
    path = f"value.[{'1' * digits}]"
    found = errors.plan(Style(error_style="object"))(InvalidInput(problems=[Problem(path, "must be a number")]), "x")
    assert found.status == 400
    assert orjson.loads(found.body)["detail"] == [{"loc": ["value", "1" * digits], "msg": "must be a number"}]
