"""The command line: `sluice COMMAND ...`. Each command's module is loaded when that command is named."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sluice import __version__
from sluice.exits import plainly
from sluice.invocation import DbOption, Invocation, ReadOnlyOption, invocation

COMMANDS = {
    "apply": "apply",
    "import-crontab": "import_crontab",
    "export": "export",
    "ls": "ls",
    "inspect": "inspect",
    "run": "run",
    "pause": "pause",
    "resume": "pause",
    "runs": "runs",
    "logs": "logs",
    "cancel": "cancel",
    "backfill": "backfill",
    "backfills": "backfills",
    "delete": "delete",
    "serve": "serve",
    "demo": "demo",
}
"""Command to module in `sluice.commands`; each module has `register(app: typer.Typer)`."""

HELP = """A control room in the terminal for scheduled deployments on one machine.

Without a command, opens the screen, and schedules and works as long as it is open.
Exit codes: 0 done; 1 refused, or the run failed; 2 usage, settings or database."""


class LazyGroup(TyperGroup):
    """Knows the names of all commands and imports the module of the one that is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            self.commands.update(_load(COMMANDS[cmd_name]))
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            for name in COMMANDS:  # so that the suggestion for a misspelt command knows them all
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plainly(error.message)
            raise


def _load(module_name: str) -> dict[str, Any]:
    """The commands of one module, each with the options that all commands have."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.callback()(_everywhere)  # with a callback typer builds a group, however few commands there are
    importlib.import_module(f"sluice.commands.{module_name}").register(app)
    group = typer.main.get_command(app)
    shared = [param for param in group.params if param.name in {"db", "read_only"}]
    commands: dict[str, Any] = dict(group.commands)  # type: ignore[attr-defined]  # a group, see above
    for command in commands.values():
        command.params.extend(shared)
    return commands


def _everywhere(db: DbOption = None, read_only: ReadOnlyOption = False) -> None:
    """Holds the options that all commands have, so that typer makes them."""


def _print_version(value: bool) -> None:
    if value:
        print(f"sluice {__version__}")
        raise typer.Exit


def root(
    ctx: typer.Context,
    db: DbOption = None,
    read_only: ReadOnlyOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Open the screen when no command is named."""
    if ctx.invoked_subcommand is None:
        from sluice.screen import open_screen

        asked = invocation(ctx)
        raise typer.Exit(open_screen(asked.db, asked.read_only))


def run_command_line(argv: Sequence[str]) -> int:
    """Carry out one command line and answer its exit code; raises what the command raises."""
    app = typer.Typer(
        name="sluice",
        cls=LazyGroup,
        help=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(root)
    command = typer.main.get_command(app)
    try:
        command(list(argv), prog_name="sluice", obj=Invocation())
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
