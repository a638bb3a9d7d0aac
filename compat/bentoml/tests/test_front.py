"""What each generation of BentoML showed on the wire, the drop-in shows; where that was a plain bug it does better."""

from dataclasses import dataclass, replace
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import BadInput, ServiceUnavailable
from bentoml.front import FRONT, STYLE, STYLE_OF_A_RUNNER, STYLE_OF_BUNDLES, STYLE_OF_RUNNERS
from starlette.exceptions import HTTPException

from ekiben.core.front import enter
from ekiben.core.spec import BoundService, Style
from ekiben.exceptions import DeadlineExceeded, Overloaded, WrongState
from ekiben.testing import client

RAISED: dict[str, Exception] = {
    "bad": BadInput("no face in the picture"),
    "down": ServiceUnavailable("the feature store is down"),
    "late": DeadlineExceeded("no answer within 60 seconds"),
    "full": Overloaded("the queue is too long"),
    "early": WrongState("the task has no answer yet"),
    "web": HTTPException(418, "a teapot"),
    "bug": KeyError("password"),
}
HIDDEN = "an error occurred in the service; its log says which"
PREFIX = "BentoService error handling API request: "


@bentoml.service(name="faces")
class Faces:
    """Finds faces."""

    @bentoml.api
    def find(self, how: str) -> float:
        """Raise, or give NaN."""
        if how == "nan":
            return float("nan")
        raise RAISED[how]


@dataclass
class Of:
    """The service, as one of a generation."""

    style: Style

    def __ekiben_service__(self) -> BoundService:
        """Bind it."""
        bound: BoundService = Faces.__ekiben_service__()  # type: ignore[attr-defined]  # the decorator adds it
        return replace(bound, spec=replace(bound.spec, style=self.style))


def ask(style: Style, how: str, **headers: str) -> Any:
    """Ask the service as one of a generation."""
    with client(Of(style)) as found:
        return found.request("POST", "/find", json={"how": how} if how != "wrong" else {"how": 3}, headers=headers)


@pytest.mark.parametrize(
    ("how", "of_classes", "of_runners", "of_bundles"),
    [
        ("bad", 400, 400, 400),
        ("wrong", 400, 400, 400),
        ("down", 503, 503, 503),
        ("late", 504, 504, 408),
        ("full", 503, 503, 429),
        ("early", 400, 409, 409),
        ("web", 418, 418, 418),
        ("bug", 500, 500, 500),
    ],
)
def test_statuses(how: str, of_classes: int, of_runners: int, of_bundles: int) -> None:
    """Each generation answers an error by its own status."""
    found = [ask(style, how).status_code for style in (STYLE, STYLE_OF_RUNNERS, STYLE_OF_BUNDLES)]
    assert found == [of_classes, of_runners, of_bundles]


@pytest.mark.parametrize(
    ("style", "body"),
    [
        (STYLE, {"error": "no face in the picture"}),
        (STYLE_OF_RUNNERS, f"{PREFIX}no face in the picture"),
    ],
)
def test_an_exception_of_the_users(style: Style, body: object) -> None:
    """It is an object in 1.4, which made an array of it by a stray comma, and a string in 1.0."""
    answer = ask(style, "bad")
    assert answer.json() == body
    assert answer.headers["content-type"] == "application/json"


def test_a_wrong_value() -> None:
    """1.4 says every wrong place by its steps, 1.0 and 0.13 say it in words."""
    words = "how: must be a valid string, not 3"
    assert ask(STYLE, "wrong").json() == {"error": words, "detail": [{"loc": ["how"], "msg": words.partition(": ")[2]}]}
    assert ask(STYLE_OF_RUNNERS, "wrong").json() == PREFIX + words
    answer = ask(STYLE_OF_BUNDLES, "wrong")
    assert (answer.text, answer.headers["content-type"]) == (words, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("style", "text"),
    [(STYLE, f'{{"error":"{HIDDEN}"}}'), (STYLE_OF_RUNNERS, f'"{HIDDEN}"'), (STYLE_OF_BUNDLES, HIDDEN)],
)
def test_a_bug_is_never_told(style: Style, text: str) -> None:
    """What a service did wrong stands in its log alone."""
    assert ask(style, "bug").text == text


@pytest.mark.parametrize(("style", "status"), [(STYLE, 415), (STYLE_OF_RUNNERS, 400), (STYLE_OF_BUNDLES, 400)])
def test_a_wrong_media_type(style: Style, status: int) -> None:
    """Before 1.2 it was a bad request like any other."""
    with client(Of(style)) as found:
        answer = found.request("POST", "/find", content=b"x", headers={"content-type": "application/x-odd"})
    assert answer.status_code == status


@pytest.mark.parametrize(("style", "text"), [(STYLE, "null"), (STYLE_OF_RUNNERS, "NaN"), (STYLE_OF_BUNDLES, "NaN")])
def test_nan(style: Style, text: str) -> None:
    """Services of 1.0 and 0.13 wrote NaN as Python does."""
    assert ask(style, "nan").text == text


@pytest.mark.parametrize(
    ("style", "name"),
    [
        (STYLE, "x-bentoml-request-id"),
        (STYLE_OF_RUNNERS, "x-bentoml-request-id"),
        (STYLE_OF_BUNDLES, "x-request-id"),
    ],
)
def test_the_request_id(style: Style, name: str) -> None:
    """One that came is sent back, and one is made where none came."""
    assert ask(style, "nan", **{name: "mine"}).headers[name] == "mine"
    assert ask(style, "nan").headers[name] != ask(style, "nan").headers[name]


@pytest.mark.parametrize(
    ("style", "line"),
    [
        (
            STYLE,
            'bentoml_service_request_total{endpoint="/find",http_response_code="200",runner_name="faces",'
            'service_name="faces",service_version=""} 1.0',
        ),
        (
            STYLE_OF_RUNNERS,
            'bentoml_api_server_request_total{endpoint="/find",http_response_code="200",'
            'service_name="faces",service_version=""} 1.0',
        ),
        (
            STYLE_OF_A_RUNNER,
            'bentoml_runner_request_total{endpoint="/find",http_response_code="200",runner_name="faces",'
            'service_name="faces",service_version=""} 1.0',
        ),
        (
            STYLE_OF_BUNDLES,
            'BENTOML_faces_request_total{endpoint="/find",http_response_code="200",'
            'service_name="faces",service_version=""} 1.0',
        ),
    ],
)
def test_metrics(style: Style, line: str) -> None:
    """Dashboards find the metrics of their generation, with its labels."""
    with client(Of(style)) as found:
        found.request("POST", "/find", json={"how": "nan"})
        text = found.request("GET", "/metrics").text
    assert line in text.splitlines()
    prefix = line.partition("_request_total")[0]
    for name in ("request_duration_seconds", "request_in_progress", "last_request_timestamp_seconds"):
        assert f"# TYPE {prefix}_{name} " in text


def test_the_page_before_a_build() -> None:
    """The page of a service that was not built says None for its version, as its description does."""
    with client(Of(STYLE_OF_RUNNERS)) as found:
        assert "<title>faces:None</title>" in found.request("GET", "/docs").text
        info = found.request("GET", "/docs.json").json()["info"]
    assert (info["title"], info["version"]) == ("faces", "None")


def test_the_ports() -> None:
    """Bundles of 0.13 listen on 5000, all others on 3000."""
    ports = [style.default_port for style in (STYLE, STYLE_OF_RUNNERS, STYLE_OF_BUNDLES)]
    assert ports == [3000, 3000, 5000]


def test_hints_name_bentoml() -> None:
    """What a message of ours advises is a command of the program that was entered."""
    with enter(FRONT), pytest.raises(bentoml.exceptions.BentoMLException) as caught, client("nothing_like_it:v1"):
        pass
    assert "`bentoml models list`" in str(caught.value.hint)
