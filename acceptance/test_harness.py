"""The harness itself: it takes documents apart, and says of each row what became of it."""

import socket
from pathlib import Path

import pytest

from acceptance.documents import Document
from acceptance.network import Network
from acceptance.rows import Row, compare, judge, read_ids, read_rows, row_of

TEXT = """\
Some words.

```py title="a.py" hl_lines="1"
x = 1
```

  ```sh title="Run this"
  # a comment
  make it
  ```

```diff title="a.py"
+x = 1
```

```
make it
 margin
```
"""


def test_a_document_is_taken_apart() -> None:
    """Files have titles, commands are lines of shell blocks, and a block loses its own indent only."""
    document = Document("S000", TEXT)
    assert document.file("a.py") == "x = 1\n"
    assert document.command("make") == "make it"
    assert document.after("Some words.").title == "a.py"
    assert document.blocks()[-1].text == "make it\n margin\n"
    with pytest.raises(LookupError, match=r"no file 'b\.py'"):
        document.file("b.py")
    with pytest.raises(LookupError, match="0 commands"):
        document.command("break")


def test_blocks_within_a_block() -> None:
    """A longer fence holds blocks with shorter ones, and a prompt of Sphinx is command lines."""
    text = "````{note}\nFirst:\n```{prompt} bash\n:prompts: $\n\nmake all\n```\n````\n```{prompt} bash\nmake it\n```\n"
    document = Document("S001", text)
    assert [block.language for block in document.blocks()] == ["{note}", "{prompt}", "{prompt}"]
    assert (document.command("make all"), document.command("make i")) == ("make all", "make it")


def test_the_table_is_the_list() -> None:
    """A row that one of them lacks is named; a row that is spoken of twice counts once."""
    rows = [Row("S000-01", "tested", "a"), Row("S000-03", "tested", "c")]
    ids = read_ids("| S000-01 | x |\n| S000-02 | y |\n| S000-01 | again |\n| S000-04 / -05 | both |\n")
    assert ids == ["S000-01", "S000-02"]
    assert compare(rows, ids) == [
        "S000-02 is in the list and not in rows.txt",
        "S000-03 is in rows.txt and not in the list",
    ]


def test_our_table_is_whole() -> None:
    """There are 238 rows, each with a state that says why."""
    rows = read_rows(Path(__file__).with_name("rows.txt").read_text())
    assert len({row.id for row in rows}) == len(rows) == 238


@pytest.mark.parametrize("line", ["S000-01 | done | a", "S000-01 | open | a"])
def test_a_wrong_table_is_refused(line: str) -> None:
    """A state is one of three, and what is not tested says why."""
    with pytest.raises(ValueError, match="S000-01"):
        read_rows(line)


@pytest.mark.parametrize(
    ("row", "seen", "verdict"),
    [
        pytest.param(Row("S000-01", "tested", "a"), [("passed", "")], "passed", id="every case passed"),
        pytest.param(Row("S000-01", "tested", "a"), [("passed", ""), ("failed", "x")], "failed", id="one case failed"),
        pytest.param(Row("S000-01", "tested", "a"), [("skipped", "x")], "open", id="a skip leaves it open"),
        pytest.param(Row("S000-01", "tested", "a"), [], "failed", id="nothing runs a tested row"),
        pytest.param(Row("S000-01", "open", "a", "why"), [], "open", id="not built yet"),
        pytest.param(Row("S000-01", "open", "a", "why"), [("passed", "")], "failed", id="a case for an open row"),
        pytest.param(Row("S000-01", "pointer", "a", "S000-02"), [], "pointer", id="it points elsewhere"),
    ],
)
def test_a_row_is_judged(row: Row, seen: list[tuple[str, str]], verdict: str) -> None:
    """The verdict is that of the worst case."""
    report = judge([row], {row.id: seen} if seen else {}, whole=True)
    assert report.lines[0].split()[1] == verdict
    assert report.failed == (verdict == "failed")
    assert f"1 {verdict}" in report.lines[-1]


def test_a_part_of_the_suite_is_judged_by_itself() -> None:
    """Where only some cases ran, rows without one are left out; a case without a row has failed."""
    report = judge([Row("S000-01", "tested", "a")], {"S009-01": [("passed", "")]}, whole=False)
    assert report.lines[0].startswith("S009-01  failed")
    assert report.failed == 1


def test_a_case_is_named_after_its_row() -> None:
    """The row is read from the function's name, parameters and all."""
    assert row_of("test_S000_04_string_annotations[x]") == "S000-04"
    assert row_of("test_something_else") is None


def test_a_network_is_ones_own(network: Network) -> None:
    """A port that is taken inside is free outside, and the other way round."""
    with network.inside(), socket.create_server(("127.0.0.1", 3000)):
        with socket.create_connection(("localhost", 3000), timeout=5):
            pass
        with Network().inside(), pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", 3000), timeout=5)
