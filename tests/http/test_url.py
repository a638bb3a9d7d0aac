"""Arguments come by path and query as well as by body, typed and checked, and a route is found by them."""

import datetime
import time
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

import ekiben
from ekiben.core.errors import InvalidInput
from tests.http.real import server
from tests.http.within import asking


class Color(Enum):
    """A word of a few."""

    RED = "red"


class Change(BaseModel):
    """What a body holds."""

    name: str


@ekiben.service(path_prefix="/v1")
class Shop:
    """Items."""

    @ekiben.api(route="/items/{item_id}", method="GET")
    def item(self, item_id: Annotated[int, Field(ge=1)], ctx: ekiben.Context, verbose: bool = False) -> dict[str, Any]:
        """Give an item."""
        ctx.response.headers["cache-control"] = "max-age=60"
        return {"id": item_id, "verbose": verbose, "params": dict(ctx.request.path_params)}

    @ekiben.api(route="/items/{item_id}", method="PUT")
    async def change(self, item_id: int, change: Change, force: bool = False) -> dict[str, Any]:
        """Change an item."""
        return {"id": item_id, "name": change.name, "force": force}

    @ekiben.api(route="/items/{item_id}", method="DELETE")
    def remove(self, item_id: int) -> int:
        """Remove an item."""
        return item_id

    @ekiben.api(route="/items/new", method="GET")
    def new(self) -> str:
        """Stand where an item could."""
        return "new"

    @ekiben.api(method="GET")
    def find(
        self,
        text: str,
        limit: int | None = None,
        tags: list[str] = Field([], description="words"),
        sizes: list[float] = [],  # noqa: B006 - as users write it
        day: datetime.date | None = None,
        color: Color = Color.RED,
        order: Literal["up", "down"] = "up",
    ) -> dict[str, Any]:
        """Find items."""
        return {
            "text": text, "limit": limit, "tags": tags, "sizes": sizes, "day": day, "color": color, "order": order,
        }  # fmt: skip

    @ekiben.api
    def find_all(self, text: str) -> str:
        """Be asked by POST, as usual."""
        return text

    @ekiben.api(route="/folders/{name}/files/{path}", method="GET")
    def file(self, name: str, path: str) -> list[str]:
        """Take two segments."""
        return [name, path]

    @ekiben.api(route="/count/{most}", method="GET")
    def count(self, most: int) -> Iterator[str]:
        """Stream."""
        for number in range(most):
            yield str(number)


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("GET", "/items/7", None, {"id": 7, "verbose": False, "params": {"item_id": "7"}}),
        ("GET", "/items/7?verbose=true", None, {"id": 7, "verbose": True, "params": {"item_id": "7"}}),
        ("PUT", "/items/7", {"change": {"name": "a"}}, {"id": 7, "name": "a", "force": False}),
        ("PUT", "/items/7", {"change": {"name": "a"}, "force": True}, {"id": 7, "name": "a", "force": True}),
        ("DELETE", "/items/7", None, 7),
        ("GET", "/items/new", None, "new"),
        ("GET", "/folders/a%2Fb/files/c%20d", None, ["a/b", "c d"]),
        ("GET", "/folders/%2E%2E/files/%C3%A9", None, ["..", "é"]),
        ("GET", "/count/3", None, "012"),
        ("POST", "/find_all", {"text": "a"}, "a"),
    ],
)
async def test_routes(method: str, path: str, body: Any, answer: Any) -> None:
    """Each route answers by its method, with what stands in its path, its query and its body."""
    async with asking(Shop) as client:
        found = await client.request(method, "/v1" + path, json=body)
        assert found.status_code == 200, found.text
        assert (found.text if isinstance(answer, str) else found.json()) == answer


async def test_query() -> None:
    """A query holds text, numbers, lists, dates and words of a few, each in its type; the rest has its default."""
    async with asking(Shop) as client:
        query = [
            ("text", "a&b é"), ("limit", "5"), ("tags", "x"), ("tags", ""), ("sizes", "1.5"), ("day", "2026-01-02"),
            ("color", "red"), ("order", "down"),
        ]  # fmt: skip
        found = (await client.get("/v1/find", params=query)).json()
        assert found == {
            "text": "a&b é", "limit": 5, "tags": ["x", ""], "sizes": [1.5], "day": "2026-01-02", "color": "red",
            "order": "down",
        }  # fmt: skip
        assert (await client.get("/v1/find?text=7")).json()["text"] == "7"
        assert (await client.get("/v1/find?text=[1]")).json()["text"] == "[1]"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/items/seven", "item_id", id="a path that is no number names its parameter"),
        pytest.param("/items/0", "item_id", id="a rule holds in a path"),
        pytest.param("/items/7?verbose=maybe", "verbose", id="a query that is wrong names its parameter"),
        pytest.param("/items/7?item_id=8", "`item_id` stands in the path", id="a path is not said again"),
        pytest.param("/items/7?other=1", "other", id="what is unknown in a query is refused"),
        pytest.param("/items/%FF", "the path must be UTF-8", id="a path that is no text"),
        pytest.param("/items/7?verbose=%FF", "the query must be UTF-8", id="a query that is no text"),
        pytest.param("/find", "text", id="what is missing is named"),
        pytest.param("/find?text=a&order=left", "order", id="a word that is none of the few"),
        pytest.param("/find?" + "&".join(["tags=a"] * 1001), "more than 1000 fields", id="a query without end"),
    ],
)
async def test_wrong_values(path: str, words: str) -> None:
    """A value that is wrong is the caller's mistake: 400, and its name."""
    async with asking(Shop) as client:
        found = await client.get("/v1" + path)
        assert found.status_code == 400
        assert words in found.text


@pytest.mark.parametrize(
    "path", ["/items", "/items/", "/items/7/", "/items/7/8", "/items//", "/Items/7", "/it%2Fems/7"]
)
async def test_nothing_there(path: str) -> None:
    """A path that fits no route is not found; a parameter is one segment and never empty."""
    async with asking(Shop) as client:
        assert (await client.get("/v1" + path)).status_code == 404


async def test_methods() -> None:
    """A wrong method is refused with those that there are; HEAD works where GET does."""
    async with asking(Shop) as client:
        wrong = await client.post("/v1/items/7")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, GET, HEAD, PUT, OPTIONS")
        head, get = await client.head("/v1/items/7"), await client.get("/v1/items/7")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
        assert head.headers["cache-control"] == "max-age=60"
        assert (await client.get("/v1/find_all")).headers["allow"] == "POST, OPTIONS"


async def test_counts_are_by_route() -> None:
    """Requests are counted by their route, never by what a client wrote."""
    async with asking(Shop) as client:
        await client.get("/v1/items/123456")
        metrics = (await client.get("/v1/metrics")).text
        assert 'endpoint="/v1/items/{item_id}"' in metrics
        assert "123456" not in metrics


async def test_documents() -> None:
    """OpenAPI says of each argument where it stands; `/schema.json` tells clients the same."""
    async with asking(Shop) as client:
        document = (await client.get("/v1/docs.json")).json()
        OpenAPIV31SpecValidator(document).validate()
        get = document["paths"]["/v1/items/{item_id}"]["get"]
        assert "requestBody" not in get
        assert [(one["name"], one["in"], one["required"]) for one in get["parameters"]] == [
            ("item_id", "path", True), ("verbose", "query", False),
        ]  # fmt: skip
        assert get["parameters"][0]["schema"]["minimum"] == 1
        put = document["paths"]["/v1/items/{item_id}"]["put"]
        assert [one["name"] for one in put["parameters"]] == ["item_id"]
        body = put["requestBody"]["content"]["application/json"]["schema"]
        assert list(body["properties"]) == ["change", "force"]
        tags = document["paths"]["/v1/find"]["get"]["parameters"][2]
        assert (tags["description"], tags["schema"]["type"]) == ("words", "array")
        routes = {one["name"]: one for one in (await client.get("/schema.json")).json()["routes"]}
        assert routes["change"]["in"] == {"item_id": "path"}
        assert routes["item"]["in"] == {"item_id": "path", "verbose": "query"}
        assert (routes["item"]["reads"], routes["find_all"]["in"]) == ([], {})
        assert list(routes["change"]["input"]["properties"]) == ["item_id", "change", "force"]


def test_clients() -> None:
    """Our clients write each argument where it stands; no value can lead them elsewhere."""
    with ekiben.testing.client(Shop) as shop:
        assert shop.item(7, verbose=True)["verbose"] is True
        assert shop.change(item_id=7, change={"name": "a"}) == {"id": 7, "name": "a", "force": False}
        assert shop.remove(7) == 7
        assert shop.new() == "new"
        found = shop.find("a&b=é", limit=None, tags=["x", "y z"], day=datetime.date(2026, 1, 2), color=Color.RED)
        assert (found["text"], found["limit"], found["tags"]) == ("a&b=é", None, ["x", "y z"])
        assert (found["day"], found["color"]) == ("2026-01-02", "red")
        for odd in ("..", ".", "a/b", "a?b#c", "%2F", "é 漢", "a b", ";", "{name}"):
            assert shop.file(odd, odd) == [odd, odd]
        assert "".join(shop.count(3)) == "012"
        with pytest.raises(InvalidInput, match="`name` stands in the path and must not be empty"):
            shop.file("", "a")
        with pytest.raises(InvalidInput, match="item_id"):
            shop.item(0)


def test_over_a_socket() -> None:
    """A real server finds the same routes, with what was encoded in a path still encoded there."""
    with server("tests.http.test_url:Shop") as running:
        http: httpx.Client = running.http
        end = time.monotonic() + 30
        while http.get("/v1/readyz").status_code != 200:
            assert time.monotonic() < end
        assert http.get("/v1/folders/a%2Fb/files/..%2F..").json() == ["a/b", "../.."]
        assert http.get("/v1/items/7?verbose=1").json()["verbose"] is True
        assert http.put("/v1/items/7", json={"change": {"name": "a"}}).json()["name"] == "a"
        assert http.get("/v1/items/7/8").status_code == 404
        with ekiben.SyncHTTPClient(running.url) as shop:
            assert shop.file("a/b", "..") == ["a/b", ".."]
            with pytest.raises(AttributeError):
                shop.other()
