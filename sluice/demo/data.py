"""Data: reports, imports, backups, digests."""

from __future__ import annotations

from sluice.demo.entry import Entry, Pause, cron, every, rrule
from sluice.demo.history import Habit
from store.schemas import CollisionStrategy

BERLIN = "Europe/Berlin"
PARIS = "Europe/Paris"
LONDON = "Europe/London"
NEW_YORK = "America/New_York"
TOKYO = "Asia/Tokyo"
SAO_PAULO = "America/Sao_Paulo"

_SALES = Habit(
    0.14,
    0.3,
    0.03,
    "OSError: [Errno 28] No space left on device: 'orders.csv'",
    (
        "made up {n} orders in orders.csv",
        "north    104 orders     26301.77",
        "south     97 orders     24480.02",
        "east     101 orders     25517.40",
        "west      98 orders     24990.13",
        "report written",
    ),
    400,
    "sales_report",
)
_IMPORT = Habit(
    0.1,
    0.3,
    0.25,
    "flaky_import.SupplierUnreachable: the supplier did not answer for {slot}",
    ("asking the supplier for the records", "{n} records written"),
    120,
    "flaky_import",
)
_BACKUP = Habit(
    0.12,
    0.3,
    0.01,
    "RuntimeError: the copy backups/measurements.db is damaged: row 7 missing from index",
    ("copied {n} of {n} pages", "measurements.db: 12,288 bytes, checked"),
    3,
    "sqlite_backup",
)
_WORDS = Habit(
    0.11,
    0.3,
    0.0,
    lines=("flows/digest.py: 45 lines, 160 words", "{n} different words"),
    amount=560,
    logger="text_statistics",
)
_DIGEST = Habit(
    0.1,
    0.3,
    0.01,
    "sqlite3.OperationalError: database is locked",
    ("# Digest", "## Disks", "* /: 41.2 to 41.9 % in {n} measurements", "## Reports", "* none"),
    96,
    "digest",
)

DATA: tuple[Entry, ...] = (
    Entry(
        "sales-report",
        "europe",
        _SALES,
        (cron("0 6 * * mon-fri", PARIS, "morning", catchup=True),),
        parameters={"currency": "EUR"},
        tags=("data", "finance", "prod"),
        days=30,
        description="Yesterday's orders by region, on working days before people come in.",
    ),
    Entry(
        "sales-report",
        "america",
        _SALES,
        (cron("0 6 * * mon-fri", NEW_YORK, "morning", catchup=True),),
        parameters={"currency": "USD", "orders": 900},
        tags=("data", "finance", "prod"),
        days=30,
    ),
    Entry(
        "sales-report",
        "britain",
        _SALES,
        (rrule("FREQ=DAILY;BYHOUR=6,12;BYMINUTE=30;BYSECOND=0", LONDON),),
        parameters={"currency": "GBP", "orders": 250},
        tags=("data", "finance"),
        days=30,
    ),
    Entry(
        "flaky-import",
        "supplier",
        _IMPORT,
        (cron("*/5 * * * *"),),
        parameters={"fail_one_in": 4},
        tags=("data", "flaky"),
        description="Fails for one slot in four, always the same ones.",
        days=1,
        limit=1,
        collision=CollisionStrategy.CANCEL_NEW,
        pause_after_failures=9,
    ),
    Entry(
        "flaky-import",
        "warehouse",
        _IMPORT._replace(failing=0.1),
        (cron("*/15 * * * *", jitter=60),),
        parameters={"fail_one_in": 10, "records": 300},
        tags=("data", "prod"),
        days=2,
    ),
    Entry(
        "flaky-import",
        "payments",
        _IMPORT._replace(failing=0.02),
        (cron("*/10 * * * *"),),
        parameters={"fail_one_in": 50, "records": 80},
        tags=("data", "finance", "critical"),
        days=2,
    ),
    Entry(
        "flaky-import",
        "legacy-erp",
        _IMPORT._replace(failing=0.5),
        (cron("*/30 * * * *", BERLIN),),
        parameters={"fail_one_in": 2},
        tags=("data", "legacy"),
        days=4,
        pause=Pause("the supplier moves its data centre", 1.3, resumes_in_hours=6),
    ),
    Entry(
        "sqlite-backup",
        "daily",
        _BACKUP,
        (cron("45 2 * * *", BERLIN, "night", jitter=300),),
        parameters={"keep": 7},
        tags=("data", "critical"),
        description="A checked copy of the measurements, seven of them kept.",
        days=30,
    ),
    Entry(
        "sqlite-backup",
        "six-hourly",
        _BACKUP,
        (every(hours=6),),
        parameters={"keep": 4, "vacuum": False},
        tags=("data",),
        days=20,
    ),
    Entry(
        "text-statistics",
        "words",
        _WORDS,
        (cron("5 */2 * * *"),),
        parameters={"pattern": "*.py", "top": 15, "ignore": ["self", "none"]},
        tags=("data",),
        days=7,
    ),
    Entry(
        "text-statistics",
        "pages",
        _WORDS,
        (cron("0 7 * * mon,thu", TOKYO),),
        parameters={"pattern": "*.md", "order": "word"},
        tags=("data", "docs"),
        days=30,
    ),
    Entry(
        "digest",
        "evening",
        _DIGEST,
        (
            cron("0 19 * * *", BERLIN, "evening"),
            cron("0 12 * * fri", BERLIN, "friday", parameters={"hours": 168, "title": "The week"}),
        ),
        tags=("data", "people"),
        description="What happened today, for a person to read.",
        days=30,
    ),
    Entry(
        "digest",
        "management",
        _DIGEST,
        (cron("30 8 * * mon-fri", SAO_PAULO),),
        parameters={"title": "Good morning"},
        tags=("people",),
        days=30,
    ),
    Entry(
        "digest",
        "old-layout",
        _DIGEST,
        (cron("0 18 * * *", BERLIN),),
        tags=("people", "legacy"),
        days=14,
        pause=Pause("replaced by digest/evening; delete it after the audit", 9),
    ),
)
