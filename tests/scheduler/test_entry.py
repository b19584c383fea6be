"""The entrypoint's child: the user's function in a process of its own."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.running import ENTRY, entry_fields, finish, make_folder, read_lines, run_entry, start_runner
from support.waiting import wait_until

from scheduler.entry import Frames, Refusal, call, load, summary

INFO, WARNING, ERROR = 20, 30, 40


def test_is_written_in_python_3_9() -> None:
    ast.parse(ENTRY.read_text(), feature_version=(3, 9))


def test_imports_nothing_of_sluice() -> None:
    tree = ast.parse(ENTRY.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_prints_and_log_records_keep_their_order(tmp_path: Path) -> None:
    ran = run_entry(
        tmp_path,
        """
import logging, sys
log = logging.getLogger("my.flow")
def flow():
    for n in range(50):
        print("print", n); log.info("log %s", n); print("err", n, file=sys.stderr)
""",
    )
    expected = []
    for n in range(50):
        expected += [
            (INFO, "stdout", f"print {n}"),
            (INFO, "my.flow", f"log {n}"),
            (WARNING, "stderr", f"err {n}"),
        ]
    assert [line[:3] for line in ran.lines] == expected
    assert sorted(line.t for line in ran.lines) == [line.t for line in ran.lines]


def test_log_records_keep_level_and_logger_and_debug_is_left_out(tmp_path: Path) -> None:
    code = """
import logging
def flow():
    logging.getLogger("a.b").debug("no")
    logging.getLogger("a.b").error("long " + "x" * 10000)
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("caught")
"""
    ran = run_entry(tmp_path, code)
    assert ran.lines[0][:3] == (ERROR, "a.b", "long " + "x" * 10000)
    assert ran.lines[1][:2] == (ERROR, "root")
    assert ran.lines[1].text.startswith("caught\nTraceback")
    assert ran.exit["code"] == 0


def test_a_file_that_configures_logging_is_heard_once_with_levels(tmp_path: Path) -> None:
    code = """
import logging, sys
logging.basicConfig(force=True, stream=sys.stderr, level=logging.DEBUG, format="mine %(message)s")
def flow():
    logging.getLogger("a").debug("detail")
    logging.getLogger("a").error("trouble")
"""
    lines = [line[:3] for line in run_entry(tmp_path, code).lines]
    assert lines == [(10, "a", "detail"), (ERROR, "a", "trouble")]


def test_an_exception_fails_the_run_with_its_last_line(tmp_path: Path) -> None:
    ran = run_entry(
        tmp_path,
        "def inner():\n    raise ValueError('bad\\nmore')\n"
        "def flow():\n    print('p', end='')\n    inner()\n",
    )
    assert ran.exit["code"] == 1
    assert ran.exit["failure"] == "ValueError: bad"
    assert ran.texts[0] == "p"
    assert ran.lines[1][:2] == (ERROR, "sluice")
    frames = [text for text in ran.lines[1].text.splitlines() if text.startswith("  File")]
    assert [frame.rpartition(" ")[2] for frame in frames] == ["flow", "inner"]


def test_a_traceback_is_kept_where_the_log_is_cut_and_where_output_is_not_wanted(tmp_path: Path) -> None:
    code = "def flow():\n    for n in range(100): print(n)\n    raise KeyError('k')\n"
    ran = run_entry(tmp_path, code, max_lines=3)
    assert "Log cut here" in ran.texts[3]
    assert ran.texts[4].endswith("KeyError: 'k'")
    (tmp_path / "second").mkdir()
    silent = run_entry(tmp_path / "second", code, stream_output=False)
    assert len(silent.lines) == 1
    assert silent.texts[0].endswith("KeyError: 'k'")


@pytest.mark.parametrize(
    ("body", "code", "failure"),
    [
        ("import sys; sys.exit(7)", 7, None),
        ("import sys; sys.exit()", 0, None),
        ("import sys; sys.exit('no luck')", 1, "no luck"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("import os; os._exit(9)", 9, None),
        ("class Odd(Exception): pass\n    raise Odd", 1, "flows.flow.<locals>.Odd"),
        ("def bad(: pass", 1, "SyntaxError: "),
    ],
)
def test_how_a_function_may_end(tmp_path: Path, body: str, code: int, failure: str | None) -> None:
    ran = run_entry(tmp_path, f"def flow():\n    {body}\n")
    assert ran.exit["code"] == code
    assert ran.exit["failure"] == failure or (failure and ran.exit["failure"].startswith(failure))


def test_coroutines_generators_and_parameters(tmp_path: Path) -> None:
    code = """
import asyncio
async def flow(a, *, b="x"):
    await asyncio.sleep(0)
    print("async", a, b)
def steps():
    yield 1
    print("exhausted")
class Box:
    @staticmethod
    def method(n: int): print("method", n)
"""
    assert run_entry(tmp_path, code, "flow", {"a": {"k": [1, None]}}).texts == ["async {'k': [1, None]} x"]
    for folder, function, parameters, text in (
        ("2", "steps", {}, "exhausted"),
        ("3", "Box.method", {"n": 2}, "method 2"),
    ):
        (tmp_path / folder).mkdir()
        assert run_entry(tmp_path / folder, code, function, parameters).texts == [text]


@pytest.mark.parametrize(
    ("function", "parameters", "sentence"),
    [
        ("nope", {}, 'Entrypoint flows.py:nope: {file} has no function "nope".'),
        ("number", {}, 'Entrypoint flows.py:number: "number" in {file} is of type int, not a function.'),
        (
            "flow",
            {"b": 1},
            'Entrypoint flows.py:flow: the parameters do not fit function "flow" in {file}:'
            " missing a required argument: 'a'.",
        ),
        (
            "flow",
            {"a": 1, "z": 1},
            'Entrypoint flows.py:flow: the parameters do not fit function "flow" in {file}:'
            " got an unexpected keyword argument 'z'.",
        ),
    ],
)
def test_refusals_name_file_and_function(
    tmp_path: Path, function: str, parameters: dict[str, int], sentence: str
) -> None:
    ran = run_entry(tmp_path, "number = 3\ndef flow(a, b=2): print('called')\n", function, parameters)
    expected = sentence.format(file=tmp_path / "flows.py")
    assert ran.exit["code"] == 1
    assert ran.exit["failure"] == expected
    assert [line[:3] for line in ran.lines] == [(ERROR, "sluice", expected)]


def test_a_missing_file_and_one_that_is_no_python(tmp_path: Path) -> None:
    run_dir = make_folder(tmp_path, **entry_fields(tmp_path / "gone.py", "flow"))
    ran = finish(run_dir, start_runner(run_dir))
    assert ran.exit["failure"] == f"Entrypoint gone.py:flow: there is no file {tmp_path / 'gone.py'}."
    (tmp_path / "b").mkdir()
    (tmp_path / "flow.txt").write_text("def flow(): pass")
    run_dir = make_folder(tmp_path / "b", **entry_fields(tmp_path / "flow.txt", "flow"))
    assert "is not a Python file" in finish(run_dir, start_runner(run_dir)).exit["failure"]


def test_a_flow_object_runs_its_plain_function_and_says_so(tmp_path: Path) -> None:
    code = """
class Flow:
    def __init__(self, fn): self.fn = fn
    def __call__(self): raise RuntimeError("the engine")
@Flow
def flow(): print("plain")
"""
    ran = run_entry(tmp_path, code)
    assert ran.texts[1] == "plain"
    assert ran.lines[0][:2] == (INFO, "sluice")
    assert "runs the plain function" in ran.texts[0]


def test_the_users_modules_win_over_installed_ones_of_that_name(tmp_path: Path) -> None:
    names = [
        "store",
        "tui",
        "scheduler",
        "runner",
        "entry",
        "worker",
        "backend",
        "sluice",
        "api",
        "processes",
    ]
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"WHO = 'user {name}'")
    code = f"def flow():\n    for name in {names!r}: print(__import__(name).WHO)\n"
    assert run_entry(tmp_path, code).texts == [f"user {name}" for name in names]


def test_a_flow_in_a_file_named_like_a_module_of_the_standard_library(tmp_path: Path) -> None:
    file = tmp_path / "logging.py"
    file.write_text("def flow():\n    print(__name__, __file__)\n")
    run_dir = make_folder(tmp_path, **entry_fields(file, "flow"))
    assert finish(run_dir, start_runner(run_dir)).texts == [f"__sluice_logging {file}"]


def test_the_module_is_not_main_and_sees_the_files_folder(tmp_path: Path) -> None:
    code = """
import sys
if __name__ == "__main__":
    print("NEVER")
def flow():
    print(__name__, sys.path[0], sys.argv)
"""
    assert run_entry(tmp_path, code).texts == [f"flows {tmp_path} ['{tmp_path}/flows.py']"]


def test_the_working_directory_is_on_the_module_path_after_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("WHO = 'project'")
    (tmp_path / "flows").mkdir()
    file = tmp_path / "flows" / "etl.py"
    file.write_text("import shared, sys\ndef flow(): print(shared.WHO, sys.path[:2])\n")
    run_dir = make_folder(tmp_path, **entry_fields(file, "flow"))
    ran = finish(run_dir, start_runner(run_dir))
    assert ran.texts == [f"project {[str(file.parent), str(tmp_path)]}"]


def test_programs_that_the_function_starts_write_to_the_log_too(tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
def flow():
    subprocess.run(["/bin/sh", "-c", "echo out; echo err >&2"])
    subprocess.run(["/bin/sh", "-c", "echo given"], stdout=sys.stdout)
    os.write(1, b"raw\\n")
"""
    ran = run_entry(tmp_path, code)
    assert sorted(line[:3] for line in ran.lines) == [
        (INFO, "stdout", "given"),
        (INFO, "stdout", "out"),
        (INFO, "stdout", "raw"),
        (WARNING, "stderr", "err"),
    ]


def test_forked_workers_print_whole_lines_and_spawned_ones_find_the_module(tmp_path: Path) -> None:
    code = """
import multiprocessing
def work(n):
    print("w" * 6000, n)
def double(n):
    return n * 2
def flow():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(4))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(double, range(4)))
"""
    ran = run_entry(tmp_path, code)
    assert ran.exit["failure"] is None
    assert sorted(ran.texts[:4]) == sorted("w" * 6000 + f" {n}" for n in range(4))
    assert ran.texts[4:] == ["[0, 2, 4, 6]"]


def test_sigterm_runs_finally_blocks_and_is_what_the_process_dies_of(tmp_path: Path) -> None:
    code = """
import atexit, time
def flow():
    atexit.register(print, "exit handler")
    try:
        print("up")
        while True: time.sleep(0.05)
    finally:
        print("cleaned up")
"""
    file = tmp_path / "flows.py"
    file.write_text(code)
    run_dir = make_folder(tmp_path, **entry_fields(file, "flow"))
    process = start_runner(run_dir)
    wait_until(lambda: read_lines(run_dir))
    process.terminate()
    ran = finish(run_dir, process)
    assert ran.texts[-2:] == ["cleaned up", "exit handler"]
    assert ran.exit["signal"] == signal.SIGTERM


def test_works_in_the_interpreter_of_another_virtual_environment(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    file = tmp_path / "flows.py"
    file.write_text("import sys\ndef flow():\n    print(sys.prefix)\n    import pydantic\n")
    run_dir = make_folder(tmp_path, **entry_fields(file, "flow", python=python))
    ran = finish(run_dir, start_runner(run_dir))
    assert ran.texts[0] == str(tmp_path / "venv")
    assert ran.exit["failure"] == "ModuleNotFoundError: No module named 'pydantic'"


# --- The parts, in this process


@pytest.fixture
def told() -> Iterator[tuple[Frames, int]]:
    """A frame pipe: the writing end as Frames, and the reading descriptor."""
    source, target = os.pipe()
    yield Frames(target), source
    os.close(source)
    os.close(target)


def entry_of(tmp_path: Path, code: str, function: str, **parameters: Any) -> dict[str, Any]:
    """An entry for a file with this code."""
    file = tmp_path / f"flows_{len(list(tmp_path.iterdir()))}.py"
    file.write_text(code)
    fields: dict[str, Any] = entry_fields(file, function, parameters)["entry"]
    return fields


def test_loading_and_calling(
    tmp_path: Path,
    told: tuple[Frames, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["x"])
    code = """
class Flow:
    def fn(self, n): print("flow", n)
flow = Flow()
async def wait(): print("awaited")
def steps():
    yield print("step")
"""
    frames, source = told
    for function, parameters in (("flow", {"n": 1}), ("wait", {}), ("steps", {})):
        entry = entry_of(tmp_path, code, function, **parameters)
        call(load(entry, frames), entry)
    assert capsys.readouterr().out.split("\n")[:3] == ["flow 1", "awaited", "step"]
    assert b"runs the plain function" in os.read(source, 4096)


@pytest.mark.parametrize(("function", "words"), [("gone", "has no function"), ("number", "is of type int")])
def test_refusing(tmp_path: Path, told: tuple[Frames, int], function: str, words: str) -> None:
    entry = entry_of(tmp_path, "number = 1\n", function)
    with pytest.raises(Refusal, match=words):
        load(entry, told[0])
    with pytest.raises(Refusal, match="there is no file"):
        load({**entry, "file": str(tmp_path / "none.py")}, told[0])
    with pytest.raises(Refusal, match="do not fit"):
        call(len, {**entry, "parameters": {"x": 1}})


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad\nmore"), "ValueError: bad"),
        (KeyError("k"), "KeyError: 'k'"),
        (RuntimeError(), "RuntimeError"),
        (
            subprocess.TimeoutExpired("ls", 3),
            "subprocess.TimeoutExpired: Command 'ls' timed out after 3 seconds",
        ),
    ],
)
def test_the_summary_of_an_exception(error: BaseException, text: str) -> None:
    assert summary(error) == text
