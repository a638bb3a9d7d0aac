"""Write the texts of a bundle: what people read, what pip, conda and engines read.

In: what is known of a bundle. Out: text. Python is written from literals and programs from fixed words, so that nothing
of a service's own can end a line, an argument or a quotation in them.
"""

import re
from collections.abc import Sequence

import yaml
from packaging.version import InvalidVersion, Version

from bentoml.bundles.description import BundleInfo
from bentoml.bundles.environment import EnvironmentOptions
from bentoml.bundles.packages import Packages
from bentoml.front import STYLE_OF_BUNDLES
from ekiben.images.dockerfile import FIRST, HOME, SHELL
from ekiben.images.instructions import Cmd, Copy, Entrypoint, Env, Expose, From, Run, User, Workdir
from ekiben.images.plan import DEBIAN_PYTHON
from ekiben.images.spec import USER_ID

PLACE = "/bento"
WHEELS = "bundled_pip_dependencies"
SETUP = "setup.sh"
INIT, ENTRY = "bentoml-init.sh", "docker-entrypoint.sh"

INIT_TEXT = """\
#!/bin/sh
# Install what the bundle in this folder needs: its wheels, its packages, and what its own script does.
set -eu
cd "$(dirname "$0")"
pip() { python -m pip --disable-pip-version-check "$@"; }
pip install --no-cache-dir --no-input -r requirements.txt bundled_pip_dependencies/*.whl
[ -f setup.sh ] || exit 0
case "$(head -c 2 setup.sh)" in
    '#!') chmod 755 setup.sh && exec ./setup.sh ;;
esac
exec /bin/sh setup.sh
"""
ENTRY_TEXT = """\
#!/bin/sh
# Start what `docker run IMAGE ...` names: the server for nothing and for words that begin with `-`, else a program.
set -eu
case "${1-}" in
    "" | -*) exec bentoml serve-gunicorn "$(dirname "$0")" "$@" ;;
esac
exec "$@"
"""
MODULE_TEXT = '''\
"""The service that was saved in this package; written by Ekiben."""

from pathlib import Path

from bentoml.bundles.console import console
from bentoml.bundles.loading import load_from_dir

FOLDER = Path(__file__).parent


def load():
    """Load the service with its artifacts."""
    return load_from_dir(str(FOLDER))


def cli():
    """Run the service's own command."""
    console(FOLDER)
'''


def readme(info: BundleInfo, doc: str) -> str:
    """Write what a person reads first."""
    lines = [f"# {info.name}", "", doc.strip() or f"The service {info.name}.", "", f"Saved as `{info.tag}`.", ""]
    if info.apis:
        lines += ["## APIs", ""]
        for api in info.apis:
            first = str(api.get("docs") or "").strip().partition("\n")[0]
            lines.append(f"- `/{api.get('route') or api['name']}`" + (f": {first}" if first else ""))
        lines.append("")
    port = STYLE_OF_BUNDLES.default_port
    lines += [
        "## Use",
        "",
        f"    bentoml serve {info.tag}",
        f"    bentoml containerize {info.tag} -t NAME && docker run -p {port}:{port} NAME:latest",
        f"    pip install --find-links {WHEELS} .    # then: {info.name} serve",
        "",
    ]
    return "\n".join(lines)


def setup_py(info: BundleInfo, packages: Packages, ours: Sequence[str]) -> str:
    """Write what pip installs the bundle by: a package, and a command named after the service."""
    options = {
        "name": info.name,
        "version": distribution_version(info.version),
        "packages": [info.name],
        "package_data": {info.name: ["*", "**/*", "**/.*"]},
        "python_requires": ">=3.11",
        "install_requires": [*ours, *(line for line in packages.lines if not line.startswith("git+"))],
        "entry_points": {"console_scripts": [f"{info.name}={info.name}:cli"]},
        "zip_safe": False,
    }
    told = "".join(f"    {key}={value!a},\n" for key, value in options.items())
    return f"from setuptools import setup\n\nsetup(\n{told})\n"


def distribution_version(version: str) -> str:
    """Give a version of PEP 440 for that of a bundle: numbers, and the rest as a local version."""
    try:
        return str(Version(version))
    except InvalidVersion:
        number, rest = re.match(r"((?:[0-9]+\.)*[0-9]+|)(.*)", version, re.DOTALL).groups()  # type: ignore[union-attr]
        local = ".".join(filter(None, re.split(r"[^a-z0-9]+", rest.lower())))
        return f"{number or 0}+{local}" if local else number or "0"


def manifest_in(name: str) -> str:
    """Say what belongs to a source distribution."""
    return f"graft {name}\ninclude bentoml.yml requirements.txt\nglobal-exclude __pycache__ *.py[cod]\n"


def environment_yml(info: BundleInfo, options: EnvironmentOptions) -> str:
    """Write conda's description of the environment."""
    channels = list(options.conda_channels) or ["defaults"]
    if options.conda_override_channels:
        channels.append("nodefaults")
    python = ".".join(info.python.split(".")[:2])
    told = {
        "name": f"bentoml-{info.name}",
        "channels": channels,
        "dependencies": [f"python={python}", "pip", *options.conda_dependencies],
    }
    return str(yaml.safe_dump(told, sort_keys=False, allow_unicode=True))


def dockerfile(info: BundleInfo, files: Sequence[str], base: str | None) -> str:
    """Write the Dockerfile that builds an image from the bundle's own folder.

    Args:
        info: of the bundle.
        files: what stands in the folder and belongs into the image; folders end in `/`.
        base: the image to start from; None takes a slim one with the bundle's Python.
    """
    minor = ".".join(info.python.split(".")[:2])
    copied = [Copy(each, f"{PLACE}/{each}") for each in files]
    lines = [
        From(base or f"{DEBIAN_PYTHON}:{minor}-slim"),
        Env({"PYTHONUNBUFFERED": "1", "BENTOML_HOST": "0.0.0.0"}),  # noqa: S104 - in a container
        *copied,
        Run((SHELL, f"{PLACE}/{INIT}")),
        Run((SHELL, "-c", f"mkdir -p {HOME} && chown {USER_ID}:{USER_ID} {HOME}")),
        Env({"HOME": HOME}),
        Workdir(HOME),
        User(USER_ID),
        Expose(STYLE_OF_BUNDLES.default_port),
        Entrypoint((SHELL, f"{PLACE}/{ENTRY}")),
        Cmd(()),
    ]
    return "\n".join([FIRST, *map(str, lines)]) + "\n"
