"""`ekiben build`: pack a project into a bento."""

import json
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.arguments import argument_options, read_arguments
from ekiben.cli.command import Command
from ekiben.cli.containerize import make_image
from ekiben.cli.errors import Mistake
from ekiben.cli.items import pair
from ekiben.cli.output import waiting
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from ekiben.cli.front import FrontEnd
    from ekiben.store.bentos import Bento
    from ekiben.store.remotes.oci.places import Place

BANNER = r"""
   ___________________
  |  o o o |  ~~  ~~  |      e k i b e n
  | o o o o|__~~__~~__|
  |  o o o |  /\/\/\  |      packed once, eaten anywhere
  |________|__________|
"""
# What can be done with a bento, by the command that does it; those that this program lacks are left out.
STEPS = {
    "serve": ("Serve it, from any folder", "serve {tag}"),
    "export": ("Carry it elsewhere, with its models", "export {tag}"),
    "push": ("Share it through a registry, with its models", "push {tag} REGISTRY"),
    "containerize": ("Make a container image of it", "containerize {tag}"),
}


@click.command(
    "build",
    cls=Command,
    level="info",
    examples=[
        ("build", "The project in this folder."),
        ("build ./project --version v2 --label stage=dev", "Another folder, with a version and a label of your own."),
        ("build -f small.yaml --name small", "By other settings, under another name."),
        ("build --platform linux/arm64", "For another processor than this one's."),
        ("build --containerize", "And make a container image of it, with its name and version."),
        ("build -o tag", "Only the tag, for a script."),
    ],
)
@click.argument("folder", default=".", type=click.Path())
@click.option(
    "-f", "--bentofile", type=click.Path(), metavar="FILE", help="Settings, in place of the bentofile.yaml of FOLDER."
)
@click.option(
    "--service", metavar="TARGET", help="Service, such as `service:Iris`, in place of the one in the settings."
)
@click.option("--name", metavar="NAME", help="Name of the bento, in place of its service's.")
@click.option("--version", metavar="VERSION", help="Version of the bento, in place of a fresh one.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label, over those of the settings.")
@click.option(
    "--platform",
    metavar="PLATFORM",
    help="Lock the packages for linux/amd64 or linux/arm64.  [default: this machine's processor]",
)
@argument_options
@click.option("--containerize", is_flag=True, help="Make a container image of it, by the first engine that answers.")
@click.option("--push", "is_pushed", is_flag=True, help="Push it to the default remote; see `remote add`.")
@click.option("--force", is_flag=True, help="With --push: replace what is under the tag there with other content.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(("default", "tag", "json")),
    default="default",
    show_default=True,
    help="Form of the answer.",
)
@click.pass_context
def build(
    ctx: click.Context,
    /,
    folder: str,
    bentofile: str | None,
    labels: tuple[str, ...],
    is_pushed: bool,
    force: bool,
    output: str,
    **told: Any,
) -> None:
    """Pack the project in FOLDER (default: this one) into a bento.

    The bento has the code, the models that the service asks for, by version and digest, and its packages, locked.
    bentofile.yaml, or a table of pyproject.toml with the same keys, says what goes in; .bentoignore says what stays
    out.
    """
    from ekiben.bundle.bento import build as build_bento
    from ekiben.images.engines import choose_engine
    from ekiben.store.remotes.named import find_place

    if force and not is_pushed:
        raise Mistake("`--force` is about what is pushed", ctx, hint="add `--push`, or leave it out")
    args = read_arguments(told.pop("args"), told.pop("arg_file"))
    place = find_place() if is_pushed else None  # refused before any work
    engine = choose_engine() if told.pop("containerize") else None
    session = session_of(ctx)
    is_said = output == "default" and not session.quiet
    labelled = dict(pair(text) for text in labels)

    def say(line: str) -> None:
        if not session.quiet:
            click.echo(line, err=not is_said)

    with waiting("loading the service", say, quiet=session.quiet) as tell:
        bento = build_bento(
            told.pop("service"),
            build_ctx=folder,
            bentofile=bentofile,
            tell=tell,
            labels=labelled or None,
            args=args or None,
            **told,
        )
    if place is not None:
        push(bento, place, force=force, quiet=session.quiet)
    if engine is not None:
        make_image(bento, tell=say, show=not session.quiet, engine=engine)
    if output == "tag":
        click.echo(session.front.tag_line.format(tag=bento.tag))
    elif output == "json":
        click.echo(json.dumps(answer(bento), indent=2, ensure_ascii=False))
    elif is_said:
        finish(bento, session.front, ctx.find_root().command)


def push(bento: "Bento", place: "Place", *, force: bool, quiet: bool) -> None:
    """Push a new bento, and say so on stderr."""
    from ekiben.cli.push import bars
    from ekiben.store.shares import push_bento

    with bars("pushing", quiet=quiet) as on_item:
        pushed = push_bento(bento, place, force=force, on_item=on_item)
    if not quiet:
        click.echo(f"pushed {bento.tag} to {pushed.reference}@{pushed.digest}", err=True)


def finish(bento: "Bento", front: "FrontEnd", program: click.Command) -> None:
    """Say that it is done, and what can be done next."""
    click.echo(BANNER)
    click.secho(f"Successfully built {bento!r}.", bold=True)
    known = getattr(program, "entries", {})
    click.echo("\nPossible next steps:")
    for command, (words, line) in STEPS.items():
        if command in known:
            click.echo(f"\n * {words}:\n     $ {front.program} {line.format(tag=bento.tag)}")


def answer(bento: "Bento") -> dict[str, Any]:
    """Give what a script may want to know of a new bento."""
    return {
        "tag": str(bento.tag),
        "digest": bento.digest,
        "path": str(bento.path),
        "models": [{"tag": str(model.tag), "digest": model.digest} for model in bento.info.models],
        "size_bytes": bento.size,
    }
