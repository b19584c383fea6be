"""The screen of the installed command, in a real pseudo-terminal, with real processes."""

from __future__ import annotations

import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from support.houses import deployment, opened_house
from support.terminal import Terminal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "prefect.yaml"
ENTER, TAB = "\r", "\t"
RUNS = ("Runs ", "so far")
"""What stands on the list of runs; a deployment's preview names states too."""

Sluice = Callable[..., subprocess.CompletedProcess[str]]


def filter_by(terminal: Terminal, text: str) -> None:
    """Type into the `/` prompt, once it is there."""
    terminal.press("/")
    terminal.wait_for("esc")
    terminal.press(text + ENTER)


def test_an_applied_project_runs_from_the_list_to_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sluice: Sluice
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SLUICE_EXAMPLES_DIR", str(tmp_path / "written"))
    applied = sluice("apply", str(EXAMPLES))
    assert applied.returncode == 0, applied.stderr
    with Terminal([], home=tmp_path / "home") as terminal:
        terminal.wait_for("sales-report/europe", "● scheduling")
        filter_by(terminal, "disk root")
        terminal.wait_for("Deployments 1", "disk-usage/root")
        terminal.press("r")
        terminal.wait_for("✓ disk-usage/root")
        terminal.press("l")
        terminal.wait_for(*RUNS, "✓ Completed")
        terminal.press(ENTER)
        terminal.wait_for("exit code 0", "GB used")


def test_at_80_columns(home: Path) -> None:
    with Terminal([], home=home, columns=80, rows=24) as terminal:
        terminal.wait_for("greetings/hello", "greetings/later", "? help", "q quit")
        terminal.press("rl")
        terminal.wait_for(*RUNS, "✓ Completed")
        terminal.press(ENTER)
        terminal.wait_for("hello from the run", "and goodbye")


def test_quitting_restores_the_terminal(home: Path) -> None:
    with Terminal([], home=home) as terminal:
        before = termios.tcgetattr(terminal.child.child_fd)
        terminal.wait_for("greetings/hello", "● scheduling")
        assert termios.tcgetattr(terminal.child.child_fd) != before
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert b"\x1b[?1049l" in terminal.raw  # back from the alternate screen
        assert terminal.raw.rindex(b"\x1b[?25h") > terminal.raw.rindex(b"\x1b[?25l")  # the cursor is shown
        assert terminal.raw.rindex(b"\x1b[?1003l") > terminal.raw.rindex(b"\x1b[?1003h")  # no mouse reports
        said = terminal.raw[terminal.raw.rindex(b"\x1b") :].decode()
        assert "nothing is scheduled or run until" in said
        assert "Traceback" not in terminal.raw.decode()


def test_a_second_one_says_who_schedules_and_takes_over(home: Path) -> None:
    with Terminal([], home=home) as first:
        first.wait_for("● scheduling", "greetings/hello")
        with Terminal([], home=home) as second:
            second.wait_for(f"scheduled by {first.child.pid}", "greetings/hello")
            second.press("r")  # a control room: what it asks for, the first one does
            second.wait_for("✓ greetings/hello")
            first.wait_for("✓ greetings/hello")
            first.press("q")
            assert first.wait_for_end() == 0
            second.wait_for("● scheduling", timeout=5)


def test_killed_while_a_run_is_live_it_goes_on_and_is_adopted(home: Path) -> None:
    slow = "echo begun; while [ ! -e stop ]; do sleep 0.05; done; echo ended"
    with opened_house() as house:
        fields = {"job_variables": {"command": slow}, "path": str(home)}
        house.backend.apply_deployments([("greetings", deployment("slow", **fields))])
    with Terminal([], home=home) as terminal:
        terminal.wait_for("greetings/slow", "● scheduling")
        terminal.press("Grl")
        terminal.wait_for(*RUNS, "► Running")
        terminal.press(ENTER)
        terminal.wait_for("begun")
        terminal.child.kill(signal.SIGKILL)
        assert terminal.wait_for_end() == -signal.SIGKILL
    with Terminal([], home=home) as terminal:
        terminal.wait_for("● scheduling", "► greetings/slow")
        (home / "stop").touch()
        terminal.wait_for("✓ greetings/slow")
        terminal.press("l")
        terminal.wait_for(*RUNS, "✓ Completed")
        terminal.press(ENTER)
        terminal.wait_for("begun", "ended", "exit code 0")


def test_a_tiny_terminal(home: Path) -> None:
    with Terminal([], home=home, columns=20, rows=5) as terminal:
        terminal.wait_for("too small")
        terminal.resize(80, 24)
        terminal.wait_for("greetings/hello")
        terminal.resize(20, 5)
        terminal.wait_for("too small")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_read_only_schedules_nothing(home: Path) -> None:
    with Terminal(["--read-only"], home=home) as terminal:
        terminal.wait_for("greetings/hello", "nobody schedules")
        terminal.press("r")
        terminal.press("l")
        terminal.wait_for("Runs 0")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_without_a_terminal_it_says_so(sluice: Sluice, home: Path) -> None:
    ended = sluice()
    assert ended.returncode == 2
    assert "the screen needs a terminal" in ended.stderr.lower()


def test_the_demo_opens_runs_and_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with Terminal(["demo"], home=tmp_path / "home", environ={"TMPDIR": str(temporary)}) as terminal:
        terminal.wait_for("Deployments 40", "● scheduling", "check-links/")
        assert [path.name.startswith("sluice-demo-") for path in temporary.iterdir()] == [True]
        filter_by(terminal, "by-hand")
        terminal.wait_for("Deployments 1", "shell/by-hand")
        terminal.press("rl")
        terminal.wait_for("just now")
        terminal.press("q")
        assert _wait_for_end_even_if_asked(terminal) == 0
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "home").exists()


def _wait_for_end_even_if_asked(terminal: Terminal) -> int:
    """A run of the demo may be live just then: `q` asks, with Cancel focused, and Quit is the next button."""
    if terminal.wait_for_or_end("Quit while"):
        terminal.press(TAB + ENTER)
    return terminal.wait_for_end()
