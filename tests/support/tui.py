"""What tests of the terminal interface share: forty varied deployments, and an app with all time frozen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from support.fake_backend import FakeBackend, make_id
from textual.pilot import Pilot

from store.clock import FrozenClock
from store.schemas import DeploymentRow, RecentRun
from tui.app import SluiceApp
from tui.widgets.deployment_preview import DeploymentPreview

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# flow, name, schedule, seconds to the next run, usual duration in seconds, tags, pool
_PLAIN = (
    ("disk-usage", "every-quarter", "every 15 min", 252, 1.4, ("ops", "disk"), "local"),
    ("disk-usage", "nightly-deep-scan", "daily 02:30 UTC", 52200, 340, ("ops", "disk"), "local"),
    ("report", "sales-daily", "daily 06:00 Europe/Paris", 61200, 42, ("finance", "csv"), "local"),
    ("report", "sales-weekly", "Mon 07:00 Europe/Paris", 586800, 190, ("finance", "csv"), "local"),
    (
        "report",
        "sales-month-end",
        "monthly last day 23:00 UTC",
        2530800,
        912,
        ("finance",),
        "reporting",
    ),
    ("rotate-logs", "hourly", "hourly at :05 UTC", 300, 0.8, ("ops",), "local"),
    ("checksum", "photos", "every 6 h", 9000, 1260, ("backup", "nas"), "local"),
    ("checksum", "documents", "every 6 h +1 more", 9600, 88, ("backup",), "local"),
    ("flaky", "three-in-four", "every 2 min", 41, 3.2, ("test",), "local"),
    ("crawl", "prices", "every 10 min Mon-Fri 08:00-17:50 UTC", 119, 64, ("web", "etl"), "local"),
    ("crawl", "weather", "every 30 min", 1260, 5.5, ("web",), "local"),
    ("etl", "orders", "every 5 min", 12, 21, ("etl", "prod"), "etl-prod"),
    ("etl", "customers", "hourly at :10 UTC", 600, 75, ("etl", "prod"), "etl-prod"),
    ("etl", "stock", "hourly at :20 UTC", 1200, 130, ("etl", "prod"), "etl-prod"),
    ("etl", "backfill-2025", "", None, 5400, ("etl",), "etl-prod"),
    ("certificates", "renew", "daily 04:12 UTC", 58320, 9.1, ("ops", "tls"), "local"),
    ("mail", "digest", "Mon-Fri 17:00 America/New_York", 36000, 2.2, ("mail",), "local"),
    ("vacuum", "sqlite", "Sun 03:00 UTC", 486000, 31, ("ops",), "local"),
    ("train", "churn-model", "Sat 22:00 UTC", 468000, 8100, ("ml",), "gpu"),
    ("heartbeat", "ping", "every minute", 3, 0.2, ("ops",), "local"),
)


def sample_rows(count: int = 40, now: datetime = NOON) -> list[DeploymentRow]:
    """Varied deployments, the same each time: late, paused, running, failing, new, odd and hostile ones."""
    random = Random(7)
    rows = [_plain_row(number, random, now) for number in range(min(count, 20))]
    rows += _special_rows(now)[: max(0, count - 20)]
    while len(rows) < count:
        number = len(rows)
        row = _plain_row(number % 20, random, now)
        rows.append(row._replace(id=make_id(number + 1), name=f"{row.name}-{number // 20 + 1}"))
    return rows


def _plain_row(number: int, random: Random, now: datetime) -> DeploymentRow:
    flow, name, schedule, ahead, usual, tags, pool = _PLAIN[number]
    fail_share = 0.3 if flow == "flaky" else 0.06
    recent = tuple(
        RecentRun("FAILED" if random.random() < fail_share else "COMPLETED", usual * random.uniform(0.5, 1.6))
        for _ in range(12)
    )
    return DeploymentRow(
        id=make_id(number + 1),
        flow_name=flow,
        name=name,
        paused=False,
        pause_reason=None,
        pause_until=None,
        schedule=schedule,
        next_run=now + timedelta(seconds=ahead) if ahead is not None else None,
        recent=recent,
        last_state_type=recent[0].state_type,
        last_state_name=recent[0].state_type.title(),
        last_run_id=make_id(number + 1, 3),
        last_start=now - timedelta(seconds=usual + 60 * number + 30),
        last_duration=recent[0].duration,
        median_duration=usual,
        running=0,
        late=0,
        tags=tags,
        work_pool_name=pool,
        status="READY",
        error=None,
    )


def _special_rows(now: datetime) -> list[DeploymentRow]:
    """What goes wrong in real life."""
    base = _plain_row(5, Random(3), now)
    new = base._replace(
        recent=(), last_state_type=None, last_state_name=None, last_run_id=None, last_start=None,
        last_duration=None, median_duration=None, status="NOT_READY",
    )  # fmt: skip
    paused = base._replace(paused=True, next_run=None)
    live = (RecentRun("RUNNING", None), *base.recent[:11])
    odd = (
        paused._replace(
            flow_name="import", name="vendor-feed", pause_reason="vendor migrates until Thursday"
        ),
        paused._replace(flow_name="import", name="fx-rates"),
        paused._replace(
            flow_name="import",
            name="holidays",
            pause_reason="maintenance",
            pause_until=now + timedelta(hours=6),
        ),
        base._replace(flow_name="transcode", name="videos", running=1, recent=live),
        base._replace(flow_name="transcode", name="podcasts", running=3, recent=live),
        base._replace(flow_name="sync", name="offsite", late=2, next_run=now - timedelta(minutes=7)),
        base._replace(flow_name="sync", name="mirror", last_state_type="CRASHED", last_state_name="Crashed"),
        base._replace(
            flow_name="sync", name="archive", last_state_type="CANCELLED", last_state_name="Cancelled"
        ),
        base._replace(flow_name="billing", name="slow-today", last_duration=244.0, median_duration=61.0),
        base._replace(flow_name="billing", name="quick-today", last_duration=12.0, median_duration=61.0),
        base._replace(
            error='Invalid cron string: "61 * * * *"', flow_name="billing", name="bad-rule", next_run=None
        ),
        base._replace(flow_name="billing", name="no-pool", work_pool_name=None),
        new._replace(flow_name="fresh", name="just-applied"),
        new._replace(flow_name="fresh", name="by-hand-only", schedule="", next_run=None),
        base._replace(flow_name="hostile", name="[bold red]not markup[/] [/b]"),
        base._replace(flow_name="hostile", name="\x1b[31mred\x1b[0m\x07 and \u202egnp.exe"),
        base._replace(flow_name="日本語のフロー", name="毎時レポート作成と送信の処理"),
        base._replace(
            flow_name="a-flow-with-a-name-that-goes-on-and-on", name="and-a-deployment-that-does-so-too"
        ),
        base._replace(flow_name="emoji", name="🚀 launch 👩‍🚀 ✔️", tags=("🚀", "prod")),
        base._replace(flow_name="tags", name="many", tags=tuple(f"tag-{n}" for n in range(12))),
    )
    return [row._replace(id=make_id(number + 21)) for number, row in enumerate(odd)]


def make_backend(clock: FrozenClock, count: int = 40, *, read_only: bool = False) -> FakeBackend:
    """A backend with sample deployments."""
    backend = FakeBackend(clock, sample_rows(count, clock.now()), read_only=read_only)
    for row in backend.rows.values():
        backend.descriptions[row.id] = f"Does what {row.flow_name} is for, as agreed with those who need it."
    return backend


def make_app(backend: FakeBackend, *, theme: str = "sluice-dark", read_only: bool = False) -> SluiceApp:
    """The app with frozen time, the zone UTC, and no blinking cursor or animation."""
    app = SluiceApp(backend, clock=backend.clock, zone=UTC, theme=theme, read_only=read_only)
    app.animation_level = "none"
    return app


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is being read and all is painted."""
    for _ in range(3):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    for preview in pilot.app.screen_stack[0].query(DeploymentPreview):
        await until(pilot, lambda preview=preview: not preview.is_behind, "the preview follows the cursor")
    await pilot.pause()


async def until(pilot: Pilot[None], true: Callable[[], bool], message: str = "") -> None:
    """Wait until something is so, at most ten seconds.

    Raises:
        AssertionError: it did not become so.
    """
    for _ in range(1000):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError(message or "it did not come true")
