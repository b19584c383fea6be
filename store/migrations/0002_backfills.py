"""Backfills as objects, and the indexes of their queues, progress and slots."""

from __future__ import annotations

from typing import Any

SCHEMA = """
CREATE TABLE "backfill" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "created_by" TEXT,
  "deployment_id" BLOB NOT NULL,
  "deployment_name" TEXT NOT NULL,
  "range_start" INTEGER NOT NULL,
  "range_end" INTEGER NOT NULL,
  "schedules" TEXT NOT NULL,
  "run_order" TEXT NOT NULL,
  "max_runs" INTEGER,
  "max_active" INTEGER NOT NULL,
  "parameters" TEXT NOT NULL,
  "slot_parameter" TEXT,
  "reprocess" TEXT NOT NULL,
  "state" TEXT NOT NULL,
  "message" TEXT,
  "ended" INTEGER,
  "digest" TEXT NOT NULL,
  "total" INTEGER NOT NULL,
  "counts" TEXT NOT NULL
);
CREATE INDEX "backfill_deployment_id" ON "backfill" ("deployment_id");
DROP INDEX "flow_run_waiting";
CREATE INDEX "flow_run_waiting" ON "flow_run"
  ("deployment_id", "schedule_id", "next_scheduled_start_time", "id", "state_name")
  WHERE "state_name" = 'AwaitingConcurrencySlot' AND "backfill_id" IS NULL;
CREATE INDEX "flow_run_backfill_progress" ON "flow_run"
  ("backfill_id", "state_type", "next_scheduled_start_time", "slot", "schedule_id", "id")
  WHERE ("backfill_id" IS NOT NULL);
CREATE INDEX "flow_run_backfill_due" ON "flow_run" ("next_scheduled_start_time")
  WHERE "backfill_id" IS NOT NULL AND "state_type" = 'SCHEDULED' AND "next_scheduled_start_time" IS NOT NULL;
CREATE INDEX "flow_run_slot_again" ON "flow_run" ("schedule_id", "slot")
  WHERE "auto_scheduled" = 0 AND "slot" IS NOT NULL;
"""


def up(migrator: Any, database: Any) -> None:
    """Add the table and the indexes; what is there stays as it is. `migrator` is not needed."""
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
