"""A real registry takes what we push, skopeo reads it back, and we pull it."""

import base64
import datetime
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from ekiben import bentos, models
from ekiben.core.errors import EkibenError, NotAuthenticated, Unavailable
from ekiben.core.tag import Tag
from ekiben.store import pushes
from ekiben.store.bento_info import BentoInfo, CarriedModel
from ekiben.store.bentos import bento_store
from ekiben.store.remotes.oci.documents import Manifest, Platform
from ekiben.store.remotes.oci.places import parse_place
from ekiben.store.remotes.oci.registry import open_registry
from ekiben.store.remotes.oci.uploads import Blob
from tests.docker_registry import PASSWORD, USER, cut_line, docker_registry

pytestmark = pytest.mark.container

LARGE = bytes(range(256)) * 40_000  # 10 MB


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a registry that lets everyone in."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def model() -> models.Model:
    """Save a model with a large file."""
    with models.create("iris:v1", labels={"team": "a"}) as made:
        (made.path / "weights.bin").write_bytes(LARGE)
        (made.path / "vocabulary.txt").write_text("hello")
    return made


def log_in(folder: Path, host: str, password: str = PASSWORD) -> None:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", *words], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pull(tag: str, registry: str, home: Path, **options: Any) -> models.Model:
    with models.use_home(home):
        pulled = models.pull(tag, registry, **options)
        models.verify(pulled.tag)
    return pulled


def test_there_and_back(open_to_all: str, model: models.Model, tmp_path: Path) -> None:
    """What is pulled has the bytes that were pushed."""
    reference = models.push("iris", f"{open_to_all}/there")
    pulled = pull("iris", f"{open_to_all}/there", tmp_path / "elsewhere")
    assert pulled.digest == model.digest
    assert (pulled.path / "weights.bin").read_bytes() == LARGE
    assert models.push("iris", f"{open_to_all}/there") == reference


def test_skopeo_reads_it(open_to_all: str, model: models.Model, tmp_path: Path) -> None:
    """Another tool sees the manifest that we named, lists the tags, and copies every blob of it."""
    reference = models.push("iris", f"{open_to_all}/read")
    place = f"docker://{open_to_all}/read/models/iris"
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"{place}:v1")
    assert json.loads(raw)["annotations"]["dev.ekiben.digest"] == model.digest
    assert skopeo("manifest-digest", str(written(tmp_path / "raw", raw))).strip() == reference.partition("@")[2]
    assert set(json.loads(skopeo("list-tags", "--tls-verify=false", place))["Tags"]) == {"v1", "latest"}
    skopeo("copy", "--src-tls-verify=false", f"{place}:v1", f"oci:{tmp_path}/layout:v1")
    blobs = {path.name: path.stat().st_size for path in (tmp_path / "layout/blobs/sha256").iterdir()}
    layers = json.loads(raw)["layers"]
    assert all(blobs[layer["digest"].partition(":")[2]] == layer["size"] for layer in layers)
    assert len(layers) == 2


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_what_skopeo_copies_can_be_pulled(open_to_all: str, model: models.Model, tmp_path: Path) -> None:
    """A mirror made by another tool serves the model as well."""
    models.push("iris", f"{open_to_all}/mirrored")
    where = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo(
        "copy",
        *where,
        f"docker://{open_to_all}/mirrored/models/iris:v1",
        f"docker://{open_to_all}/mirror/models/iris:v1",
    )
    assert pull("iris:v1", f"{open_to_all}/mirror", tmp_path / "elsewhere").digest == model.digest


def test_a_blob_is_mounted(open_to_all: str, model: models.Model) -> None:
    """A large file that another repository has crosses the wire once."""
    models.push("iris", f"{open_to_all}/mounted")
    with open_registry(parse_place(open_to_all)) as registry:
        found = registry.get("mounted/models/iris", "v1")[0]
        assert isinstance(found, Manifest)
        blob = Blob(found.layers[1], lambda: io.BytesIO(LARGE))
        assert registry.send("mounted/other", blob, mount_from=["mounted/models/iris"]) is False
        assert registry.has("mounted/other", found.layers[1])


@pytest.mark.parametrize("piece", [1_000_000, 3_333_333, 100_000_000])
def test_pieces(open_to_all: str, model: models.Model, tmp_path: Path, piece: int) -> None:
    """Whatever the size of a piece, the same bytes arrive."""
    place = parse_place(f"{open_to_all}/pieces{piece}")
    pushes.push_item(model, place, kind="model", piece=piece)
    assert pull("iris", str(place), tmp_path / "elsewhere").digest == model.digest


@pytest.mark.parametrize(
    ("after", "piece"),
    [
        pytest.param(2_500_000, 1_000_000, id="between pieces"),
        pytest.param(500_000, 1_000_000, id="in a piece"),
        pytest.param(5_000_000, 100_000_000, id="in the only one"),
    ],
)
def test_a_line_that_is_cut(open_to_all: str, model: models.Model, tmp_path: Path, after: int, piece: int) -> None:
    """A push over a line that is cut twice ends well."""
    with cut_line(open_to_all, after, times=2) as host:
        place = parse_place(f"{host}/cut{after}")
        pushes.push_item(model, place, kind="model", piece=piece, sleep=lambda _: None)
    assert pull("iris", f"{open_to_all}/cut{after}", tmp_path / "elsewhere").digest == model.digest


def test_an_image_of_skopeo_is_found(open_to_all: str, model: models.Model, tmp_path: Path) -> None:
    """A manifest that another tool wrote is read for a platform."""
    models.push("iris", f"{open_to_all}/image")
    with open_registry(parse_place(open_to_all)) as registry:
        assert (
            registry.find_image("image/models/iris", "v1", Platform())[0].artifact_type
            == "application/vnd.ekiben.model.v1"
        )


def test_a_login(tmp_path: Path, docker_config: Path, model: models.Model) -> None:
    """A registry with passwords takes the right one, and no other."""
    with docker_registry(tmp_path, login=True) as host:
        with pytest.raises(NotAuthenticated, match="wants to know who you are"):
            models.push("iris", host)
        log_in(docker_config, host, "wrong")
        with pytest.raises(NotAuthenticated):
            models.push("iris", host)
        log_in(docker_config, host)
        models.push("iris", host)
        assert pull("iris", host, tmp_path / "elsewhere").digest == model.digest


def test_tls(tmp_path: Path, docker_config: Path, model: models.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with a certificate of one's own is trusted once it is named, by option or by variable."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with docker_registry(tmp_path, login=True, authority=authority) as host:
        log_in(docker_config, host)
        with pytest.raises(Unavailable, match="not trusted") as refused:
            models.push("iris", f"https://{host}")
        assert "--ca-file" in str(refused.value.hint)
        models.push("iris", f"https://{host}", ca_file=tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert pull("iris", f"https://{host}", tmp_path / "elsewhere").digest == model.digest


def test_no_tls(tmp_path: Path, model: models.Model) -> None:
    """A registry without TLS that is asked by HTTPS is said to be one, with the option that helps."""
    with docker_registry(tmp_path) as host:
        with pytest.raises(Unavailable, match="does not speak HTTPS") as refused:
            models.push("iris", f"https://{host}")
        assert "--plain-http" in str(refused.value.hint)


def test_a_disk_of_the_registry_that_is_full(tmp_path: Path, model: models.Model) -> None:
    """Where the registry cannot store, the push fails."""
    with docker_registry(tmp_path) as host:
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        (data / "docker").write_text("in the way")
        place = parse_place(host)
        with pytest.raises(EkibenError):
            pushes.push_item(model, place, kind="model", sleep=lambda _: None)


def test_a_bento_there_and_back(open_to_all: str, model: models.Model, tmp_path: Path) -> None:
    """A bento and its model arrive; skopeo's copy of the bento alone is enough to pull both."""
    with bento_store().create() as draft:
        (draft.path / "src").mkdir()
        (draft.path / "src/service.py").write_text("x = 1\n")
        named = (CarriedModel(model.tag, model.digest),)
        now = datetime.datetime.now(datetime.UTC)
        made = draft.finish(BentoInfo(Tag("flowers", "v1"), now, "service:Flowers", models=named))
    bentos.push("flowers", f"{open_to_all}/lunch")
    where = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo(
        "copy",
        *where,
        f"docker://{open_to_all}/lunch/bentos/flowers:v1",
        f"docker://{open_to_all}/copy/bentos/flowers:v1",
    )
    for place in ("lunch", "copy"):
        with bentos.use_home(tmp_path / place):
            pulled = bentos.pull("flowers:v1", f"{open_to_all}/{place}")
            assert pulled.digest == made.digest
            bentos.verify("flowers")
            assert (pulled.find_models()[0].path / "weights.bin").read_bytes() == LARGE
