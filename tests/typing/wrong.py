"""Mistakes that a type checker must find; each line says the code of its error."""

from __future__ import annotations

import ekiben


@ekiben.service
class Bare:
    """Decorated without parentheses."""

    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2


@ekiben.service
class Caller:
    """Calls the other one."""

    bare = ekiben.depends(Bare)

    @ekiben.api
    def run(self, text: str) -> int:
        return self.bare.double(text)  # error: arg-type

    @ekiben.api
    def typo(self) -> int:
        return self.bare.duoble(1)  # error: attr-defined, no-any-return


@ekiben.service(trafic={"timeout": 5})  # error: call-overload
class Misspelled:
    """Names an option that there is not."""


@ekiben.service(threads="two")  # error: call-overload
class Mistyped:
    """Gives an option of another type."""


class Methods:
    """Decorated wrongly."""

    @ekiben.api(rout="/x")  # error: call-overload, untyped-decorator
    def run(self) -> None:
        """Do nothing."""


Bare().double("2")  # error: arg-type
Bare(3)  # error: call-arg
ekiben.depends()  # error: call-overload
ekiben.depends(Bare, url="http://localhost")  # error: call-overload
