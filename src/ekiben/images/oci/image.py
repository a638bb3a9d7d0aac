"""Make the image of a bento without a container engine.

In: what an image is made of, and a base. Out: an image layout, which skopeo, podman, umoci and registries read.

The steps are those of the bento's Dockerfile, one by one, so that both ways make the same image; a step that would run
a program in the image is refused, as nothing can be run here. Same bento, same base: same digest.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.images.context import write_context
from ekiben.images.dockerfile import BENTO, BIN, HOME, VENV, instructions
from ekiben.images.oci.base import Base, take_base
from ekiben.images.oci.config import PATH, make_config, read_settings
from ekiben.images.oci.environment import install_packages, list_environment
from ekiben.images.oci.layers import RUN, Entry, Layer, list_folder, write_layer
from ekiben.images.oci.layout import Layout
from ekiben.images.oci.tree import GROUPS, USERS, Tree, read_tree
from ekiben.images.plan import Parts
from ekiben.images.spec import USER_ID
from ekiben.store.remotes.oci.documents import MANIFEST, Descriptor, Manifest, Platform, write_json
from ekiben.store.remotes.oci.places import ImageName
from ekiben.store.remotes.oci.registry import open_registry

CONFIG = "application/vnd.oci.image.config.v1+json"
BASE_DIGEST = "org.opencontainers.image.base.digest"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    base: str  # an image by its name, a layout, an archive
    platform: Platform
    no_cache: bool = False  # download each package anew
    show: bool = False  # let uv draw its progress


def make_image(parts: Parts, order: Order, layout: Layout, work: Path, tell: Tell) -> Descriptor:
    """Make an image in a layout, which is not finished yet.

    Args:
        parts: what the image is made of.
        order: what is asked for.
        layout: gets the blobs.
        work: an empty folder for what is needed meanwhile.
        tell: gets each line that a person should read.

    Returns:
        The manifest.

    Raises:
        ConfigError: the bento needs a program to be run, or the base is none for it.
        EkibenError: what is wrong with the base, the packages or the disk.
    """
    check_steps(parts)
    context = write_context(parts, work / "context")
    tell(f"Taking the base image {order.base} for {order.platform}")
    base = take_base(order.base, order.platform, layout)
    tree = read_tree(base, layout)
    python = find_python(tree, base, parts.plan.python)
    tell("Installing the packages")
    (work / "venv").mkdir()
    made = install_packages(
        parts.packages, order.platform, work / "venv", VENV, no_cache=order.no_cache, show=order.show
    )
    layers = [
        write_layer(list_environment(made, VENV, python), layout, "packages"),
        write_layer(list_system(tree, context), layout, "user and programs"),
    ]
    for path in parts.plan.models:
        place = f"{BENTO}/{path}".removeprefix("/")
        layers.append(write_layer(list_folder(context / path, place), layout, path))
    layers.append(
        write_layer(list_folder(context / "bento", BENTO.removeprefix("/")), layout, f"bento {parts.bento.tag}")
    )
    return put_manifest(parts, order, base, layers, layout)


def put_manifest(parts: Parts, order: Order, base: Base, layers: Sequence[Layer], layout: Layout) -> Descriptor:
    """Write the config and the manifest."""
    created = parts.bento.creation_time.isoformat(timespec="seconds")
    config = make_config(base, order.platform, instructions(parts.plan), layers, created)
    manifest = Manifest(
        layout.put(write_json(config), CONFIG),
        [*base.layers, *(layer.descriptor for layer in layers)],
        annotations={BASE_DIGEST: base.digest},
    )
    found = layout.put(manifest.to_bytes(), MANIFEST)
    return Descriptor(found.media_type, found.digest, found.size, platform=order.platform)


def check_steps(parts: Parts) -> None:
    """Refuse what needs a program to be run in the image.

    Raises:
        ConfigError: the bento asks for it.
    """
    plan = parts.plan
    asked = {
        "docker.system_packages": bool(plan.system_packages),
        "docker.setup_script": plan.has_setup,
        "docker.cuda_version": plan.cuda is not None,
        "run of the service's image": bool(plan.before or plan.after),
        "--build-arg": bool(plan.args),
    }
    name = next((name for name, is_asked in asked.items() if is_asked), None)
    if name is not None:
        raise ConfigError(
            f"the engine `oci` runs nothing in the image, and `{name}` needs that",
            hint="use another engine, or leave it out and name a base that has it: `--base`",
        )


def find_python(tree: Tree, base: Base, minor: str) -> str:
    """Find the Python of the base; raises ConfigError where there is none."""
    if tree.is_musl:
        raise ConfigError(
            f"the base image must have glibc, which the packages are locked for, and has musl: {base.name}",
            hint=f"name one of Debian: `--base python:{minor}-slim`",
        )
    return tree.find_python((read_settings(base).env.get("PATH") or PATH).split(":"), minor)


def list_system(tree: Tree, context: Path) -> Iterator[Entry]:
    """List what the container runs with: our programs, and a user of its own."""
    place = BIN.removeprefix("/")
    yield Entry(place.rpartition("/")[0], mode=RUN)
    yield from list_folder(context / "bin", place)
    yield Entry(HOME.removeprefix("/"), mode=RUN, owner=USER_ID)
    lines = {USERS: f"ekiben:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh\n", GROUPS: f"ekiben:x:{USER_ID}:\n"}
    for path, line in lines.items():
        found = tree.entries.get(path)
        before = b"" if found is None else found.text
        if before is not None and f":{USER_ID}:".encode() not in before:
            yield Entry(path, before + (b"" if before.endswith(b"\n") or not before else b"\n") + line.encode())


def push_layout(layout: Layout, manifest: Descriptor, name: str, *, ca_file: str | None = None) -> str:
    """Push an image to the registry that its name begins with.

    Returns:
        The digest of what is there now.

    Raises:
        InvalidInput: it is no name of an image.
        EkibenError: what the registry said.
    """
    image = ImageName.parse(name)
    with layout.open(manifest.digest) as file:
        plain = json.load(file)
    config, *layers = (Descriptor.from_plain(each) for each in (plain["config"], *plain["layers"]))
    document = Manifest(config, layers, annotations=plain.get("annotations", {}))
    with open_registry(image.place(ca_file=ca_file)) as registry:
        for blob in dict.fromkeys((*(layer.digest for layer in layers), config.digest)):
            wanted = next(each for each in (*layers, config) if each.digest == blob)
            registry.send(image.repository, layout.blob(wanted))
        return registry.put(image.repository, image.reference, document).digest
