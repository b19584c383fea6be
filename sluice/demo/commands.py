"""Shell commands: a deployment needs no Python."""

from __future__ import annotations

from sluice.demo.entry import Entry, cron, every
from sluice.demo.history import Habit

ARCHIVE = (
    'mkdir -p archive && tar -C .. -czf "archive/examples-$(date +%d%H%M).tar.gz" examples'
    " && ls -l archive | tail -n 5"
)
_ARCHIVED = ("-rw-r--r-- 1 sluice sluice {n} Nov  1 04:10 archive/examples-010410.tar.gz",)

COMMANDS: tuple[Entry, ...] = (
    Entry(
        "shell",
        "load",
        Habit(0.02, 0.3, lines=("load average: 0.41, 0.52, 0.48", "/dev/sda1 44872096 41 % /")),
        (cron("*/10 * * * *"),),
        command='echo "slot $SLUICE_SLOT on $(uname -n)"; uptime; df -Pk . | tail -n 1',
        tags=("machine", "shell"),
        description="A deployment needs no Python; any command will do.",
        days=2,
    ),
    Entry(
        "shell",
        "heartbeat",
        Habit(0.02, 0.3, 0.02, "tee: heartbeat.txt: No space left on device", ("{time} alive",)),
        (every(seconds=30),),
        command="date -u +'%H:%M:%S alive' | tee heartbeat.txt",
        tags=("shell", "critical"),
        days=0.05,
    ),
    Entry(
        "shell",
        "archive",
        Habit(
            0.06, 0.3, 0.02, "tar: examples: Cannot stat: Permission denied", _ARCHIVED, 18400, exit_code=2
        ),
        (cron("10 4 * * *", "Australia/Lord_Howe"),),
        command=ARCHIVE,
        tags=("shell", "data"),
        days=30,
    ),
    Entry(
        "shell",
        "largest-files",
        Habit(0.03, 0.3, lines=("{n} files",), amount=140),
        (cron("25 */3 * * *"),),
        command="find . -type f -size +1k | head -n 20; find . -type f | wc -l",
        tags=("shell", "machine"),
        days=6,
    ),
    Entry(
        "shell",
        "slow-countdown",
        Habit(20.1, 0.02, lines=(*(str(n) for n in range(10, 0, -1)), "lift-off")),
        (cron("2-59/6 * * * *"),),
        command="for n in 10 9 8 7 6 5 4 3 2 1; do echo $n; sleep 2; done; echo lift-off",
        tags=("shell", "long"),
        description="Twenty seconds, a line every two: open its log while it runs.",
        days=1,
    ),
    Entry(
        "shell",
        "by-hand",
        Habit(0.3, 0.4, lines=("hello from the control room",)),
        command='echo "hello from the control room"; sleep 0.2',
        tags=("shell", "manual"),
        description="No schedule: it runs when an operator presses r.",
        by_hand=9,
    ),
)
