"""Names of runs."""

from __future__ import annotations

import json

from store import names


def test_names_come_from_two_lists_of_plain_words() -> None:
    for words in (names.ADJECTIVES, names.ANIMALS):
        assert len(words) == len(set(words)) >= 100
        assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    adjective, _, animal = names.new_run_name().partition("-")
    assert adjective in names.ADJECTIVES
    assert animal in names.ANIMALS
    assert json.dumps(names.new_run_name()).isascii()
