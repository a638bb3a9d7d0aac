"""`ekiben serve`: run a service until Ctrl-C."""

import click

from ekiben.cli.command import Command, VariableOption


@click.command(cls=Command, level="info", examples=[("serve iris:latest", "A stored model, without any code.")])
@click.argument("target", default=".")
@click.option("--host", cls=VariableOption, variables=["HOST"], show_default=True, help="Address to listen on.")
@click.option(
    "-p", "--port", cls=VariableOption, variables=["PORT"], plain=["PORT"], type=click.IntRange(0, 65535),
    default=3000, show_default=True, help="Port to listen on; 0 takes a free one.",
)  # fmt: skip
def serve(target: str, host: str, port: int) -> None:
    """Serve TARGET: `module:attr`, `file.py:attr`, a folder, or a stored model."""
    import logging

    from ekiben.http.listen import Listen, bind
    from ekiben.http.server import run
    from ekiben.services.load import load

    logger = logging.getLogger("ekiben")
    listening = bind(Listen(host, port))
    bound = load(target)
    logger.info("serving %s at %s", bound.spec.name, listening.url())
    for endpoint in bound.spec.endpoints:
        logger.info("  POST %s", endpoint.route)
    run(bound, Listen(host, port), listening)
