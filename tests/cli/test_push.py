"""`ekiben push`, `pull`, `models push` and `models pull`, from one home to another."""

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ekiben import bentos, models
from ekiben.cli.push import remotes, tags
from ekiben.core.tag import Tag
from ekiben.store.bento_info import BentoInfo, CarriedModel
from ekiben.store.bentos import Bento, bento_store
from tests.cli.conftest import Command
from tests.registry import FakeRegistry, fake_registry


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """Run a registry that lets everyone in."""
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def model() -> models.Model:
    """Save a model."""
    with models.create("iris:v1", labels={"team": "a"}) as made:
        (made.path / "weights.bin").write_bytes(b"abc")
    return made


@pytest.mark.parametrize("group", [[], ["models"]], ids=["short", "of models"])
def test_there_and_back(ekiben: Command, fake: FakeRegistry, model: object, tmp_path: Path, group: list[str]) -> None:
    """A model that is pushed from one home is pulled into another."""
    ran = ekiben(*group, "push", "iris", f"{fake.host}/team")
    assert ran.code == 0
    assert ran.out.startswith(f"pushed iris:v1 to {fake.host}/team/models/iris:v1@sha256:")
    elsewhere = str(tmp_path / "elsewhere")
    assert ekiben("--home", elsewhere, *group, "pull", "iris", f"{fake.host}/team").out == (
        f"pulled iris:v1 from {fake.host}/team\n"
    )
    assert ekiben("--home", elsewhere, "models", "verify").code == 0


def test_there_and_back_in_python(fake: FakeRegistry, model: object, tmp_path: Path) -> None:
    """The same in Python; the reference names the content for good."""
    reference = models.push("iris", fake.host)
    assert reference.startswith(f"{fake.host}/models/iris:v1@sha256:")
    with models.use_home(tmp_path / "elsewhere"):
        assert str(models.pull("iris", fake.host).tag) == "iris:v1"
        assert models.get("iris").labels == {"team": "a"}


def test_a_second_push_says_that_all_was_there(ekiben: Command, fake: FakeRegistry, model: object) -> None:
    """Whoever pushes again learns that nothing was sent."""
    ekiben("push", "iris", fake.host)
    assert ekiben("push", "iris", fake.host).out.endswith("(all of it was there)\n")


def test_for_a_script(ekiben: Command, fake: FakeRegistry, model: object) -> None:
    """JSON says the reference, the digest and what was sent."""
    told = json.loads(ekiben("push", "iris", fake.host, "-o", "json").out)
    assert told["reference"] == f"{fake.host}/models/iris:v1"
    assert told["digest"].startswith("sha256:")
    assert told["sent_bytes"] > 0
    assert json.loads(ekiben("pull", "iris", fake.host, "-o", "json").out)["tag"] == "iris:v1"


def test_the_default_remote(ekiben: Command, fake: FakeRegistry, model: object) -> None:
    """Without a registry the default remote is meant."""
    ekiben("remote", "add", "team", f"{fake.host}/team")
    assert ekiben("push", "iris").code == 0
    assert ("team/models/iris", "v1") in fake.manifests
    assert remotes("te") == ["team"]
    assert remotes("x") == []


def test_what_goes_wrong_is_loud(ekiben: Command, fake: FakeRegistry, model: object) -> None:
    """A push that fails leaves with a code other than 0, and says who refused what."""
    fake.break_at("PUT", "/manifests/", lambda handler: handler.refuse(403, "DENIED"), times=9)
    ran = ekiben("push", "iris", fake.host)
    assert ran.code == 1
    assert f"the registry {fake.host} answered 403: DENIED: denied" in ran.err
    assert "Traceback" not in ran.err
    assert fake.manifests == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["push", "iris"], "no remote is the default", id="nowhere"),
        pytest.param(
            ["push", "none:v1", "localhost:1"], "there is no bento and no model 'none:v1'", id="nothing of that name"
        ),
        pytest.param(["push", "iris", "http://example.com"], "plain HTTP", id="plain HTTP to another machine"),
        pytest.param(["pull", "iris", "https://a:b@example.com"], "without a user and password", id="a password"),
        pytest.param(["pull", "iris", "localhost:1", "--ca-file", "missing.pem"], "`ca_file`", id="no certificates"),
        pytest.param(["pull", "I!", "localhost:1"], "tag", id="no tag"),
    ],
)
def test_mistakes(ekiben: Command, model: object, words: list[str], said: str) -> None:
    """What cannot be meant is told before anybody is asked."""
    ran = ekiben(*words)
    assert ran.code != 0
    assert said in ran.err


def test_no_login(ekiben: Command, model: object) -> None:
    """A registry that asks who we are is answered with the command that says it."""
    with fake_registry(user="me", password="pw") as guarded:
        ran = ekiben("push", "iris", guarded.host)
    assert ran.code == 1
    assert f"hint: log in: `docker login {guarded.host}`" in ran.err


def test_a_limit(ekiben: Command, fake: FakeRegistry, tmp_path: Path) -> None:
    """A model larger than allowed is refused."""
    with models.create("big:v1") as model:
        (model.path / "weights.bin").write_bytes(bytes(9 * 1024 * 1024))
    ekiben("push", "big", fake.host)
    ran = ekiben("--home", str(tmp_path / "elsewhere"), "pull", "big", fake.host, "--max-size-mib", "1")
    assert ran.code == 1
    assert "at most 1048576 are allowed" in ran.err


Build = Callable[..., Bento]


@pytest.fixture
def build() -> Build:
    """Give a function that stores a bento of models."""

    def build(tag: str, *carried: models.Model) -> Bento:
        with bento_store().create() as draft:
            (draft.path / "src").mkdir()
            (draft.path / "src/service.py").write_text("x = 1\n")
            named = tuple(CarriedModel(model.tag, model.digest) for model in carried)
            now = datetime.datetime.now(datetime.UTC)
            return draft.finish(BentoInfo(Tag.parse(tag), now, "service:Flowers", models=named))

    return build


@pytest.fixture
def bento(build: Build, model: models.Model) -> Bento:
    """Store a bento of that model."""
    return build("flowers:v1", model)


def test_a_bento_there_and_back(ekiben: Command, fake: FakeRegistry, bento: Bento, tmp_path: Path) -> None:
    """A bento is pushed with its models, and pulled with them."""
    ran = ekiben("push", "flowers", fake.host)
    assert ran.out.startswith(f"pushed flowers:v1 to {fake.host}/bentos/flowers:v1@sha256:")
    assert ran.out.endswith("with the model iris:v1\n")
    elsewhere = str(tmp_path / "elsewhere")
    ran = ekiben("--home", elsewhere, "pull", "flowers", fake.host)
    assert ran.out == f"pulled flowers:v1 from {fake.host}\nwith the model iris:v1\n"
    assert ekiben("--home", elsewhere, "verify", "flowers").code == 0
    assert json.loads(ekiben("--home", elsewhere, "pull", "flowers", fake.host, "-o", "json").out)["service"]


def test_a_bento_there_and_back_in_python(fake: FakeRegistry, bento: Bento, tmp_path: Path) -> None:
    """The same in Python, with progress of each item to its end."""
    seen: list[tuple[int, int]] = []
    reference = bentos.push("flowers", fake.host, progress=lambda done, total: seen.append((done, total)))
    assert reference.startswith(f"{fake.host}/bentos/flowers:v1@sha256:")
    assert [done for done, total in seen if done == total] != []
    with bentos.use_home(tmp_path / "elsewhere"):
        assert bentos.pull("flowers:v1", fake.host).digest == bento.digest
        bentos.verify("flowers")


def test_a_bento_goes_before_a_model(ekiben: Command, fake: FakeRegistry, build: Build, model: models.Model) -> None:
    """Where a bento and a model have one name, `push` means the bento, and `models push` the model."""
    build("iris:v2", model)
    assert "iris:v2" in ekiben("push", "iris", fake.host).out
    assert "iris:v1" in ekiben("models", "push", "iris", fake.host).out
    assert ekiben("pull", "iris", fake.host).out.startswith("pulled iris:v2")
    assert ekiben("models", "pull", "iris", fake.host).out.startswith("pulled iris:v1")
    assert ekiben("models", "pull", "iris:v2", fake.host).code == 1


def test_tags_of_both_are_completed(bento: Bento) -> None:
    """The shell completes bentos and models after `push`."""
    assert tags("") == ["flowers:v1", "iris:v1"]
    assert tags("fl") == ["flowers:v1"]


def test_a_bar_on_a_terminal(
    ekiben: Command, fake: FakeRegistry, bento: Bento, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at a terminal sees each item on its way; whoever is quiet sees nothing."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ran = ekiben("push", "flowers", fake.host)
    assert ran.code == 0
    assert "pushing iris:v1" in ran.err
    assert "pushing flowers:v1" in ran.err
    assert ekiben("-q", "push", "flowers", fake.host).err == ""
