"""Settle what a container of an image is started with.

In: the config of a base, as a stranger wrote it, and the instructions of a Dockerfile. Out: the config of the image on
top of it, as such a Dockerfile would have made it. Pure.
Source: the OCI image specification 1.1, "Image Configuration"; `Healthcheck` is Docker's, which others pass over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import CorruptArchive
from ekiben.images.instructions import (
    Cmd,
    Entrypoint,
    Env,
    Expose,
    Find,
    Healthcheck,
    Instruction,
    Label,
    User,
    Workdir,
)
from ekiben.images.oci.base import Base
from ekiben.images.oci.layers import Layer
from ekiben.store.remotes.oci.documents import Platform

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where a base says nothing, as Docker has it
SECOND = 1_000_000_000  # in nanoseconds, which Docker counts in
# What is taken from a base as it is, and of which type it must be.
KEPT = {"StopSignal": str, "Shell": list, "Volumes": dict, "ArgsEscaped": bool}
HISTORY = ("created", "created_by", "author", "comment", "empty_layer")
MOST_LETTERS = 1_000_000  # of a base's variables and labels


@dataclass(slots=True)
class Settings:
    """What a container is started with."""

    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)  # the rest, as it stands in the config

    def follow(self, step: Instruction) -> None:
        """Do what an instruction says, if it is about settings."""
        match step:
            case Env(values):
                self.env |= values
            case Find(folder):
                self.env["PATH"] = f"{folder}:{self.env.get('PATH', PATH)}"
            case Label(values):
                self.labels |= values
            case Workdir(path):
                self.plain["WorkingDir"] = path
            case User(number):
                self.plain["User"] = f"{number}:{number}"
            case Expose(port):
                self.plain["ExposedPorts"] = {**self.plain.get("ExposedPorts", {}), f"{port}/tcp": {}}
            case Healthcheck():
                times = {"Interval": step.interval, "Timeout": step.timeout, "StartPeriod": step.start}
                test = {"Test": ["CMD", *step.words]}
                self.plain["Healthcheck"] = test | {name: seconds * SECOND for name, seconds in times.items()}
            case Entrypoint(words):
                self.plain["Entrypoint"] = list(words)
            case Cmd(words):
                self.plain["Cmd"] = list(words)

    def to_plain(self) -> dict[str, Any]:
        """Give what stands under `config`."""
        env = [f"{name}={value}" for name, value in self.env.items()]
        return {**self.plain, "Env": env, **({"Labels": self.labels} if self.labels else {})}


def read_settings(base: Base) -> Settings:
    """Read what a base starts its containers with, and no more.

    Raises:
        CorruptArchive: a value is not of its type.
    """
    found = base.config.get("config") or {}
    if not isinstance(found, dict):
        raise wrong("config", base)
    env, labels = found.get("Env") or [], found.get("Labels") or {}
    if not isinstance(env, list) or not all(isinstance(each, str) and "=" in each for each in env):
        raise wrong("config.Env", base)
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        raise wrong("config.Labels", base)
    if sum(map(len, [*env, *labels, *labels.values()])) > MOST_LETTERS:
        raise wrong("config", base)
    pairs = (each.partition("=") for each in env)
    plain: dict[str, Any] = {}
    for name, kind in KEPT.items():
        value = found.get(name)
        if value is not None and not isinstance(value, kind):
            raise wrong(f"config.{name}", base)
        plain |= {name: value} if value else {}
    ports = found.get("ExposedPorts") or {}
    if not isinstance(ports, dict):
        raise wrong("config.ExposedPorts", base)
    return Settings({name: value for name, _, value in pairs}, dict(labels), {**plain, "ExposedPorts": ports})


def make_config(
    base: Base, platform: Platform, steps: Iterable[Instruction], layers: Iterable[Layer], created: str
) -> dict[str, Any]:
    """Make the config of an image on top of *base*.

    Args:
        base: the image below.
        platform: of both.
        steps: what the Dockerfile of the image would say.
        layers: those on top.
        created: ISO 8601, with its time zone.

    Raises:
        CorruptArchive: a value of the base is not of its type.
    """
    settings, on_top = read_settings(base), list(layers)
    for step in steps:
        settings.follow(step)
    ours = [{"created": created, "created_by": layer.made_by, "comment": "ekiben"} for layer in on_top]
    plain: dict[str, Any] = {
        "created": created,
        "architecture": platform.architecture,
        "os": platform.os,
        "config": settings.to_plain(),
        "rootfs": {"type": "layers", "diff_ids": [*base.diff_ids, *(layer.diff_id for layer in on_top)]},
        "history": [*read_history(base), *ours],
    }
    variant = base.config.get("variant") or platform.variant
    return plain | ({"variant": variant} if isinstance(variant, str) and variant else {})


def read_history(base: Base) -> list[dict[str, Any]]:
    """Give the history of a base, if it tells of each layer once."""
    found = base.config.get("history")
    if isinstance(found, list) and all(isinstance(each, Mapping) for each in found):
        kept = [
            {key: value for key, value in each.items() if isinstance(value, str | bool) and key in HISTORY}
            for each in found
        ]
        if sum(each.get("empty_layer") is not True for each in kept) == len(base.layers):
            return kept
    return [{"created_by": "the base image"} for _ in base.layers]


def wrong(name: str, base: Base) -> CorruptArchive:
    """Say that a value of a base is not what it must be."""
    return CorruptArchive(f"`{name}` of the base image is not of its type: {base.name}")
