"""Homes for the installed command, and headless servers that end with the test."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.houses import deployment, opened_house
from support.terminal import COMMAND

SAYS_HELLO = "echo hello from the run; sleep 0.2; echo and goodbye"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLUICE_HOME with two deployments: greetings/hello and greetings/later."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SLUICE_HOME", str(folder))
    with opened_house() as house:
        house.backend.apply_deployments(
            [
                ("greetings", deployment("hello", job_variables={"command": SAYS_HELLO})),
                ("greetings", deployment("later")),
            ]
        )
    return folder


@pytest.fixture
def serve(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `sluice serve ...` and read its one line; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        server = subprocess.Popen(
            [COMMAND, "serve", *arguments], stdout=subprocess.PIPE, text=True, env=os.environ.copy()
        )
        started.append(server)
        return server

    yield start
    for server in started:
        with server:  # closes its pipe and waits for its end
            if server.poll() is None:
                server.send_signal(signal.SIGKILL)


def sluice(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, to its end."""
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(name="sluice")
def _sluice() -> Callable[..., subprocess.CompletedProcess[str]]:
    return sluice
