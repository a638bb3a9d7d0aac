"""Settings lie over each other in one order, and each remembers where it was said."""

from typing import Any

import pytest

from ekiben.core.config import (
    Kind,
    Layer,
    Shape,
    check_others,
    layer,
    leaves,
    located,
    mark,
    of_document,
    of_environment,
    over,
    said,
)
from ekiben.core.errors import ConfigError

SHAPE: Shape = {
    "threads": Kind.DATA,
    "description": Kind.TEXT,
    "labels": Kind.NAMED,
    "traffic": {"timeout": Kind.DATA, "max_concurrency": Kind.DATA},
    "ssl": {"certfile": Kind.TEXT, "keyfile_password": Kind.TEXT},
    "logging": {"access": {"enabled": Kind.FLAG, "skip_paths": Kind.TEXTS}},
}


def environment(name: str = "Iris", names: tuple[str, ...] = ("Iris",), **variables: str) -> Layer:
    """Read variables, and put what is said of all and of one service together."""
    everywhere, here = of_environment(variables, name, names, SHAPE)
    return over(everywhere, here)


def document(value: dict[str, Any], name: str = "Iris", **variables: str) -> Layer:
    found = Layer()
    for each in of_document(value, name, SHAPE, variables, "ekiben.yaml"):
        found = over(found, each)
    return found


def test_leaves() -> None:
    """A value is found by its dotted path; a list is one value, and so is a section without any."""
    assert dict(leaves({"a": {"b": 1, "c": {"d": [2]}}, "e": {}, "f": None})) == {
        "a.b": 1, "a.c.d": [2], "e": {}, "f": None,
    }  # fmt: skip


def test_over_merges_sections() -> None:
    """What is above counts, option by option; the others stay, with where they were said."""
    below = layer({"traffic": {"timeout": 1, "max_concurrency": 2}, "threads": 3}, "below: ")
    found = over(below, layer({"traffic": {"timeout": 9}}, "above: "))
    assert found.values == {"traffic": {"timeout": 9, "max_concurrency": 2}, "threads": 3}
    assert found.sources == {
        "traffic.timeout": "above: traffic.timeout",
        "traffic.max_concurrency": "below: traffic.max_concurrency",
        "threads": "below: threads",
    }
    assert below.values["traffic"]["timeout"] == 1, "what lies below is not changed"


def test_over_replaces_lists_and_whole_sections() -> None:
    """Lists are replaced, and so are sections whose keys stand in place of each other."""
    below = layer({"envs": [1], "duration": {"min": 1, "max": 2}}, "below: ")
    found = over(below, layer({"envs": [2], "duration": {"buckets": [3]}}, "above: "), whole=("duration",))
    assert found.values == {"envs": [2], "duration": {"buckets": [3]}}
    assert found.sources == {"envs": "above: envs", "duration.buckets": "above: duration.buckets"}


def test_empty_section_says_nothing() -> None:
    """A section of YAML with nothing in it takes nothing away; a single value can be set to none."""
    below = layer({"traffic": {"timeout": 1}, "threads": 2}, "")
    assert over(below, layer({"traffic": None, "threads": None}, "")).values == {
        "traffic": {"timeout": 1}, "threads": None,
    }  # fmt: skip


def test_document_of_all_and_of_one() -> None:
    """What a file says of one service stands above what it says of all; other services are left alone."""
    found = document({
        "threads": 2,
        "traffic": {"timeout": 5, "max_concurrency": 7},
        "services": {"Iris": {"traffic": {"timeout": 6}}, "Other": {"threads": 9}},
    })  # fmt: skip
    assert found.values == {"threads": 2, "traffic": {"timeout": 6, "max_concurrency": 7}}
    assert found.sources["traffic.timeout"] == "ekiben.yaml: services.Iris.traffic.timeout"
    assert found.sources["threads"] == "ekiben.yaml: threads"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"services": ["Iris"]}, "ekiben.yaml: `services` must be a mapping of names to options: ['Iris']"),
        ({"services": {"Iris": 3}}, "ekiben.yaml: services.Iris must be a mapping of options: 3"),
        ({"name": "x"}, "ekiben.yaml: name cannot be set: a section finds its service by the name"),
        ({"services": {"Iris": {"name": "x"}}}, "ekiben.yaml: services.Iris.name cannot be set"),
        ({"threads": "$NOPE"}, "ekiben.yaml: threads: the environment variable NOPE is not set: '$NOPE'"),
        ({"logging": {"access": {"skip_paths": ["${NO}"]}}}, "ekiben.yaml: logging.access.skip_paths.0: the environ"),
    ],
)
def test_document_refused(value: dict[str, Any], words: str) -> None:
    """A file that cannot be meant is refused with the place in it."""
    with pytest.raises(ConfigError) as caught:
        document(value)
    assert caught.value.message.startswith(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$SECONDS", 30, id="a variable is a number where it looks like one"),
        pytest.param("${SECONDS}", 30, id="braces"),
        pytest.param("1${SECONDS}", 130, id="within a text"),
        pytest.param("${NOPE:-20}", 20, id="a default where it is not set"),
        pytest.param("${SECONDS:-20}", 30, id="no default where it is set"),
        pytest.param("${NOPE:-}", "", id="an empty default"),
        pytest.param("5", "5", id="a text without a variable stays a text"),
        pytest.param("$$5", "$5", id="two dollar signs are one"),
        pytest.param("a $ b", "a $ b", id="a dollar sign before no name is one"),
        pytest.param("${DEEP}", "$SECONDS", id="what a variable holds is not read again"),
    ],
)
def test_expansion(text: str, expected: Any) -> None:
    """Variables are put in where a text names them."""
    found = document({"traffic": {"timeout": text}}, SECONDS="30", DEEP="$SECONDS")
    assert found.values == {"traffic": {"timeout": expected}}


def test_expansion_keeps_text() -> None:
    """An option that is text stays text, whatever its variable looks like."""
    assert document({"ssl": {"keyfile_password": "$PIN"}}, PIN="1234").values == {"ssl": {"keyfile_password": "1234"}}


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("EKIBEN_THREADS", "4", {"threads": 4}),
        ("EKIBEN_TRAFFIC__TIMEOUT", "2.5", {"traffic": {"timeout": 2.5}}),
        ("EKIBEN_TRAFFIC__TIMEOUT", "null", {"traffic": {"timeout": None}}),
        ("EKIBEN_TRAFFIC__TIMEOUT", "30s", {"traffic": {"timeout": "30s"}}),
        ("EKIBEN_TRAFFIC", '{"timeout": 3}', {"traffic": {"timeout": 3}}),
        ("EKIBEN_DESCRIPTION", "12", {"description": "12"}),
        ("EKIBEN_SSL__KEYFILE_PASSWORD", "true", {"ssl": {"keyfile_password": "true"}}),
        ("EKIBEN_LABELS__TEAM", "3", {"labels": {"team": "3"}}),
        ("EKIBEN_LABELS", '{"Team": "nlp"}', {"labels": {"Team": "nlp"}}),
        ("EKIBEN_LOGGING__ACCESS__ENABLED", "Off", {"logging": {"access": {"enabled": False}}}),
        ("EKIBEN_LOGGING__ACCESS__SKIP_PATHS", "/a, /b", {"logging": {"access": {"skip_paths": ["/a", "/b"]}}}),
        ("EKIBEN_LOGGING__ACCESS__SKIP_PATHS", '["/a,b"]', {"logging": {"access": {"skip_paths": ["/a,b"]}}}),
        ("EKIBEN_THREADS", "", {}),
        ("EKIBEN_HOME", "/srv", {}),
        ("EKIBEN_AUTH_TOKEN", "x", {}),
        ("EKIBEN_SSL_KEYFILE_PASSWORD", "x", {}),
        ("OTHER_TRAFFIC__TIMEOUT", "3", {}),
    ],
)
def test_environment(variable: str, text: str, expected: dict[str, Any]) -> None:
    """The path of an option, in capitals, with `__` for each dot; its text becomes what the option is."""
    found = environment(**{variable: text})
    assert found.values == expected
    assert set(found.sources.values()) <= {variable}


def test_environment_of_one_service() -> None:
    """A variable that names a service stands above one that names none, and is of no other."""
    variables = {
        "EKIBEN_THREADS": "1",
        "EKIBEN_SERVICES__FRAUD_CHECK__THREADS": "2",
        "EKIBEN_SERVICES__IRIS__THREADS": "3",
        "EKIBEN_SERVICES__ELSEWHERE__THREADS": "4",
    }
    names = ("fraud-check", "Iris", "a__b")
    assert [environment(name, names, **variables).values["threads"] for name in names] == [2, 3, 1]
    assert environment("a__b", names, EKIBEN_SERVICES__A__B__TRAFFIC__TIMEOUT="3").values == {"traffic": {"timeout": 3}}


@pytest.mark.parametrize(
    ("variable", "text", "words", "hint"),
    [
        ("EKIBEN_TRAFFIC__TIMEOT", "3", "there is no option `traffic.timeot`: EKIBEN_", "mean `traffic.timeout`?"),
        ("EKIBEN_TRAFIC__TIMEOUT", "3", "there is no option `trafic`", "did you mean `traffic`?"),
        ("EKIBEN_QQQ__TIMEOUT", "3", "there is no option `qqq`", "there is threads, "),
        ("EKIBEN_TRAFFIC_TIMEOUT", "3", "the variable EKIBEN_TRAFFIC_TIMEOUT names", "mean EKIBEN_TRAFFIC__TIMEOUT?"),
        ("EKIBEN_SERVICES__IRIS__TREADS", "3", "there is no option `treads`", "did you mean `threads`?"),
        ("EKIBEN_SERVICES__IRIS", "3", "the variable EKIBEN_SERVICES__IRIS names no option", "EKIBEN_SERVICES__NAME"),
        ("EKIBEN_SERVICES", "{}", "the variable EKIBEN_SERVICES names no option", "EKIBEN_SERVICES__NAME"),
        ("EKIBEN_TRAFFIC", "30", None, None),
        ("EKIBEN_TRAFFIC", "{", "EKIBEN_TRAFFIC must be JSON: '{'", "write `{"),
        ("EKIBEN_LOGGING__ACCESS__ENABLED", "maybe", "ENABLED must be true or false: 'maybe'", None),
    ],
)  # fmt: skip
def test_environment_refused(variable: str, text: str, words: str | None, hint: str | None) -> None:
    """A variable that nearly names an option is refused, never passed over."""
    if words is None:  # plain JSON, which the option's own check refuses
        assert environment(**{variable: text}).values == {"traffic": 30}
        return
    with pytest.raises(ConfigError) as caught:
        environment(**{variable: text})
    assert words in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_others() -> None:
    """A section of a service that is not served is checked too, and a name that looks like a slip is told."""
    told = check_others({"services": {"Irs": {"threads": 2}, "Else": {}}}, ("Iris",), SHAPE, "e.yaml")
    assert told == ["e.yaml: services.Irs is of no service that is served; did you mean `Iris`?"]
    with pytest.raises(ConfigError, match=r"there is no option `treads`: e.yaml: services.Else.treads"):
        check_others({"services": {"Else": {"treads": 2}}}, ("Iris",), SHAPE, "e.yaml")


def test_located() -> None:
    """An error about an option begins with where the option was said, however deep that is."""
    sources = {"traffic.timeout": "FILE", "labels": "VARIABLE", "ssl.certfile": "OPTION"}

    def first(words: str) -> str:
        return located(ConfigError(words), sources).message.partition(":")[0]

    assert first("`traffic.timeout` must be a number") == "FILE"
    assert first("there is no option `labels.team`") == "VARIABLE"
    assert first("`ssl` must be a mapping") == "OPTION"
    assert first("`labels[0].x` must be text") == "VARIABLE"
    assert first("`threads` must be whole") == "`threads` must be whole"
    assert first("nothing is named") == "nothing is named"


def test_said() -> None:
    """One value at a path, and who said it."""
    assert said(("http", "port"), 80, "--port") == Layer({"http": {"port": 80}}, {"http.port": "--port"})


@pytest.mark.parametrize(("name", "expected"), [("Iris", "IRIS"), ("fraud-check.v2", "FRAUD_CHECK_V2")])
def test_mark(name: str, expected: str) -> None:
    """A service's name is written in a variable in capitals and `_`."""
    assert mark(name) == expected
