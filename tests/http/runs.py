"""Start a server of `tests.http.calls` in a process of its own, as `ekiben serve` does, with any way to listen.

Usage: python -m tests.http.runs MODULE:ATTR '{"port": 3000, ...}': the fields of `Listen` as JSON.
"""

import json
import sys
from typing import Any

from ekiben.core import log
from ekiben.core.errors import EkibenError
from ekiben.core.spec import TlsSpec
from ekiben.http.listen import Listen, bind
from ekiben.http.server import run
from ekiben.services.load import load


def main(target: str, given: dict[str, Any]) -> int:
    logger = log.set_up()
    tls = given.pop("tls", None)
    listen = Listen(**given, tls=None if tls is None else TlsSpec(**tls))
    try:
        listening = bind(listen)
        logger.info("listening on %s", listening.url(tls=tls is not None))
        run(load(target), listen, listening)
    except EkibenError as error:
        logger.error("error: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
