"""What a method is given of its call."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.context import OWNER, Context, ResponseContext, prefix, remove_folders


def test_progress_is_told() -> None:
    """Whoever listens hears the fraction and the words, not more than 1000 letters of them."""
    told: list[tuple[float, str]] = []
    context = Context(_report=lambda *found: told.append(found))
    context.progress(1, "x" * 2000)
    context.progress(0.5)
    assert told == [(1.0, "x" * 1000), (0.5, "")]


def test_progress_outside_of_a_task() -> None:
    """Nobody listens, and nothing happens: the same method can be called in both ways."""
    Context().progress(0.5, "half")


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), 40])
def test_wrong_progress(fraction: float) -> None:
    """A fraction is a number from 0 to 1, also where nobody listens."""
    with pytest.raises(ValueError, match=r"`fraction` must be a number from 0\.0 to 1\.0"):
        Context().progress(fraction)


def test_folders_of_a_killed_process_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process left goes, what others hold stays, and no link leads out of the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(OWNER, "dead")
    left = Context()
    (left.temp_path / "upload").write_bytes(b"x")
    monkeypatch.setenv(OWNER, "alive")
    held = Context()
    (held.temp_path / "upload").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / f"{prefix('dead')}link").symlink_to(outside)
    remove_folders("dead")
    assert not Path(left.temp_dir).exists()
    assert Path(held.temp_dir, "upload").exists()
    assert outside.exists()
    left.close()
    held.close()


class Awaited:
    """A task of a library: called without arguments, it gives what is awaited."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def __call__(self) -> None:
        self.seen.append("awaited")


async def later(seen: list[Any], word: str) -> None:
    seen.append(word)


def test_background_tasks_run_after_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Tasks run in their order once the call is closed; one that fails is logged, and the folder goes last."""
    seen: list[Any] = []
    context = Context()
    folder = context.temp_path

    def fail() -> None:
        raise ValueError("of a task")

    async def call() -> None:
        context.response.background.add_task(seen.append, "plain")
        context.response.background.add_task(fail)
        context.response.background.add_task(later, seen, word="async")
        context.response.background.add_task(lambda: seen.append(folder.is_dir()))
        context.close()
        assert seen == []
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))

    asyncio.run(call())
    assert seen == ["plain", "async", True]
    assert "of a task" in caplog.text
    assert not folder.exists()


def test_a_background_task_can_be_set() -> None:
    """A task of Starlette's may be set in place of the tasks; without an event loop it runs at once."""
    seen: list[Any] = []
    context = Context()
    context.response.background.add_task(seen.append, "forgotten")
    context.response.background = Awaited(seen)  # type: ignore[assignment]
    assert len(context.response.background) == 1
    context.close()
    assert seen == ["awaited"]
    context.response.background = None
    context.close()
    assert seen == ["awaited"]


def test_headers_can_be_appended_to() -> None:
    """A value that is appended stands behind those that the header has; a value that is set replaces them."""
    headers = ResponseContext().headers
    headers.append("X-Seen", "a")
    headers.append("X-Seen", "b")
    headers["X-Once"] = "c"
    headers["X-Once"] = "d"
    assert headers == {"X-Seen": "a, b", "X-Once": "d"}


def test_cookies_are_not_joined() -> None:
    """A second cookie in the header would be lost in the first: it is refused, with what to call."""
    headers = ResponseContext().headers
    headers.append("Set-Cookie", "a=1")
    with pytest.raises(ValueError, match="set_cookie"):
        headers.append("Set-Cookie", "b=2")
    assert headers == {"Set-Cookie": "a=1"}
