"""A model travels by URL, and arrives whole."""

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ekiben.core.errors import AlreadyExists, InvalidInput, NotFound, StoreError, UnsafeArchive
from ekiben.store.exports import export_item
from ekiben.store.imports import import_item
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.remotes.objects import download, hide_secrets, is_url, local_path
from tests.store.conftest import Save


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/key", True),
        ("file:///tmp/x", True),
        ("simplecache::s3://bucket/key", True),
        ("a/b.tar", False),
        ("/a/b", False),
        ("C:\\x", False),
        ("C:/x", False),
        ("c://x", False),
        ("name::x", False),
        ("~/x", False),
        ("", False),
    ],
)
def test_is_url(text: str, expected: bool) -> None:
    """A drive of Windows and a strange file name are no URLs."""
    assert is_url(text) is expected


def test_local_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path and a `file://` URL are of this machine; any other URL is not."""
    monkeypatch.setenv("HOME", "/home/me")
    assert [local_path(text) for text in ("a", "~/a", "file:///a", "s3://a/b")] == [
        Path("a"),
        Path("/home/me/a"),
        Path("/a"),
        None,
    ]


def test_hide_secrets() -> None:
    """Neither a password nor a signature gets into an error or a log."""
    assert hide_secrets("ftp://me:secret@host/a/b?signature=abc") == "ftp://host/a/b"
    assert hide_secrets("a path/with?marks@all") == "a path/with?marks@all"


def test_an_unknown_scheme() -> None:
    """A scheme that fsspec does not know is an error in words."""
    with pytest.raises(StoreError, match=r"cannot read nowhere://x/y: .*nowhere"):
        download("nowhere://x/y", Path("unused"), {}, max_size=None)


def test_a_library_that_is_missing(tmp_path: Path) -> None:
    """The error says what to install."""
    program = """if True:
        import sys
        from pathlib import Path
        from ekiben.core.errors import MissingLibrary
        from ekiben.store.remotes.objects import upload
        sys.modules["s3fs"] = None
        try:
            upload(Path(sys.argv[1]), "s3://bucket/a", {})
        except MissingLibrary as error:
            print(error, "|", error.hint)
    """
    (tmp_path / "a").touch()
    command = [sys.executable, "-c", program, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "URLs of the kind s3:// need a library that is not installed | pip install 'ekiben[s3]'\n"


class TestMemory:
    """What holds for every file system, shown with the one that fsspec keeps in memory."""

    @pytest.fixture(autouse=True)
    def empty(self) -> Iterator[None]:
        """Begin and end with nothing in it."""
        system = fsspec.filesystem("memory")
        system.store.clear()
        system.pseudo_dirs[:] = [""]
        yield
        system.store.clear()

    @pytest.mark.parametrize("form", [None, "folder"])
    def test_there_and_back(self, save: Save, tmp_path: Path, form: str | None) -> None:
        """A file and a folder arrive, and come back as they were."""
        model = save("iris:v1", {"sub/w": os.urandom(1000)})
        url = export_item(model, "memory://out/iris", output_format=form)
        assert url == ("memory://out/iris" if form else "memory://out/iris.bentomodel")
        assert import_item(ModelStore(tmp_path / "o/models", StoredModel), url).digest == model.digest

    def test_the_description_arrives_last(self, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half a folder is not taken for a model, because model.yaml is what makes it one."""
        names: list[str] = []
        kind = type(fsspec.filesystem("memory"))
        put = kind.put_file

        def watch(self: Any, local: str, remote: str, **options: Any) -> None:
            names.append(remote)
            put(self, local, remote, **options)

        monkeypatch.setattr(kind, "put_file", watch)
        export_item(save("iris", {"a": b"1", "z": b"2"}), "memory://out", output_format="folder")
        assert names[-1] == "/out/model.yaml"
        assert len(names) == 4

    def test_a_folder_with_other_files_is_refused(self, save: Save) -> None:
        """What would come out again is what went in, so nothing else may lie there; the same may."""
        model = save("iris:v1")
        for _ in range(2):
            export_item(model, "memory://out", output_format="folder")
        fsspec.filesystem("memory").pipe_file("/out/notes.txt", b"mine")
        with pytest.raises(AlreadyExists, match=r"holds other files already: .*notes\.txt"):
            export_item(model, "memory://out", output_format="folder")

    def test_a_hostile_listing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that lists names which lead out of the folder writes nothing outside it."""
        system = fsspec.filesystem("memory")
        system.pipe_file("/evil/a", b"x")
        monkeypatch.setattr(type(system), "find", lambda *_, **__: {"/evil/../../mark": {"size": 1}})
        with pytest.raises(UnsafeArchive, match="may lead elsewhere"):
            download("memory://evil", tmp_path / "deep/place", {}, max_size=None)
        assert not (tmp_path / "mark").exists()

    def test_a_folder_that_is_too_large(self, tmp_path: Path) -> None:
        """The limit holds before anything is fetched."""
        fsspec.filesystem("memory").pipe_file("/big/a", b"x" * 1000)
        with pytest.raises(UnsafeArchive, match="holds too much: 1 files, 1000 bytes"):
            download("memory://big", tmp_path / "place", {}, max_size=999)
        assert not (tmp_path / "place").exists()

    def test_nothing_there(self, store: ModelStore[StoredModel]) -> None:
        """A URL without a file is a NotFound, and the store is as it was."""
        with pytest.raises(NotFound, match="cannot read memory://gone: there is nothing"):
            import_item(store, "memory://gone")
        assert store.list() == []


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, Any]]:
    """Start an S3 server with the bucket `models`, and give the options that reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"{url}/moto-api/", process)
        request = urllib.request.Request(f"{url}/models", method="PUT")  # moto takes calls without a signature
        urllib.request.urlopen(request, timeout=30).close()
        yield {"key": "test", "secret": "test", "endpoint_url": url, "skip_instance_cache": True}
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("the S3 server did not start")


class TestS3:
    """The same against a real S3 API."""

    @pytest.mark.parametrize("name", ["a/iris.bentomodel", "iris.zip", "iris.tar.zst", "new/"])
    def test_there_and_back(self, bucket: dict[str, Any], save: Save, tmp_path: Path, name: str) -> None:
        """Every format arrives; what lies there is the same, byte for byte, as a local export."""
        model = save("iris:v1", {"w": os.urandom(200_000)})
        url = export_item(model, f"s3://models/{name}", storage_options=bucket)
        local = Path(export_item(model, tmp_path / "out" / Path(url).name)).read_bytes()
        with fsspec.open(url, "rb", **bucket) as file:
            assert hashlib.sha256(file.read()).digest() == hashlib.sha256(local).digest()
        store = ModelStore(tmp_path / "o/models", StoredModel)
        assert import_item(store, url, storage_options=bucket).digest == model.digest

    def test_again_replaces(self, bucket: dict[str, Any], save: Save, tmp_path: Path) -> None:
        """A second export under the same key is what is there afterwards."""
        store = ModelStore(tmp_path / "o/models", StoredModel)
        for tag in ("iris:v1", "iris:v2"):
            export_item(save(tag), "s3://models/again.bentomodel", storage_options=bucket)
            found = import_item(store, "s3://models/again.bentomodel", storage_options=bucket)
            assert str(found.tag) == tag

    def test_a_folder(self, bucket: dict[str, Any], save: Save, tmp_path: Path) -> None:
        """A folder becomes keys below the URL, and comes back."""
        model = save("iris:v1", {"sub/deep/w": b"x"})
        url = export_item(model, "s3://models/folder", output_format="folder", storage_options=bucket)
        store = ModelStore(tmp_path / "o/models", StoredModel)
        assert import_item(store, url, storage_options=bucket).digest == model.digest

    def test_nothing_there(self, bucket: dict[str, Any], store: ModelStore[StoredModel]) -> None:
        """A key and a bucket that do not exist are each an error in words."""
        for url in ("s3://models/gone.bentomodel", "s3://no-such-bucket/gone.bentomodel"):
            with pytest.raises(NotFound, match=f"cannot read {url}: there is nothing"):
                import_item(store, url, storage_options=bucket)

    def test_no_bucket_to_write_to(self, bucket: dict[str, Any], save: Save) -> None:
        """No bucket is made by accident."""
        with pytest.raises((StoreError, NotFound), match=r"cannot write s3://no-such-bucket/a/x\.tar"):
            export_item(save(), "s3://no-such-bucket/a/x.tar", storage_options=bucket)

    def test_a_server_that_is_away(self, bucket: dict[str, Any], save: Save) -> None:
        """No server is an error in words, without a word of the credentials."""
        away = bucket | {"endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"max_attempts": 1}}}
        with pytest.raises(StoreError, match=r"cannot write s3://models/x\.tar") as caught:
            export_item(save(), "s3://models/x.tar", storage_options=away)
        assert "test" not in str(caught.value).replace("latest", "")

    def test_a_wrong_ending_is_known_before_the_work(self, bucket: dict[str, Any], save: Save) -> None:
        """The ending of a URL is held to the same rules as that of a path."""
        with pytest.raises(InvalidInput, match=r"'x\.rar'"):
            export_item(save(), "s3://models/x.rar", storage_options=bucket)
