"""Which pictures are taken: the keys that lead to each screen."""

from __future__ import annotations

from typing import NamedTuple

SMALL, LARGE = (80, 24), (140, 40)
DARK, LIGHT = "sluice-dark", "sluice-light"


class Scene(NamedTuple):
    """One screen and how to get there from the list of deployments.

    Args:
        name: of the files.
        keys: pressed one after the other; `:...` and `/...` are typed into their prompts, with enter.
        empty: on a database without deployments.
        sizes: columns and lines.
        themes: names of themes.
        read_only: with --read-only.
    """

    name: str
    keys: tuple[str, ...] = ()
    empty: bool = False
    sizes: tuple[tuple[int, int], ...] = (SMALL, LARGE)
    themes: tuple[str, ...] = (DARK,)
    read_only: bool = False


SCENES = (
    Scene("deployments", ("down", "down"), themes=(DARK, LIGHT)),
    Scene("deployments-filtered", ("/disk",)),
    Scene("deployments-marked", ("down", "space", "space", "down", "v", "down", "down")),
    Scene("deployments-delete", ("/clean", "asterisk", "d")),
    Scene("deployments-empty", empty=True),
    Scene("deployments-read-only", read_only=True, sizes=(SMALL,)),
    Scene("help", ("question_mark",), themes=(DARK, LIGHT)),
    Scene("palette", ("ctrl+p", *"run")),
    Scene("deployment", (":dep disk-usage/root",), themes=(DARK, LIGHT)),
    Scene("deployment-schedules", (":dep disk-usage/root", "h")),
    Scene("deployment-runs", (":dep flaky-import/payments", "l")),
    Scene("deployment-upcoming", (":dep disk-usage/root", "m")),
    Scene("deployment-parameters", (":dep disk-usage/root", "a")),
    Scene("deployment-history", (":dep flaky-import/legacy-erp", "i")),
    Scene("deployment-yaml", (":dep disk-usage/root", "Y")),
    Scene("runs", ("l",), themes=(DARK, LIGHT)),
    Scene("run", (":runs failed supplier", "enter"), themes=(DARK, LIGHT)),
    Scene("too-small", sizes=((20, 5),)),
)
