"""Which models the next workers load, decided with plain values."""

import pytest

from ekiben.engine.swap import Swap, shown


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        pytest.param({"iris": "v1"}, {}, id="what is in use stays"),
        pytest.param({"iris": "v2"}, {"iris": "v2"}, id="what landed is tried"),
        pytest.param({"iris": "v0"}, {"iris": "v0"}, id="what `latest` goes back to is tried"),
        pytest.param({"iris": None}, {}, id="a model that is gone from the store stays in use"),
    ],
)
def test_one_model(latest: dict[str, str | None], expected: dict[str, str]) -> None:
    """The workers follow `latest`, wherever it points."""
    assert Swap({"iris": "v1"}).next(latest) == expected


def test_accepted() -> None:
    """What has taken over is in use, and counted."""
    swap = Swap({"iris": "v1", "wine": "v1"})
    swap.accept({"iris": "v2"})
    assert swap.in_use == {"iris": "v2", "wine": "v1"}
    assert (swap.swapped, swap.refused) == (1, 0)
    assert swap.next({"iris": "v2", "wine": "v1"}) == {}


def test_refused() -> None:
    """What was refused is not tried again, a newer version is."""
    swap = Swap({"iris": "v1"})
    swap.refuse({"iris": "v2"})
    assert swap.in_use == {"iris": "v1"}
    assert (swap.swapped, swap.refused) == (0, 1)
    assert swap.next({"iris": "v2"}) == {}
    assert swap.next({"iris": "v3"}) == {"iris": "v3"}


def test_refused_and_saved_again() -> None:
    """A version that was refused, deleted, and saved again is another one, and tried."""
    swap = Swap({"iris": "v1"})
    swap.refuse({"iris": "v2"})
    assert swap.next({"iris": "v1"}) == {}
    assert swap.next({"iris": "v2"}) == {"iris": "v2"}


def test_a_bad_model_does_not_hold_up_another() -> None:
    """While one model's newest is refused, a newer version of another is tried without it."""
    swap = Swap({"iris": "v1", "wine": "v1"})
    swap.refuse({"iris": "v2"})
    assert swap.next({"iris": "v2", "wine": "v2"}) == {"wine": "v2"}
    swap.accept({"wine": "v2"})
    assert swap.next({"iris": "v2", "wine": "v2"}) == {}


def test_models_that_landed_together() -> None:
    """They are tried together; where that is refused each is tried alone, and a bad one costs only itself."""
    swap, latest = Swap({"iris": "v1", "wine": "v1"}), {"wine": "v2", "iris": "v2"}
    assert swap.next(latest) == {"iris": "v2", "wine": "v2"}
    swap.refuse(swap.next(latest))
    assert swap.next(latest) == {"iris": "v2"}
    swap.refuse({"iris": "v2"})
    assert swap.next(latest) == {"wine": "v2"}
    swap.accept({"wine": "v2"})
    assert swap.next(latest) == {}
    assert (swap.swapped, swap.refused) == (1, 2)


def test_forget() -> None:
    """What was refused is tried again where somebody asks for it."""
    swap = Swap({"iris": "v1", "wine": "v1"})
    swap.refuse({"iris": "v2"})
    swap.forget()
    assert swap.next({"iris": "v2", "wine": "v1"}) == {"iris": "v2"}
    swap.refuse({"iris": "v2", "wine": "v2"})
    swap.forget()
    assert swap.next({"iris": "v2", "wine": "v2"}) == {"iris": "v2", "wine": "v2"}


def test_shown() -> None:
    """Versions are written as the tags that users know."""
    assert shown({"wine": "v1", "iris": "v2"}) == "iris:v2 and wine:v1"
