"""Reading YAML with line numbers, and the sentences about what cannot be read."""

from __future__ import annotations

import pytest

from sluice.project import document
from sluice.project.document import Document, parse
from sluice.project.problems import Problems


def read(text: str) -> tuple[Document, list[str]]:
    problems = Problems("f.yaml")
    return parse(text, problems), [str(problem) for problem in problems.found]


def test_values_keep_their_lines() -> None:
    found, problems = read("a: 1\nb:\n  - x\n  - {y: 2}\n")
    assert not problems
    assert found.value == {"a": 1, "b": ["x", {"y": 2}]}
    assert [found.line(path) for path in ((), ("a",), ("b",), ("b", 1), ("b", 1, "y"))] == [1, 1, 2, 4, 4]
    assert found.line(("b", 1, "absent")) == 4


def test_yaml_1_1_as_prefect_reads_it_with_times_as_text() -> None:
    found, problems = read("a: yes\nb: off\nc: 010\nd: 1:15:00\ne: 2026-01-01T00:00:00+01:00\nf: ~\n")
    assert not problems
    assert found.value == {
        "a": True,
        "b": False,
        "c": 8,
        "d": 4500,
        "e": "2026-01-01T00:00:00+01:00",
        "f": None,
    }


def test_numbers_remember_how_they_were_written() -> None:
    assert read("version: 1.10\n")[0].texts[("version",)] == "1.10"


def test_merge_keys_lose_against_own_ones_and_the_first_of_a_list_wins() -> None:
    found, problems = read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n")
    assert not problems
    assert found.value["c"] == {"x": 3, "y": 1, "z": 2}
    assert found.line(("c", "x")) == 5
    assert found.line(("c", "y")) == 1
    assert found.line(("c", "z")) == 2
    assert found.anchored == {("a",), ("b",)}


def test_byte_order_mark_and_crlf_are_fine() -> None:
    found, problems = read("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n")
    assert not problems
    assert found.value == {"a": 1, "b": "x\ny\n"}
    assert found.line(("b",)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2: a tab stands where YAML wants spaces: indent with spaces."),
        ("a: b: c\n", "f.yaml:1: a second `:` stands in this line"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: the key `a` stands twice here (first in line 1)."),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document starts here"),
        ("a: [1,\n", "f.yaml:2: the YAML cannot be read: "),
        ("a: {{ $X }}\n", 'f.yaml:1: a template must be in quotes: write "{{ ... }}".'),
        (
            "a: @daily\n",
            "f.yaml:1: found character '@' that cannot start any token: put the value in quotes.",
        ),
        ("a: *nope\n", "f.yaml:1: the YAML cannot be read: found undefined alias 'nope'."),
        ("a: &a\n  - *a\n", "f.yaml:1: an anchor that holds itself cannot be written out"),
        ("a: &a\n  <<: *a\n", "an anchor that holds itself cannot be merged"),
        ("a:\n  <<: 3\n", "f.yaml:2: `<<` takes an alias of a mapping"),
        ("a: !!python/object:os.system x\n", "f.yaml:1: the tag `!!python/object:os.system` is not used"),
        ("a: .inf\n", "f.yaml:1: `.inf` has no JSON form"),
        ("a: !!int x\n", "f.yaml:1: `x` is not a number."),
        ("a: 1\nb: \x00\n", "f.yaml:2: this is not YAML text: unacceptable character #x0000"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, said: str) -> None:
    problems = read(text)[1]
    assert any(said in problem for problem in problems), problems


def test_anchors_that_grow_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 10_000)
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than 10,000 values" in read("\n".join(lines))[1][0]
