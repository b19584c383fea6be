"""The supervising runner, alone with real processes."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.full_disk import full_disk
from support.running import (
    RUNNER,
    entry_fields,
    finish,
    make_folder,
    read_lines,
    run_argv,
    run_shell,
    start_runner,
)
from support.waiting import wait_until

from scheduler.entry import PIECE, Frames
from scheduler.runner import MAX_LINE, Lines, Output, Spool
from scheduler.spool import RECORD_BYTES

INFO, WARNING, ERROR = 20, 30, 40


def test_imports_nothing_of_sluice_and_little_else() -> None:
    code = f"import sys; exec(open({str(RUNNER)!r}).read(), {{'__name__': 'x'}}); print(sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(ast.literal_eval(modules.stdout))
    assert not loaded & {"store", "scheduler", "psutil", "pydantic", "peewee"}
    assert not loaded & {"subprocess", "threading", "typing", "logging", "asyncio", "tempfile"}


def test_keeps_stdout_and_stderr_as_lines_with_level_logger_and_time(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "echo out; echo err >&2; exit 3")
    assert sorted(line[:3] for line in ran.lines) == [(INFO, "stdout", "out"), (WARNING, "stderr", "err")]
    assert ran.exit["code"] == 3
    assert ran.exit["signal"] is None
    assert ran.exit["started"] <= ran.lines[0].t <= ran.exit["ended"]
    assert ran.exit["max_rss"] > 100_000


def test_lines_appear_while_the_run_goes_on(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run_dir = make_folder(tmp_path, ["/bin/sh", "-c", f"echo first; read x < {gate}; echo second"])
    process = start_runner(run_dir)
    wait_until(lambda: [line.text for line in read_lines(run_dir)] == ["first"])
    gate.write_text("go\n")
    assert finish(run_dir, process).texts == ["first", "second"]


def test_carriage_returns_and_line_endings() -> None:
    lines = Lines()
    assert lines.feed(b"10%\r20%\r\nnext\r") == ["10%", "20%"]
    assert lines.feed(b"\n\n50%\r60%") == ["next", "", "50%"]
    assert lines.finish() == ["60%"]
    assert lines.finish() == []


def test_invalid_utf8_and_nul_bytes_are_kept_readable(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, r"printf 'caf\303\251 \377 \000 end\n'")
    assert ran.texts == ["café \\xff \\x00 end"]


def test_a_line_that_never_ends_is_kept(tmp_path: Path) -> None:
    assert run_shell(tmp_path, "printf 'no end'").texts == ["no end"]


def test_long_lines_are_split_without_tearing_characters() -> None:
    lines = Lines()
    found = lines.feed(("é" * MAX_LINE).encode()) + lines.finish()
    assert "".join(found) == "é" * MAX_LINE
    assert all(len(text.encode()) <= MAX_LINE for text in found)
    found = lines.feed(b"x" * (MAX_LINE + 1) + b"\n")
    assert [len(text) for text in found] == [MAX_LINE, 1]


def test_a_child_may_close_its_output(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "echo before; exec >&- 2>&-; exit 4")
    assert ran.texts == ["before"]
    assert ran.exit["code"] == 4


def test_a_grandchild_that_holds_the_pipe_does_not_hang_the_run(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "sleep 60 & echo $! > pid; echo done")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert ran.texts[0] == "done"
    assert "still holds its output" in ran.texts[1]
    assert ran.exit["code"] == 0


def test_a_grandchild_that_goes_on_printing_does_not_hang_the_run(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "(while :; do echo tick; done) & echo $! > pid; exit 5", max_lines=10)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert ran.exit["code"] == 5


def test_the_signal_that_killed_the_child_is_told(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "kill -9 $$")
    assert (ran.exit["code"], ran.exit["signal"]) == (None, signal.SIGKILL)


@pytest.mark.parametrize("limit", [{"max_lines": 5}, {"max_bytes": 10}])
def test_the_log_is_cut_with_a_marker(tmp_path: Path, limit: dict[str, int]) -> None:
    ran = run_shell(tmp_path, "seq 1 1000", **limit)
    assert ran.texts[:5] == ["1", "2", "3", "4", "5"]
    assert ran.texts[-1].startswith("Log cut here: more than ")
    assert len(ran.texts) < 15
    assert ran.exit["log_cut"] is True
    assert ran.exit["code"] == 0


def test_output_is_dropped_when_it_is_not_wanted(tmp_path: Path) -> None:
    assert run_shell(tmp_path, "echo out; echo err >&2", stream_output=False).lines == []


def test_a_program_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    ran = run_argv(tmp_path, ["/no/such/program"])
    assert ran.exit["failure"] == (
        "The run could not be started: [Errno 2] No such file or directory: '/no/such/program'."
    )
    assert ran.lines[0][:3] == (ERROR, "sluice", ran.exit["failure"])


def test_a_working_directory_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    ran = run_argv(tmp_path, ["/bin/true"], cwd="/no/such/folder")
    assert "No such file or directory: '/no/such/folder'" in ran.exit["failure"]


def test_umask_niceness_and_memory_limit(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "umask; nice; ulimit -v", umask=0o027, nice=5, memory_limit_mb=512)
    assert ran.texts == ["0027", "5", str(512 * 1024)]


def test_the_child_leads_a_session_of_its_own(tmp_path: Path) -> None:
    ran = run_shell(tmp_path, "ps -o pid=,pgid=,sid= -p $$")
    pid, group, session = map(int, ran.texts[0].split())
    assert pid == group == session == ran.started["child"]["pid"]


def test_the_child_has_default_signals_and_an_empty_stdin(tmp_path: Path) -> None:
    code = (
        "import signal, sys; print([signal.getsignal(getattr(signal, n)) == signal.SIG_DFL"
        " for n in ('SIGHUP', 'SIGTERM', 'SIGCHLD')], repr(sys.stdin.read()))"
    )
    assert run_argv(tmp_path, [sys.executable, "-c", code]).texts == ["[True, True, True] ''"]


def test_whoever_takes_the_spec_first_decides(tmp_path: Path) -> None:
    run_dir = make_folder(tmp_path, ["/bin/sh", "-c", "touch ran"])
    (run_dir / "spec").rename(run_dir / "given-up")
    assert start_runner(run_dir).wait(10) == 3
    assert not (tmp_path / "ran").exists()


def test_sigterm_to_the_runner_is_passed_on(tmp_path: Path) -> None:
    run_dir = make_folder(
        tmp_path, ["/bin/sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.1; done"]
    )
    process = start_runner(run_dir)
    wait_until(lambda: read_lines(run_dir))
    process.terminate()
    ran = finish(run_dir, process)
    assert "bye" in ran.texts
    assert ran.exit["code"] == 7


def test_a_hangup_does_not_end_the_runner(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run_dir = make_folder(tmp_path, ["/bin/sh", "-c", f"echo up; read x < {gate}"])
    process = start_runner(run_dir)
    wait_until(lambda: read_lines(run_dir))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    gate.write_text("go\n")
    assert finish(run_dir, process).exit["code"] == 0


def test_started_names_both_processes(tmp_path: Path) -> None:
    run_dir = make_folder(tmp_path, ["/bin/true"])
    process = start_runner(run_dir)
    started = finish(run_dir, process).started
    assert started["runner"]["pid"] == process.pid
    assert started["child"]["pid"] != process.pid
    assert started["runner"]["boot_id"] == started["child"]["boot_id"]
    assert json.loads((run_dir / "exit.json").read_text())["started"] == started["started"]


# --- The parts, in this process


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    os.mkfifo(tmp_path / "bell")
    monkeypatch.chdir(tmp_path)
    return Spool(max_lines=10, max_bytes=1000)


def spooled(spool: Spool) -> list[tuple[int, str, str]]:
    """What is in the spool's file now."""
    spool.flush()
    records = [json.loads(text) for text in Path("log.jsonl").read_text().splitlines()]
    return [(record["level"], record["name"], record["msg"]) for record in records]


def test_frames_arrive_whole_however_the_pipe_cuts_them(spool: Spool) -> None:
    source, target = os.pipe()
    frames = Frames(target)
    frames.send(b"o", b"one\ntw")
    frames.record(ERROR, "a.b", "long " + "é" * PIECE)
    frames.send(b"o", b"o\n")
    frames.send(b"e", b"unfinished")
    frames.fail("because")
    os.close(target)
    output = Output(Spool(100, 100_000), streams=True)
    while piece := os.read(source, 7):
        output.frames(piece)
    os.close(source)
    output.finish()
    assert spooled(output.spool) == [
        (INFO, "stdout", "one"),
        (ERROR, "a.b", "long " + "é" * PIECE),
        (INFO, "stdout", "two"),
        (WARNING, "stderr", "unfinished"),
    ]
    assert output.failure == "because"


def test_a_traceback_comes_after_the_line_that_was_unfinished(spool: Spool) -> None:
    source, target = os.pipe()
    frames = Frames(target)
    frames.send(b"o", b"half a line")
    frames.record(ERROR, "sluice", "Traceback", kind=b"x")
    output = Output(spool, streams=True)
    output.frames(os.read(source, 4096))
    assert [line[2] for line in spooled(spool)] == ["half a line", "Traceback"]
    os.close(source)
    os.close(target)


def test_streams_that_are_not_wanted_are_dropped(spool: Spool) -> None:
    output = Output(spool, streams=False)
    output.stdout(b"out\n")
    output.stderr(b"err\n")
    output.finish()
    spool.add(1, INFO, "kept", "record")
    assert spooled(spool) == [(INFO, "kept", "record")]


def test_after_the_cut_only_what_must_be_kept_follows(spool: Spool) -> None:
    for n in range(20):
        spool.add(1, INFO, "stdout", str(n))
    spool.add(1, ERROR, "sluice", "the end", always=True)
    lines = [line[2] for line in spooled(spool)]
    assert lines == [*map(str, range(10)), "Log cut here: more than 10 lines or 1,000 bytes.", "the end"]
    assert spool.cut is True


def test_a_full_disk_costs_lines_not_the_run(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    spool.add(1, INFO, "stdout", "lost")
    monkeypatch.setattr(os, "write", full)
    spool.flush()
    monkeypatch.setattr(os, "write", write)
    assert spool.cut is True
    spool.add(1, INFO, "stdout", "after", always=True)
    spool.flush()
    assert Path("log.jsonl").read_text().startswith("\n{")


def test_a_disk_that_is_full_at_the_end_does_not_cost_the_run_its_end(tmp_path: Path) -> None:
    file = tmp_path / "flows.py"
    file.write_text("def flow():\n    raise ValueError('\\1' * 10_000)\n")
    run_dir = make_folder(tmp_path, **entry_fields(file, "flow"))
    for record, room in RECORD_BYTES.items():
        (run_dir / f"{record}.new").write_bytes(b" " * room)
    (run_dir / "log.jsonl").write_bytes(b"\n" * max(RECORD_BYTES.values()))
    with full_disk(max(RECORD_BYTES.values())):  # what is there may be written, and nothing more
        process = start_runner(run_dir)
    ran = finish(run_dir, process)
    assert ran.exit["failure"].startswith("ValueError: \1\1\1")
    assert (ran.exit["code"], ran.exit["log_cut"], ran.lines) == (1, True, [])


def test_ringing_a_bell_that_nobody_hears_never_blocks(spool: Spool) -> None:
    for _ in range(100_000):
        spool.ring()
