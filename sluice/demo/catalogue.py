"""The demo's forty deployments: the examples' flows and some shell commands, on all kinds of schedules.

Their work is real and light, and they write below the demo's own folder only.
"""

from __future__ import annotations

from sluice.demo.commands import COMMANDS
from sluice.demo.data import DATA
from sluice.demo.entry import Entry
from sluice.demo.machine import MACHINE
from sluice.demo.watching import WATCHING

CATALOGUE: tuple[Entry, ...] = (*MACHINE, *DATA, *WATCHING, *COMMANDS)
