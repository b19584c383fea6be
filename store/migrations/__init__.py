"""Changes of the schema, one numbered script each, applied by `store.upgrade`.

A script is frozen once released: it never imports store.models, and is never edited. A new one gets the next
number, and `LATEST` follows it (a test compares both with store.models).
"""

from __future__ import annotations

from pathlib import Path

DIRECTORY = Path(__file__).parent

LATEST = 2
"""The schema's version that this Sluice reads and writes: the highest number of a script here."""
