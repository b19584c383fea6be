"""Reading crontabs as cron does, and what their lines become."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sluice.crontab import Entry, parse_crontab
from sluice.crontab_deployments import deployment_values, name_entries, shell_command
from sluice.zone import machine_zone


def entries(text: str, *, system: bool = False) -> list[Entry]:
    return parse_crontab(text, system=system).entries


def names(text: str) -> list[str]:
    return list(name_entries(entries(text)).values())


def test_a_line_is_five_fields_and_a_command() -> None:
    (entry,) = entries("\n  */5\t0  1-5 jan-mar mon   run this\t--now  \n")
    assert (entry.number, entry.cron, entry.command) == (2, "*/5 0 1-5 jan-mar mon", "run this --now")
    assert (entry.stdin, entry.zone, entry.user, entry.environment) == (None, None, None, {})


@pytest.mark.parametrize(
    ("written", "cron"),
    [
        ("@daily", "@daily"),
        ("@midnight", "@daily"),
        ("@ANNUALLY", "@yearly"),
        ("@hourly", "@hourly"),
        ("@every_minute", "* * * * *"),
        ("-0 5 * * *", "0 5 * * *"),
    ],
)
def test_nicknames_and_the_quiet_sign(written: str, cron: str) -> None:
    assert entries(f"{written} x\n")[0].cron == cron


def test_assignments_hold_for_the_lines_below() -> None:
    first, second = entries("A = 1\n* * * * * x\nA=\"two  \"\n'B' = 'x=y'\nC= plain  \n* * * * * y\n")
    assert first.environment == {"A": "1"}
    assert second.environment == {"A": "two  ", "B": "x=y", "C": "plain"}


def test_mailto_is_ignored_and_told_and_values_are_not_expanded() -> None:
    crontab = parse_crontab("MAILTO=root\nPATH=$HOME/bin:/bin\n* * * * * x\n")
    assert crontab.entries[0].environment == {"PATH": "$HOME/bin:/bin"}
    assert [remark.number for remark in crontab.ignored] == [1]
    assert "MAILTO is ignored" in crontab.ignored[0].reason


def test_cron_tz_holds_for_the_lines_below_and_tz_is_the_commands() -> None:
    first, second, third = entries(
        "0 1 * * * a\nCRON_TZ=Asia/Tokyo\nTZ=UTC\n0 1 * * * b\nCRON_TZ=\n0 1 * * * c\n"
    )
    assert (first.zone, second.zone, third.zone) == (None, "Asia/Tokyo", None)
    assert second.environment == {"TZ": "UTC"}


@pytest.mark.parametrize(
    ("written", "command", "stdin"),
    [
        ("date +\\%Y-\\%m", "date +%Y-%m", None),
        ("mail root%Hello%%World", "mail root", "Hello\n\nWorld"),
        ("cat%a \\% b%", "cat", "a % b\n"),
        ("cat%", "cat", None),
        ("echo \\\\%x", "echo \\\\", "x"),
    ],
)
def test_percent_signs(written: str, command: str, stdin: str | None) -> None:
    (entry,) = entries(f"* * * * * {written}\n")
    assert (entry.command, entry.stdin) == (command, stdin)


@pytest.mark.parametrize(
    ("days", "add"),
    [
        ("* * *", True),
        ("1 * mon", True),
        ("*/2 * mon", False),
        ("1 * */2", False),
        ("*/2 * *", True),
        ("* * mon", True),
    ],
)
def test_a_day_field_that_begins_with_a_star_restricts_the_other(days: str, add: bool) -> None:
    assert entries(f"0 0 {days} x\n")[0].day_or is add


def test_a_system_crontab_names_the_user() -> None:
    first, second = entries("17 * * * *\troot    cd / && run\n@daily www-data x\n", system=True)
    assert (first.user, first.command) == ("root", "cd / && run")
    assert (second.user, second.command) == ("www-data", "x")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("@reboot x", "@reboot is no time"),
        ("@600 x", "@600 is not a name that Sluice knows"),
        ("0~30 5 * * * x", "`~` picks a random time"),
        ("1 2 3", "neither an assignment nor five time fields"),
        ("0 5 * * *", "it has no command"),
        ("0 5 * * * %input", "it has no command"),
    ],
)
def test_what_cannot_be_expressed_is_kept_with_its_reason(line: str, reason: str) -> None:
    crontab = parse_crontab(f"* * * * * good\n{line}\n")
    assert [entry.command for entry in crontab.entries] == ["good"]
    (remark,) = crontab.unsupported
    assert (remark.number, remark.text) == (2, line)
    assert reason in remark.reason


def test_comments_directly_above_are_the_name() -> None:
    text = (
        "# Edit this file.\n#\n# m h  dom mon dow   command\n0 1 * * * first\n"
        "# Back up: all of /srv & /home\n# every night\n0 2 * * * second\n"
        "# not this one\n\n0 3 * * * third\n"
        "# 0 4 * * * old\n0 4 * * * fourth --x\n"
    )
    assert names(text) == ["first", "Back up: all of srv + home", "third", "fourth --x"]
    assert entries(text)[1].comment == ["Back up: all of /srv & /home", "every night"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --full > /dev/null 2>&1", "backup.sh --full"),
        ("cd /srv/app && ./poll.py", "poll.py"),
        ("LANG=C FOO=1 /opt/run x", "run x"),
        ("[ -x /usr/sbin/anacron ] || run-parts /etc/cron.daily", "run-parts cron.daily"),
        ("test -f x && . ./env; job 'a b'", "job a b"),
        ("date +\\%F >> /tmp/x", "date +F"),
        (">", "command"),
    ],
)
def test_names_from_commands(command: str, name: str) -> None:
    assert names(f"* * * * * {command}\n") == [name]


def test_equal_names_are_numbered_and_long_ones_cut() -> None:
    assert names("* * * * * x\n1 * * * * /bin/x\n2 * * * * x\n") == ["x", "x 2", "x 3"]
    assert len(names(f"# {'word ' * 40}\n* * * * * x\n")[0]) <= 60


@pytest.mark.parametrize(
    ("crontab", "output"),
    [
        ("* * * * * echo one; echo two\n", "one\ntwo\n"),
        ("* * * * * cat%line 1%it's \\% 2\n", "line 1\nit's % 2\n"),
        ("SHELL=/bin/bash\n* * * * * [[ a == a ]] && echo it\\'s\n", "it's\n"),
        ("SHELL=/bin/bash\n* * * * * read x; echo <$x>%in\n", "<in>\n"),
        ("SHELL=/bin/bash\n* * * * * read x; echo $x%in\n", "in\n"),
    ],
)
def test_commands_mean_the_same_in_the_plain_shell(crontab: str, output: str) -> None:
    (entry,) = entries(crontab)
    if "<$x>" in entry.command:
        entry = entry._replace(command='read x; echo "<$x>"')
    answer = subprocess.run(
        ["/bin/sh", "-c", shell_command(entry)], capture_output=True, text=True, check=True
    )
    assert answer.stdout == output


def test_the_commands_exit_code_is_kept() -> None:
    for text in ("* * * * * exit 3\n", "* * * * * cat >&2; exit 3%x\n"):
        command = shell_command(entries(text)[0])
        assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).returncode == 3


def test_the_deployment_of_an_entry() -> None:
    (entry,) = entries("HOME=/srv\nRANDOM_DELAY=2\n# Poll\n*/5 * * * * ./poll\n")
    values = deployment_values(entry, "Poll", zone="Europe/Paris", home=Path("/root"), paused=True)
    assert values["job_variables"] == {
        "command": "./poll",
        "working_dir": "/srv",
        "env": {"HOME": "/srv"},
    }
    (schedule,) = values["schedules"]
    assert schedule["schedule"] == {"cron": "*/5 * * * *", "timezone": "Europe/Paris", "day_or": True}
    assert schedule["sluice"]["jitter"] == 120
    assert values["paused"]
    assert "paused" not in deployment_values(entry, "Poll", zone="UTC", home=Path("/"), paused=None)


def test_the_machines_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, text = tmp_path / "localtime", tmp_path / "timezone"
    monkeypatch.delenv("TZ")
    assert machine_zone(link, text) is None
    text.write_text("Asia/Tokyo\n")
    assert machine_zone(link, text) == "Asia/Tokyo"
    os.symlink("/usr/share/zoneinfo/Europe/Paris", link)
    assert machine_zone(link, text) == "Europe/Paris"
    monkeypatch.setenv("TZ", ":America/New_York")
    assert machine_zone(link, text) == "America/New_York"
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    assert machine_zone(link, text) == "Europe/Paris"
