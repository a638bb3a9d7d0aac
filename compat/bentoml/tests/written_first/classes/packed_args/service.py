# Shows: an image described in the service, envs, labels, template arguments, importing, code of several files.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import os

import bentoml
from pydantic import BaseModel, Field

with bentoml.importing():
    import numpy as np
    from texts.greeting import greet

image = (
    bentoml.images.Image(python_version="3.11", distro="debian", lock_python_packages=False)
    .system_packages("curl", "git")
    .run("echo before")
    .python_packages("numpy", "pydantic>=2")
    .requirements_file("requirements.txt")
    .run("echo after")
)


class Args(BaseModel):
    greeting: str = "hello"
    times: int = Field(1, ge=1)


args = bentoml.use_arguments(Args)


@bentoml.service(
    name="greeter",
    image=image,
    envs=[{"name": "GREETER_MARK", "value": "!"}, {"name": "GREETER_TOKEN"}],
    labels={"owner": "team-a", "stage": "dev"},
    path_prefix="/api",
)
class Greeter:
    def __init__(self) -> None:
        self.mark = os.environ.get("GREETER_MARK", "?")

    @bentoml.api
    def hello(self, name: str) -> str:
        return " ".join([greet(args.greeting, name)] * args.times) + self.mark

    @bentoml.api
    def numbers(self, n: int) -> list[int]:
        return np.arange(n).tolist()
