"""`ekiben serve`: run a service until Ctrl-C."""

import click

from ekiben.core import log
from ekiben.http.server import Listen, bind, run
from ekiben.services.load import load


@click.command()
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
def serve(target: str, host: str, port: int) -> None:
    """Serve TARGET: `module:attr`, `file.py:attr` or the tag of a stored model."""
    logger = log.set_up()
    bound = load(target)
    listening = bind(Listen(host, port))
    logger.info("serving %s at http://localhost:%d", bound.spec.name, port)
    for endpoint in bound.spec.endpoints:
        logger.info("  POST %s", endpoint.route)
    run(bound, Listen(host, port), listening)
