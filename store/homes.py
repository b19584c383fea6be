"""The folders in which workers of this database kept the working files of their runs.

Processes with different SLUICE_HOMEs may work on one database. What one of them left running can be adopted
by the next only if it knows where to look.
"""

from __future__ import annotations

import json
from pathlib import Path

from store.database import Store

_NAME = "worker.homes"
_KEPT = 20


def remember(store: Store, folder: Path) -> list[Path]:
    """Keep that a worker uses this folder now; answers all known ones, this one first, then the latest."""
    sql = "SELECT value FROM setting WHERE name = ?"
    row = store.database.execute_sql(sql, (_NAME,)).fetchone()
    known = [str(path) for path in json.loads(row[0])] if row else []
    own = str(folder)
    latest = [own, *(path for path in known if path != own)][:_KEPT]
    if latest != known:
        with store.write():
            store.database.execute_sql(
                "INSERT INTO setting (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_NAME, json.dumps(latest)),
            )
    return [Path(path) for path in latest]
