"""The command line: a table of commands, each imported when it is called.

In: the words that were typed. Out: an exit code; errors as `error: …` and `hint: …`, never a traceback of ours.

The same commands serve other programs: a distribution makes a `FrontEnd` (`cli/front`) with its program's name, its
home rule, its host and its `Style`, adds or replaces commands in `FrontEnd.commands`, and calls `run(FRONT)`.
"""

import os
import sys
from collections.abc import Sequence

import click

from ekiben.cli.command import LazyGroup
from ekiben.cli.errors import report
from ekiben.cli.fitting import fit
from ekiben.cli.front import Entry, FrontEnd
from ekiben.cli.session import Session, session_of

EKIBEN = FrontEnd()

# In the order of the path from save to serve.
COMMANDS = {
    "serve": Entry("ekiben.cli.serve:serve", "Serve a service, a bento or a stored model."),
    "run": Entry("ekiben.cli.run:run", "Run an endpoint over files, without a server."),
    "build": Entry("ekiben.cli.build:build", "Pack a project into a bento."),
    "containerize": Entry("ekiben.cli.containerize:containerize", "Make a container image of a bento."),
    "list": Entry("ekiben.cli.bentos:list_bentos", "List bentos, newest first."),
    "get": Entry("ekiben.cli.bentos:get_bento", "Show what is known of a bento."),
    "delete": Entry("ekiben.cli.bentos:delete_bentos", "Delete bentos, after asking."),
    "export": Entry(
        "ekiben.cli.bento_carry:export_bento", "Write a bento with its models to a file, a folder or a URL."
    ),
    "import": Entry("ekiben.cli.bento_carry:import_bento", "Put an exported bento and its models into the stores."),
    "verify": Entry("ekiben.cli.bentos:verify_bentos", "Hold bentos and their models against what was built."),
    "prune": Entry("ekiben.cli.bentos:prune_bentos", "Delete all but the newest versions of bentos."),
    "models": Entry("ekiben.cli.models:models", "List, show, delete, export, import and verify models."),
    "push": Entry("ekiben.cli.push:push", "Push a bento with its models, or a model, to a registry."),
    "pull": Entry("ekiben.cli.push:pull", "Pull a bento with its models, or a model, from a registry."),
    "remote": Entry("ekiben.cli.remote:remote", "Name registries, for push and pull."),
    "bench": Entry("ekiben.cli.bench:bench", "Load a service, and say how it did."),
    "env": Entry("ekiben.cli.env:env", "Show versions and places, for a report."),
    "completion": Entry("ekiben.cli.completion:completion", "Print the script that completes words in a shell."),
}

PATH = """\
{summary}

From a trained model to an API:

  1. save   {program}.sklearn.save_model("iris", model, sample=X[:3])
  2. look   {program} models list
  3. serve  {program} serve iris:latest
  4. ask    curl localhost:3000/predict -H 'content-type: application/json' -d '[[5.1, 3.5, 1.4, 0.2]]'
  5. see    http://localhost:3000/docs
  6. pack   {program} build

`{program} --help` lists the commands, `{program} COMMAND --help` shows examples.
"""


def build(front: FrontEnd = EKIBEN) -> LazyGroup:
    """Make the program that *front* describes."""
    made = LazyGroup(
        name=front.program,
        help=front.summary,
        entries={**COMMANDS, **front.commands},
        added_by=front.group,
        callback=show_path,
        params=[click.Option([*front.versioned], is_flag=True, is_eager=True, expose_value=False, callback=show_version,
                             help="Show the version and leave.")],
        context_settings={
            "obj": Session(front),
            "help_option_names": ["-h", "--help"],
            "default_map": {"serve": {"host": front.host, "port": front.style.default_port}, **front.defaults},
            "max_content_width": 100,
        },
    )  # fmt: skip
    return fit(made, "", front)


@click.pass_context
def show_path(ctx: click.Context) -> None:
    """Show the way from save to serve where no command is named."""
    if ctx.invoked_subcommand is None:
        front = session_of(ctx).front
        click.echo(PATH.format(summary=front.summary, program=front.program), nl=False)


def show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Say name and version, and leave."""
    if wanted and not ctx.resilient_parsing:
        from importlib import metadata

        front = session_of(ctx).front
        click.echo(f"{front.program} {metadata.version(front.distribution)}")
        ctx.exit()


def run(front: FrontEnd = EKIBEN, args: Sequence[str] | None = None) -> int:
    """Run the program *front* with *args*, or the words that were typed.

    Returns:
        The exit code.
    """
    program = build(front)
    session: Session = program.context_settings["obj"]
    if front.completing in os.environ:
        from ekiben.cli.completion import register

        register()
        program.main(prog_name=front.program, complete_var=front.completing)  # answers the shell and leaves
    try:
        session.words = list(sys.argv[1:] if args is None else args)
        with program.make_context(front.program, list(session.words)) as ctx:
            program.invoke(ctx)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border: every end becomes words and a code
        return report(error, program=front.program, verbose=session.verbose)
    return 0


def main() -> None:
    """Run `ekiben`."""
    sys.exit(run())
