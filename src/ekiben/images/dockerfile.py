"""Write the Dockerfile of a bento.

In: an `ImagePlan`. Out: text, the same for the same plan. Pure: nothing is read, and no template is filled.

Layers stand in the order in which they change: the base, packages of the system, commands of the service's image,
packages of Python, commands again, a script of the project's, models (a layer each), code. A build after a change of
the code alone makes the last one again.
"""

from collections.abc import Iterable, Iterator

from ekiben.images.instructions import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Find,
    From,
    Healthcheck,
    Instruction,
    Label,
    Run,
    User,
    Workdir,
)
from ekiben.images.spec import USER_ID, ImagePlan, Server, Step

PLACE = "/opt/ekiben"  # what is served; the user of the container may read it, and no more
BENTO = f"{PLACE}/bento"
BIN = f"{PLACE}/bin"
PYTHON = f"{PLACE}/python"  # what the environment is made from
VENV = f"{PLACE}/venv"
HOME = "/home/ekiben"  # what the server writes, such as tasks
SETUP = "setup_script"
INCLUDE = "include"  # in the context: files of the project that steps find beside them
FILES = f"{PLACE}/files"  # where these are in the image, and where steps run

FIRST = "# Written by Ekiben from typed values. Build it from the folder that it lies in."
CUDA_IMAGE = "docker.io/nvidia/cuda"
SHELL = "/bin/sh"


def write_dockerfile(plan: ImagePlan) -> str:
    """Write the text; raises ConfigError for what a Dockerfile cannot hold."""
    return "\n".join([FIRST, *map(str, instructions(plan))]) + "\n"


def instructions(plan: ImagePlan) -> Iterator[Instruction]:
    """Give the instructions in their order."""
    yield From(plan.base)
    yield Env({"PYTHONUNBUFFERED": "1", f"{plan.server.prefix}_HOST": "0.0.0.0", **plan.env})  # noqa: S104
    yield Find(f"{VENV}/bin")
    yield Copy("bin/", f"{BIN}/")
    if plan.system_packages:
        yield Run((SHELL, f"{BIN}/install-system", *plan.system_packages))
    if plan.cuda is not None:
        yield from cuda(plan.cuda)
    yield from map(Arg, plan.args)  # as late as can be: another value makes all anew that follows
    yield from (Arg(name, value) for name, value in plan.defaults.items() if name not in plan.args)
    if plan.has_files:
        yield Copy(f"{INCLUDE}/", f"{FILES}/")
    yield from steps(plan.before)
    yield Copy("python/", f"{PYTHON}/")
    yield Run((SHELL, f"{BIN}/install-python", plan.python, PYTHON, VENV))
    yield from steps(plan.after)
    if plan.has_setup:
        yield Copy(SETUP, f"{PLACE}/{SETUP}")
        yield Run((SHELL, f"{BIN}/run-setup", f"{PLACE}/{SETUP}"))
    yield Run((SHELL, f"{BIN}/add-user", str(USER_ID), HOME))
    yield Env({"HOME": HOME})
    for folder in plan.models:
        yield Copy(f"{folder}/", f"{BENTO}/{folder}/")
    yield Copy("bento/", f"{BENTO}/")
    yield from serving(plan.server, 0 if plan.is_root else USER_ID)
    if plan.labels:
        yield Label(plan.labels)


def steps(told: Iterable[Step]) -> Iterator[Instruction]:
    """Run what the project runs, each in a layer of its own."""
    for step in told:
        if step.command is not None:
            yield Run((SHELL, f"{BIN}/run-step", FILES, step.command))
        elif step.script is not None:
            yield Copy(step.script, f"{PLACE}/{step.script}")
            yield Run((SHELL, f"{BIN}/run-setup", f"{PLACE}/{step.script}"))


def cuda(version: str) -> Iterator[Instruction]:
    """Lay NVIDIA's runtime libraries over the base, whose Python and glibc stay."""
    minor = version.rpartition(".")[0]
    place = f"usr/local/cuda-{minor}/"
    yield Copy(place, f"/{place}", image=f"{CUDA_IMAGE}:{version}-runtime-ubuntu22.04")
    yield Env(
        {
            "LD_LIBRARY_PATH": f"/{place}lib64",
            "NVIDIA_VISIBLE_DEVICES": "all",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        }
    )


def serving(server: Server, user: int) -> Iterator[Instruction]:
    """Say as whom, where and how the container serves."""
    yield Workdir(HOME)
    yield User(user)
    yield Expose(server.port)
    scheme = "https" if server.is_tls else "http"
    asked = (f"{VENV}/bin/python", "-IS", f"{BIN}/healthcheck.py", scheme, str(server.port), server.path)
    yield Healthcheck((*asked, f"{server.prefix}_PORT", "PORT"))
    yield Entrypoint((SHELL, f"{BIN}/entrypoint", f"{VENV}/bin/{server.program}", BENTO))
    yield Cmd(("serve",))
