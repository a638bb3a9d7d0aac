"""Make an image without an engine, and put it where it is wanted.

In: the parts of an image, names, a base. Out: a layout in a folder, an archive, an image in a registry.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.core.paths import disk_errors
from ekiben.images.oci.image import Order, Tell, make_image, push_layout
from ekiben.images.oci.layout import Layout, write_tar
from ekiben.images.plan import Parts
from ekiben.store.bentos import bento_store
from ekiben.store.staging import stage

ENGINE = "oci"
ARCHIVE = ".tar"


def make(parts: Parts, order: Order, names: Sequence[str], *, output: Path | None, push: bool, tell: Tell) -> str:
    """Make the image of a bento.

    Args:
        parts: what it is made of.
        order: its base and its platform.
        names: of the image.
        output: an empty or new folder for a layout, or a file for an archive, which ends in `.tar`; None keeps none.
        push: to the registry of each name.
        tell: gets each line that a person should read.

    Returns:
        The image as podman and skopeo name it: `oci:FOLDER`, `oci-archive:FILE`, or its name in a registry.

    Raises:
        ConfigError: there is no place for it, or it cannot be made so.
        EkibenError: what is wrong with the base, the packages, the disk or the registry.
    """
    if output is None and not push:
        raise ConfigError(
            f"the engine `{ENGINE}` needs a place for the image", hint="say `-o FOLDER`, `-o FILE.tar` or `--push`"
        )
    is_archive = output is not None and output.name.endswith(ARCHIVE)
    with stage(bento_store().root) as work:
        with place_of(None if is_archive else output, work) as folder:
            layout = Layout(folder)
            (work / "parts").mkdir()
            manifest = make_image(parts, order, layout, work / "parts", tell)
            layout.finish(manifest, names)
        if is_archive and output is not None:
            write_tar(folder, output)
        for name in names if push else ():
            tell(f"Pushing {name}")
            push_layout(layout, manifest, name)
    tell(f"The digest of the image is {manifest.digest}.")
    if output is None:
        return names[0]
    transport = "oci-archive" if is_archive else "oci"
    return f"{transport}:{output}{f':{names[0]}' if len(names) > 1 else ''}"


@contextmanager
def place_of(output: Path | None, work: Path) -> Iterator[Path]:
    """Give the folder of a layout; one that was asked for is empty again if it fails.

    Raises:
        ConfigError: something is in it already.
    """
    folder = work / "layout" if output is None else output
    with disk_errors(f"cannot write {folder}", is_home=False):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(
                f"`-o` must be an empty or new folder, or a file that ends in {ARCHIVE}: {str(folder)!r}",
                hint="name another, or empty it",
            )
        was_there = folder.exists()
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir(exist_ok=True)
        raise
