"""The smallest service: a class, a method, a route."""

import ekiben


@ekiben.service(name="greeter", traffic={"timeout": 10, "max_concurrency": 100})
class Greeter:
    """Greets whoever calls."""

    @ekiben.api
    def greet(self, name: str = "you") -> str:
        """Say hello."""
        return f"Hello, {name}!"
