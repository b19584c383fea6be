"""From a CSV file of orders to a CSV report by region."""

from __future__ import annotations

import csv
import logging
import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from workspace import folder, slot

log = logging.getLogger("sales_report")

REGIONS = ("north", "south", "east", "west")


def sales_report(
    currency: Literal["EUR", "USD", "GBP"] = "EUR", orders: int = 400, day: str | None = None
) -> None:
    """Sum up one day's orders by region.

    Args:
        currency: what the amounts are in.
        orders: how many orders to make up when the day has no file yet.
        day: as in 2026-03-01; default: the day before the run's slot.
    """
    which = date.fromisoformat(day) if day else slot().date() - timedelta(days=1)
    source = folder("sales") / f"orders-{which}.csv"
    if not source.exists():
        _make_up_orders(source, which, orders)
    totals = _totals(source)
    target = folder("reports") / f"sales-{which}-{currency}.csv"
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("region", "orders", f"total_{currency}"))
        for region, (count, total) in sorted(totals.items()):
            writer.writerow((region, count, total))
            print(f"{region:<6} {count:>5} orders {total:>12} {currency}")
    log.info("%s written from %s", target, source.name)


def _totals(source: Path) -> dict[str, tuple[int, Decimal]]:
    totals: dict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    with source.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            try:
                amount = Decimal(row["amount"])
            except ArithmeticError:
                log.warning("%s:%d: %r is no amount, left out", source.name, number, row["amount"])
                continue
            count, total = totals[row["region"]]
            totals[row["region"]] = count + 1, total + amount
    return totals


def _make_up_orders(target: Path, day: date, count: int) -> None:
    """The same orders for the same day; one amount in two hundred is damaged, as in real life."""
    chance = random.Random(day.toordinal())
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("order", "region", "amount"))
        for number in range(count):
            amount = f"{chance.uniform(5, 500):.2f}" if chance.random() > 0.005 else "n/a"
            writer.writerow((number + 1, chance.choice(REGIONS), amount))
    log.info("made up %d orders in %s", count, target.name)
