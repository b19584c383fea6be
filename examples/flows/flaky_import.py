"""A job that fails now and then, to try out failures and pauses: the same slots fail each time."""

from __future__ import annotations

import hashlib
import logging

from workspace import folder, slot

log = logging.getLogger("flaky_import")


class SupplierUnreachable(ConnectionError):
    """The supplier's system did not answer."""


def flaky_import(fail_one_in: int = 4, records: int = 120) -> None:
    """Import records from a supplier that is not always there.

    Args:
        fail_one_in: one slot in so many fails; 0 never.
        records: how many records a good run brings.
    """
    now = slot().replace(second=0, microsecond=0)
    log.info("asking the supplier for the records of %s", now.isoformat())
    if fail_one_in and int(hashlib.sha256(now.isoformat().encode()).hexdigest(), 16) % fail_one_in == 0:
        log.warning("no answer after three attempts")
        raise SupplierUnreachable(f"the supplier did not answer for {now:%Y-%m-%d %H:%M}")
    target = folder("imports") / f"{now:%Y%m%dT%H%M}.txt"
    target.write_text("".join(f"record {number}\n" for number in range(1, records + 1)))
    log.info("%d records written to %s", records, target)
