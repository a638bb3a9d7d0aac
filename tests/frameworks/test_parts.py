"""A walk through a model meets each of its parts once."""

import functools
import math

import numpy as np

from ekiben.frameworks.parts import parts


class Holder:
    """An object with attributes."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


def test_every_place_is_walked() -> None:
    """Attributes, lists, keys, values, arrays of objects and bound arguments are all looked into."""
    found = [Holder() for _ in range(7)]
    model = Holder(
        plain=found[0],
        listed=[found[1], (found[2],)],
        mapped={found[3]: found[4]},
        array=np.array([found[5]], dtype=object),
        function=functools.partial(math.fsum, found[6]),
    )
    walked = list(parts(model))
    assert all(any(part is wanted for part in walked) for wanted in [model, *found])


def test_circles_end() -> None:
    """A model that holds itself is walked once."""
    model = Holder()
    model.me = [model]  # type: ignore[attr-defined]
    assert len(list(parts(model))) == 2


def test_modules_and_classes_are_not_entered() -> None:
    """A reference to a module or a class is a part, what these define is not."""
    assert list(parts(Holder(module=math, cls=Holder)))[1:] == [Holder, math]
