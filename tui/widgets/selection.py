"""Which rows are marked: by key, with a range that grows with the cursor until it is taken or left."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(slots=True)
class Selection(Generic[KeyT]):
    """Marks and the anchor of a range, both by key, so that sorting and filtering cannot move them."""

    marks: set[KeyT] = field(default_factory=set)
    anchor: KeyT | None = None

    def toggle(self, key: KeyT) -> None:
        """Mark a key, or unmark it."""
        self.marks ^= {key}

    def clear(self) -> None:
        """Unmark all and leave the range."""
        self.marks.clear()
        self.anchor = None

    def is_marked(self, key: KeyT, place: int, places: Mapping[KeyT, int], cursor: int) -> bool:
        """Whether a row counts as marked, being in the range too."""
        if key in self.marks:
            return True
        if self.anchor is None:
            return False
        start = places.get(self.anchor, cursor)
        return min(start, cursor) <= place <= max(start, cursor)

    def chosen(self, places: Mapping[KeyT, int], keys: Sequence[KeyT], cursor: int) -> set[KeyT]:
        """Marks and the keys of the range."""
        if self.anchor is None:
            return set(self.marks)
        start = places.get(self.anchor, cursor)
        return self.marks | set(keys[min(start, cursor) : max(start, cursor) + 1])

    def end_range(self, places: Mapping[KeyT, int], keys: Sequence[KeyT], cursor: int) -> None:
        """Mark the range and leave it."""
        self.marks = self.chosen(places, keys, cursor)
        self.anchor = None

    def keep_existing(self, places: Mapping[KeyT, int], *, complete: bool) -> bool:
        """Forget what cannot be there any more; true when that changed anything.

        Args:
            places: the keys now listed.
            complete: these are all objects there are; otherwise a filter may hide marked ones.
        """
        changed = False
        if self.anchor is not None and self.anchor not in places:
            self.anchor = None
            changed = True
        if complete and not self.marks <= places.keys():
            self.marks &= places.keys()
            changed = True
        return changed
