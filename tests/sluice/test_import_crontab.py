"""`sluice import-crontab`: crontabs become paused deployments."""

from __future__ import annotations

import getpass
import io
import json
import sys
from pathlib import Path

import pytest
from support.houses import Sluice, opened_house

from store.schemas import CronSchedule, Deployment

CRONTAB = """\
# m h  dom mon dow   command
MAILTO=ops@example.org
PATH=/usr/local/bin:/usr/bin:/bin

# Nightly backup
# of everything
0 3 * * * backup --full
*/5 * * * * cd /srv && ./poll.sh
CRON_TZ=America/New_York
30 9 */2 * mon report
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A crontab of three lines with commands: 7, 8 and 10."""
    path = tmp_path / "my.cron"
    path.write_text(CRONTAB)
    return path


def stored(name: str) -> Deployment:
    with opened_house() as house:
        return house.backend.read_deployment_by_name("crontab", name)


def test_lines_arrive_paused(sluice: Sluice, file: Path) -> None:
    answer = sluice("import-crontab", str(file))
    assert answer.code == 0, answer.err
    assert f"{file}: 3 new, times in UTC" in answer.out
    assert f"comment out lines 7-8, 10 ({file}), then `sluice resume` them." in answer.out
    assert f"{file}:2: MAILTO is ignored" in answer.err
    backup = stored("Nightly backup")
    assert backup.paused
    assert backup.sluice.pause
    assert "crontab" in (backup.sluice.pause.reason or "")
    assert backup.description == "Nightly backup\nof everything"
    assert backup.tags == ["crontab"]
    assert backup.work_pool_name == "local"
    assert backup.job_variables["command"] == "backup --full"
    assert backup.job_variables["env"] == {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    assert backup.schedules[0].schedule == CronSchedule(cron="0 3 * * *", timezone="UTC")
    report = stored("report").schedules[0].schedule
    assert report == CronSchedule(cron="30 9 */2 * mon", timezone="America/New_York", day_or=False)


def test_importing_again_changes_nothing_and_keeps_what_was_resumed(sluice: Sluice, file: Path) -> None:
    sluice("import-crontab", str(file))
    sluice("resume", "crontab/report")
    answer = sluice("import-crontab", str(file), "--json")
    found = json.loads(answer.out)
    assert [one["action"] for one in found["deployments"]] == ["unchanged"] * 3
    assert [one["line"] for one in found["deployments"]] == [7, 8, 10]
    assert not stored("report").paused
    file.write_text(CRONTAB.replace("0 3 * * *", "0 4 * * *"))
    answer = sluice("import-crontab", str(file))
    assert "~ crontab/Nightly backup  changed" in answer.out
    assert "comment out" not in answer.out
    assert len(stored("Nightly backup").schedules) == 1


def test_active_says_to_comment_out_at_once(sluice: Sluice, file: Path) -> None:
    answer = sluice("import-crontab", str(file), "--active", "--zone", "Asia/Tokyo")
    assert "comment out lines 7-8, 10 now" in answer.out
    backup = stored("Nightly backup")
    assert not backup.paused
    assert backup.schedules[0].schedule == CronSchedule(cron="0 3 * * *", timezone="Asia/Tokyo")


def test_lines_that_cannot_be_expressed_stop_everything(sluice: Sluice, file: Path) -> None:
    file.write_text(CRONTAB + "@reboot start\n61 * * * * never\n")
    answer = sluice("import-crontab", str(file))
    assert answer.code == 1
    assert f"{file}:11: @reboot is no time" in answer.err
    assert f'{file}:12: Invalid cron string: "61 * * * *"' in answer.err
    assert "2 problems; nothing was written. Add --skip-unsupported" in answer.err
    assert sluice("ls").out == ""
    answer = sluice("import-crontab", str(file), "--skip-unsupported", "--json")
    found = json.loads(answer.out)
    assert [one["action"] for one in found["deployments"]] == ["new"] * 3
    assert [one["number"] for one in found["skipped"]] == [11, 12]
    assert found["comment_out"] == [7, 8, 10]


def test_a_system_crontab_keeps_only_the_own_users_lines(sluice: Sluice, file: Path) -> None:
    file.write_text(f"0 1 * * * {getpass.getuser()} mine\n0 2 * * * somebody-else theirs\n")
    answer = sluice("import-crontab", str(file), "--system")
    assert answer.code == 1
    assert ":2: it runs as somebody-else, and Sluice runs commands as " in answer.err
    answer = sluice("import-crontab", str(file), "--system", "--skip-unsupported")
    assert "+ system-crontab/mine  new" in answer.out


def test_dry_run_and_standard_input(sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CRONTAB.encode())))
    answer = sluice("import-crontab", "-", "--dry-run")
    assert "stdin: 3 new (dry run: nothing was written), times in UTC" in answer.out
    assert sluice("ls").out == ""


def test_without_a_file_crontab_is_asked(
    sluice: Sluice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    answer = sluice("import-crontab")
    assert answer.code == 2
    assert "this machine has no `crontab` command" in answer.err
    program = programs / "crontab"
    program.write_text("#!/bin/sh\necho 'no crontab for ana' >&2\nexit 1\n")
    program.chmod(0o755)
    answer = sluice("import-crontab")
    assert answer.code == 2
    assert "crontab -l: no crontab for ana" in answer.err
    program.write_text("#!/bin/sh\necho '0 1 * * * job'\n")
    answer = sluice("import-crontab")
    assert "+ crontab/job  new" in answer.out
    assert "comment out line 1 (crontab -e)" in answer.out


@pytest.mark.parametrize("text", ["", "# nothing\n", "PATH=/bin\n"])
def test_nothing_to_import(sluice: Sluice, file: Path, text: str) -> None:
    file.write_text(text)
    answer = sluice("import-crontab", str(file))
    assert answer.code == 1
    assert "there is no line with a command in this crontab" in answer.err


def test_a_bad_zone(sluice: Sluice, file: Path) -> None:
    answer = sluice("import-crontab", str(file), "--zone", "Mars/Olympus")
    assert answer.code == 1
    assert 'Invalid timezone: "Mars/Olympus"' in answer.err


def test_a_file_that_cannot_be_read_asks_for_a_crontab(sluice: Sluice, tmp_path: Path) -> None:
    for file, said in ((tmp_path / "absent", "there is no such file"), (tmp_path, "this is a folder")):
        answer = sluice("import-crontab", str(file))
        assert answer.code == 2
        assert f"{file}: {said}. Give the path of a crontab, or `-` for standard input." in answer.err
