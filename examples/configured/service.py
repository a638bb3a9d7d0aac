"""A service whose options come from its decorator, from ekiben.yaml beside it, and from the environment."""

import ekiben


@ekiben.service(threads=2, traffic={"timeout": 10, "max_concurrency": 100})
class Greeter:
    """Greets whoever calls."""

    @ekiben.api
    def greet(self, name: str = "you") -> str:
        """Say hello."""
        return f"Hello, {name}!"
