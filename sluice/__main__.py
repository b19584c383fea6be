"""Where the process starts."""

from __future__ import annotations

import os
import sys

from sluice.arguments import parse_opening


def main() -> None:
    """The `sluice` command. The plain opening of the screen never loads the command-line library."""
    argv = sys.argv[1:]
    opening = parse_opening(argv, os.environ)

    def face() -> int:
        if opening is not None:
            from sluice.screen import open_screen

            return open_screen(opening.db, opening.read_only)
        from sluice.cli import run_command_line

        return run_command_line(argv)

    from sluice.exits import guarded
    from sluice.settings import is_debugging

    sys.exit(guarded(face, debug=is_debugging()))


if __name__ == "__main__":
    main()
