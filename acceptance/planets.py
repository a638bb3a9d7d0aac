"""Play the two chapters of the MLOps guide: its project, as it stands before, between and after them.

In: the documents, and `examples/planets`, which gives the data and the files that the chapters take for granted.
Out: a Git project with a DVC pipeline, a bare Git remote and a DVC remote in folders, and what each command printed.
"""

import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.documents import Document
from acceptance.shell import Output, Person

EXAMPLE = Path(__file__).parents[1] / "examples" / "planets"
ARCHIVE = "model/celestial_bodies_classifier_model.bentomodel"
MODEL = "celestial_bodies_classifier_model"
DVC_YAML = """\
stages:
  prepare:
    cmd: python src/prepare.py data/raw data/prepared
    deps: [src/prepare.py, src/utils/seed.py, data/raw]
    params: [prepare]
    outs: [data/prepared]
  train:
    cmd: python src/train.py data/prepared model
    deps: [src/train.py, src/utils/seed.py, data/prepared]
    params: [train]
    outs: [model]
  evaluate:
    cmd: python src/evaluate.py model data/prepared
    deps: [src/evaluate.py, model]
    metrics: [evaluation/metrics.json]
    plots:
      - evaluation/plots/confusion_matrix.png
      - evaluation/plots/pred_preview.png
      - evaluation/plots/training_history.png
"""
IGNORED = "__pycache__/\n/data/raw\n/data/prepared\n/model\n/evaluation\n"  # so that DVC has nothing to add
BEFORE = "raise SystemExit('this is how it was before chapter 3.1')\n"


@dataclass(frozen=True, slots=True)
class Project:
    """The project of the guide, and the person who works on it."""

    person: Person
    remotes: Path  # git.git and dvc
    unseen: Path  # pictures that are no part of it
    said: dict[str, Output] = field(default_factory=dict)  # by step

    @property
    def folder(self) -> Path:
        """Give the folder of the project."""
        return self.person.folder

    def step(self, name: str, command: str, **options: object) -> Output:
        """Run a command of the guide and remember what it said."""
        self.said[name] = self.person.run(command, **options)
        return self.said[name]


def before(person: Person, around: Path, requirements: str) -> Project:
    """Make the project as it is before chapter 3.1: data and pipeline, no bentoml."""
    folder, remotes, unseen = person.folder, around / "remotes", around / "unseen"
    shutil.copytree(EXAMPLE / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "serve.py"))
    shutil.copy(EXAMPLE / "params.yaml", folder)
    person.run(f"{sys.executable} src/generate.py data/raw {unseen}")
    for name in ("generate.py", "painting.py"):  # the guide's pictures come from elsewhere
        (folder / "src" / name).unlink()
    for name in ("train.py", "evaluate.py"):
        (folder / "src" / name).write_text(BEFORE)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / ".gitignore").write_text(IGNORED)
    earlier = [line for line in requirements.splitlines(keepends=True) if not line.startswith(("bentoml", "pillow"))]
    (folder / "requirements.txt").write_text("".join(earlier))
    (folder / "requirements-freeze.txt").write_text("before\n")
    remotes.mkdir(parents=True)
    settings = "[core]\n    analytics = false\n    check_update = false\n    remote = data\n['remote \"data\"']\n"
    settings += f"    url = {remotes / 'dvc'}\n"
    for command in (
        f"git init -q --bare -b main {remotes / 'git.git'}",
        "git init -q -b main",
        f"git remote add origin {remotes / 'git.git'}",
        f"dvc init -q && printf '%s' {shlex.quote(settings)} > .dvc/config",
        "dvc add -q data/raw",
        "dvc repro -q prepare",
        "git add .",
        "git commit -q -m 'The experiment before chapter 3.1'",
        "git push -q -u origin main",
    ):
        person.run(command)
    return Project(person, remotes, unseen)


def chapter_3_1(project: Project, document: Document) -> None:
    """Do what chapter 3.1 says: its files as they stand there, its commands in its order."""
    for name in ("requirements.txt", "src/train.py", "src/evaluate.py"):
        (project.folder / name).write_text(document.file(name))
    project.step("freeze", document.command("pip freeze"))
    project.step("repro", document.command("dvc repro"), timeout=600)
    project.step("list", document.command("bentoml models list"))
    project.step("repro again", document.command("dvc repro"), timeout=120)
    project.step("add", document.command("git add"))
    project.step("status", "git status --porcelain")
    project.step("dvc push", document.command("dvc push"))
    project.step("commit", document.command("git commit"))
    project.step("push", document.command("git push"))
