"""Variables: named JSON values that project files and parameters may refer to."""

from __future__ import annotations

import json
from typing import Any

from store import schemas
from store.database import Store
from store.errors import Invalid, NotFound
from store.models import Variable


def read_all(store: Store) -> dict[str, Any]:
    """Every variable: name to JSON value, by name."""
    rows: Any = Variable.select(Variable.name, Variable.value).order_by(Variable.name).tuples()
    return dict(rows)


def read(store: Store, name: str) -> schemas.Variable:
    """One variable.

    Raises:
        NotFound: there is none of this name.
    """
    row = Variable.get_or_none(Variable.name == name)
    if row is None:
        raise NotFound("Variable", name)
    return _schema(row)


def write(store: Store, name: str, value: Any, tags: list[str] | None = None) -> schemas.Variable:
    """Set a variable, new or not.

    Args:
        value: anything JSON can hold.
        tags: null keeps those of an existing variable.

    Raises:
        Invalid: JSON cannot hold the value.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Invalid(f"variable {name!r} cannot hold this value: {error}", "value") from error
    with store.write():
        now = store.clock.now()
        existing: Any = Variable.get_or_none(Variable.name == name)
        row = existing or Variable(name=name, created=now, tags=[])
        row.value = value
        row.tags = row.tags if tags is None else tags
        row.updated = now
        row.save(force_insert=existing is None)
        return _schema(row)


def delete(store: Store, name: str) -> None:
    """Remove a variable.

    Raises:
        NotFound: there is none of this name.
    """
    with store.write():
        if not Variable.delete().where(Variable.name == name).execute():
            raise NotFound("Variable", name)


def _schema(row: Any) -> schemas.Variable:
    return schemas.Variable(
        id=row.id, created=row.created, updated=row.updated, name=row.name, value=row.value, tags=row.tags
    )
