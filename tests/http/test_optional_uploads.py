"""A form needs files only where a file is a must, and text never stands for one."""

from pathlib import Path

import pytest

import ekiben
from ekiben.testing import client


@ekiben.service
class Letters:
    @ekiben.api
    def send(self, words: str, attachment: Path | None = None) -> str:
        return words if attachment is None else words + attachment.read_text()

    @ekiben.api
    def keep(self, words: str, attachment: Path) -> str:
        return words + attachment.read_text()


def test_a_form_without_its_file() -> None:
    """A form of plain fields is read where each file may be left out; with files it is the other kind of form."""
    with client(Letters) as found:
        assert found.request("POST", "/send", data={"words": "a"}).text == "a"
        upload = {"attachment": ("b.txt", b"b", "text/plain")}
        assert found.request("POST", "/send", data={"words": "a"}, files=upload).text == "ab"
        assert found.request("POST", "/keep", data={"words": "a"}).status_code == 415


@pytest.mark.parametrize("name", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x"])
def test_text_is_no_file(name: str) -> None:
    """A name in place of a file opens none, whatever it names."""
    with client(Letters) as found:
        answer = found.request("POST", "/send", data={"words": "a", "attachment": name})
        assert answer.status_code == 400
        assert "attachment" in answer.text
        assert "root:" not in answer.text
