"""Placeholders in project files."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.project.problems import Problems
from sluice.project.templates import LEFT_OUT, Templates, is_template


def resolve(value: Any, problems: Problems | None = None) -> Any:
    templates = Templates(
        {"USER_NAME": "ana"},
        {"limits": {"rows": 3}, "city": "Lyon"},
        {"build-image"},
        problems or Problems("f"),
        lambda path: 7,
    )
    return templates.resolve(value, ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ $USER_NAME }}", "ana"),
        ("/home/{{$USER_NAME}}/x", "/home/ana/x"),
        ("{{ prefect.variables.limits }}", {"rows": 3}),
        ("in {{ prefect.variables.city }}", "in Lyon"),
        ("{{ prefect.variables.limits }}!", '{"rows": 3}!'),
        ("docker ps --format '{{.Names}}'", "docker ps --format '{{.Names}}'"),
        ("awk '{{ print $1 }}'", "awk '{{ print $1 }}'"),
        ("no template", "no template"),
        (3, 3),
    ],
)
def test_values(text: Any, value: Any) -> None:
    problems = Problems("f")
    assert resolve(text, problems) == value
    assert not problems.found
    assert not problems.notes


def test_what_needs_a_steps_output_is_left_out_with_a_note() -> None:
    problems = Problems("f")
    value = {"image": "{{ build-image.image }}", "tags": ["a", "{{ build-image.tag }}"]}
    assert resolve(value, problems) == {"tags": ["a"]}
    assert resolve("x {{ build-image.tag }}") is LEFT_OUT
    assert str(problems.notes[0]) == (
        "f:7: `{{ build-image.image }}` is the output of a step that is not run here: left out."
    )


def test_an_unknown_word_is_kept_with_a_note() -> None:
    problems = Problems("f")
    assert resolve("{{ name }}", problems) == "{{ name }}"
    assert "kept as written" in str(problems.notes[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ $NOPE }}", "f:7: `{{ $NOPE }}`: the environment variable NOPE is not set here."),
        ("{{ prefect.variables.citi }}", "there is no variable citi; did you mean `city`?"),
        ("{{ prefect.blocks.secret.x }}", "is not supported: Sluice has no blocks"),
        ("{{ prefect.runtime.x }}", "`{{ prefect.variables.NAME }}` and `{{ $NAME }}` are resolved"),
    ],
)
def test_what_is_not_set_is_a_problem(text: str, said: str) -> None:
    problems = Problems("f")
    resolve({"a": [text]}, problems)
    assert said in str(problems.found[0])


def test_is_template() -> None:
    assert is_template("a {{ $X }}")
    assert is_template("{{ prefect.variables.x }}")
    assert not is_template("{{.Names}} {{ x }}")
