"""Where the process starts."""

from __future__ import annotations

import gc
import os
import sys

from sluice.arguments import parse_opening


def main() -> None:
    """The `sluice` command. The plain opening of the screen never loads the command-line library."""
    # Collecting garbage while libraries load finds none, and takes a tenth of the time to the first picture.
    gc.disable()
    argv = sys.argv[1:]
    opening = parse_opening(argv, os.environ)

    def face() -> int:
        if opening is not None:
            from sluice.screen import open_screen

            return open_screen(opening.db, opening.read_only)
        from sluice.cli import run_command_line

        gc.enable()
        return run_command_line(argv)

    from sluice.exits import guarded
    from sluice.settings import is_debugging

    sys.exit(guarded(face, debug=is_debugging()))


if __name__ == "__main__":
    main()
