"""Services with a server of another program behind them, for tests: FOREIGN_PORT says where it listens."""

import os
from pathlib import Path

import ekiben

PORT = int(os.environ.get("FOREIGN_PORT", "8000"))
SERVER = str(Path(__file__).parent.parent / "http" / "foreign_server.py")
COMMAND = ["python", SERVER, str(PORT)]


@ekiben.service(cmd=COMMAND, http={"proxy_port": PORT, "max_body_bytes": 1_000_000}, traffic={"timeout": 60})
class Behind:
    """Doubles numbers itself."""

    @ekiben.api
    def double(self, x: int) -> int:
        return 2 * x

    @ekiben.api(batchable=True)
    def triple(self, xs: list[int]) -> list[int]:
        return [3 * x for x in xs]


@ekiben.service(http={"proxy_port": PORT}, path_prefix="/v1", traffic={"timeout": 1, "max_concurrency": 1})
class ByMethod:
    """Its instance says the words."""

    def __init__(self) -> None:
        self.words = [*COMMAND, "ignored-word"]

    def __command__(self) -> list[str]:
        return self.words


@ekiben.service(cmd=COMMAND, http={"proxy_port": PORT}, auth={"tokens": [{"name": "one", "env": "ONE_TOKEN"}]})
class Guarded:
    """Asks for a token."""


@ekiben.service(cmd=[*COMMAND, "children"], http={"proxy_port": PORT})
class WithChildren:
    """Its command has a child."""


@ekiben.service(cmd=["python", "-c", "raise SystemExit('no such model')"], http={"proxy_port": PORT})
class Ending:
    """Its command ends at once."""


@ekiben.service(cmd=["no-such-program"], http={"proxy_port": PORT})
class Missing:
    """Its command is not there."""
