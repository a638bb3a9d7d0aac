"""`ekiben containerize`: make a container image of a bento."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.bentos import tags
from ekiben.cli.command import Command, VariableOption, complete_with
from ekiben.cli.errors import Mistake
from ekiben.cli.items import pair
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from ekiben.images.image import Tell
    from ekiben.store.bentos import Bento

ENGINES = ("docker", "podman", "nerdctl", "buildah", "oci")  # `images/engines` has their words; oci is none at all
OF_A_BUILD = {"push": "--push", "no_cache": "--no-cache", "platform": "--platform", "options": "--opt"}


@click.command(
    "containerize",
    cls=Command,
    level="info",
    examples=[
        ("containerize iris:latest", "An image with the name and version of the bento."),
        (
            "containerize iris -t registry.example.com/team/iris:v1 --push",
            "Under a name of your own, and to a registry.",
        ),
        ("containerize iris --engine podman --no-cache", "With this engine, every layer anew."),
        ("containerize iris --engine oci -o iris.tar", "Without any engine, into an archive."),
        ("containerize iris --dry-run -o ./context", "Only the folder that an image is built from."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@click.option(
    "-t",
    "--image-tag",
    "image_tags",
    multiple=True,
    metavar="NAME[:TAG]",
    help="Name of the image, `:latest` without a tag; may be given again.  [default: those of the bento]",
)
@click.option(
    "--engine",
    cls=VariableOption,
    variables=["CONTAINERIZE_ENGINE"],
    type=click.Choice(ENGINES),
    help="Who builds; `oci`: no engine at all.  [default: the first that answers]",
)
@click.option(
    "--base", metavar="IMAGE|FOLDER|FILE", help="With `oci`: the image to start from.  [default: that of the bento]"
)
@click.option("--platform", metavar="PLATFORM", help="For this platform, that of the bento's packages.")
@click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable for the packages and the setup script, while the image is built.",
)
@click.option("--no-cache", is_flag=True, help="Make every layer anew.")
@click.option("--push", is_flag=True, help="Push each name to its registry, with the engine's login.")
@click.option(
    "--opt", "options", multiple=True, metavar="NAME[=VALUE]", help="An option of the engine, without dashes."
)
@click.option("--run-as-root", is_flag=True, help="Serve as root, in place of a user without rights.")
@click.option("--dry-run", is_flag=True, help="Write the context, and build nothing.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FOLDER|FILE",
    help="Write the context there, and leave it; empty or new. With `oci`: the image, as a layout or as FILE.tar.",
)
@click.pass_context
def containerize(
    ctx: click.Context,
    /,
    tag: str,
    image_tags: tuple[str, ...],
    build_args: tuple[str, ...],
    dry_run: bool,
    output: str | None,
    **told: Any,
) -> None:
    """Make a container image of the bento TAG.

    Docker, Podman, nerdctl or buildah builds it. The image holds the bento, its models and its locked packages, on
    python:3.x-slim or the base image of the bento. It serves as a user without rights, on port 3000 or that of the
    service.
    """
    session = session_of(ctx)
    told["options"] = (*told["options"], *session.passed)
    say = (lambda line: None) if session.quiet else click.echo
    args = dict(pair(text, "--build-arg") for text in build_args)
    if dry_run:
        write_only(ctx, tag, image_tags, output, tuple(args), tell=say, **told)
        return
    make_image(tag, image_tags, tell=say, show=not session.quiet, output=output, build_args=args, **told)


def write_only(
    ctx: click.Context,
    tag: str,
    image_tags: Sequence[str],
    output: str | None,
    args: tuple[str, ...],
    *,
    tell: "Tell",
    **told: Any,
) -> None:
    """Write the context of an image; options that only a build has are refused.

    Raises:
        Mistake: the options ask for more than a context.
    """
    from ekiben.images.image import image_names, write_context_of

    if output is None:
        raise Mistake("`--dry-run` needs a folder to write to", ctx, hint="name it by -o")
    if told["engine"] == "oci" or told["base"] is not None:
        raise Mistake("`--dry-run` writes the context of an engine, and `oci` has none", ctx)
    for name, option in OF_A_BUILD.items():
        if told[name]:
            raise Mistake(
                f"`{option}` is for a build, and `--dry-run` builds nothing", ctx, hint="say it to the engine"
            )
    names = image_names(tag, image_tags) if image_tags else ()
    folder = write_context_of(tag, Path(output), args, run_as_root=told["run_as_root"])
    tell(f"Wrote the context to {folder}.")
    if names:
        words = [told["engine"] or "docker", "build", *(word for each in names for word in ("-t", each)), str(folder)]
        tell(f"To build the image from it, use:\n    {shlex.join(words)}")


def make_image(bento: "str | Bento", image_tags: Sequence[str] = (), *, tell: "Tell", **told: Any) -> None:
    """Make an image, and say how it is run; raises as `images.image.containerize`."""
    from ekiben.images.image import containerize as build_image

    image = build_image(bento, image_tags, tell=tell, **told)
    names = ", ".join(f'"{name}"' for name in image.names)
    tell(f'Successfully built {image.engine} image for "{image.bento}" with tags {names}')
    tell(f"To run your newly built OCI-compliant container, use:\n    {image.run}")
