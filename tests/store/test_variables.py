"""Variables: named JSON values."""

from __future__ import annotations

import pytest

from store import variables
from store.database import Store
from store.errors import Invalid, NotFound


@pytest.mark.parametrize("value", [1, "text", None, {"a": [1, 2]}, [True]])
def test_variables_hold_any_json(store: Store, value: object) -> None:
    variables.write(store, "v", value, ["t"])
    assert variables.read_all(store) == {"v": value}
    assert variables.read(store, "v").tags == ["t"]


def test_a_variable_written_again_keeps_its_id_and_tags(store: Store) -> None:
    first = variables.write(store, "v", 1, ["t"])
    again = variables.write(store, "v", 2)
    assert (again.id, again.value, again.tags) == (first.id, 2, ["t"])


@pytest.mark.parametrize("value", [object(), float("nan"), {"a": float("inf")}, b"bytes"])
def test_a_variable_must_be_json(store: Store, value: object) -> None:
    with pytest.raises(Invalid, match="variable 'v' cannot hold this value"):
        variables.write(store, "v", value)
    assert variables.read_all(store) == {}


def test_deleted_and_unknown_variables_are_not_found(store: Store) -> None:
    variables.write(store, "v", 1)
    variables.delete(store, "v")
    with pytest.raises(NotFound):
        variables.read(store, "v")
    with pytest.raises(NotFound):
        variables.delete(store, "v")
