"""The schema of the first release: flows, deployments, schedules, runs, logs, pools, limits, history."""

from __future__ import annotations

from typing import Any

SCHEMA = """
CREATE TABLE "concurrency_limit" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "limit" INTEGER NOT NULL,
  "active" INTEGER NOT NULL,
  "active_slots" INTEGER NOT NULL,
  "denied_slots" INTEGER NOT NULL,
  "slot_decay_per_second" REAL NOT NULL,
  "avg_slot_occupancy_seconds" REAL NOT NULL
);
CREATE UNIQUE INDEX "concurrency_limit_name" ON "concurrency_limit" ("name");
CREATE TABLE "flow" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "tags" TEXT NOT NULL,
  "labels" TEXT NOT NULL
);
CREATE UNIQUE INDEX "flow_name" ON "flow" ("name");
CREATE TABLE "work_pool" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "description" TEXT,
  "type" TEXT NOT NULL,
  "base_job_template" TEXT NOT NULL,
  "is_paused" INTEGER NOT NULL,
  "concurrency_limit" INTEGER,
  "default_queue_id" BLOB
);
CREATE UNIQUE INDEX "work_pool_name" ON "work_pool" ("name");
CREATE TABLE "work_queue" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "work_pool_id" BLOB NOT NULL,
  "description" TEXT,
  "is_paused" INTEGER NOT NULL,
  "concurrency_limit" INTEGER,
  "priority" INTEGER NOT NULL,
  "last_polled" INTEGER,
  FOREIGN KEY ("work_pool_id") REFERENCES "work_pool" ("id") ON DELETE CASCADE
);
CREATE UNIQUE INDEX "work_queue_work_pool_id_name" ON "work_queue" ("work_pool_id", "name");
CREATE TABLE "deployment" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "created_by" TEXT,
  "updated_by" TEXT,
  "name" TEXT NOT NULL,
  "flow_id" BLOB NOT NULL,
  "version" TEXT,
  "version_info" TEXT,
  "description" TEXT,
  "tags" TEXT NOT NULL,
  "labels" TEXT NOT NULL,
  "paused" INTEGER NOT NULL,
  "pause_reason" TEXT,
  "pause_by" TEXT,
  "pause_until" INTEGER,
  "parameters" TEXT NOT NULL,
  "parameter_openapi_schema" TEXT,
  "enforce_parameter_schema" INTEGER NOT NULL,
  "job_variables" TEXT NOT NULL,
  "pull_steps" TEXT,
  "path" TEXT,
  "entrypoint" TEXT,
  "storage_document_id" BLOB,
  "infrastructure_document_id" BLOB,
  "work_queue_id" BLOB,
  "work_queue_name" TEXT,
  "concurrency_limit_id" BLOB,
  "collision_strategy" TEXT,
  "grace_period_seconds" INTEGER,
  "pause_after_failures" INTEGER,
  "retention" TEXT,
  "last_polled" INTEGER,
  "status" TEXT NOT NULL,
  "planning_error" TEXT,
  FOREIGN KEY ("flow_id") REFERENCES "flow" ("id") ON DELETE CASCADE,
  FOREIGN KEY ("work_queue_id") REFERENCES "work_queue" ("id") ON DELETE SET NULL,
  FOREIGN KEY ("concurrency_limit_id") REFERENCES "concurrency_limit" ("id") ON DELETE SET NULL
);
CREATE INDEX "deployment_work_queue_id" ON "deployment" ("work_queue_id");
CREATE INDEX "deployment_concurrency_limit_id" ON "deployment" ("concurrency_limit_id");
CREATE UNIQUE INDEX "deployment_flow_id_name" ON "deployment" ("flow_id", "name");
CREATE INDEX "deployment_name_id" ON "deployment" ("name", "id");
CREATE INDEX "deployment_created_id" ON "deployment" ("created", "id");
CREATE INDEX "deployment_updated_id" ON "deployment" ("updated", "id");
CREATE INDEX "deployment_pause_until" ON "deployment"
  ("pause_until")
  WHERE ("pause_until" IS NOT NULL);
CREATE INDEX "deployment_planning_error" ON "deployment"
  ("planning_error")
  WHERE ("planning_error" IS NOT NULL);
CREATE INDEX "deployment_by_name" ON "deployment" ("flow_id", "name", "id");
CREATE INDEX "deployment_search" ON "deployment"
  ("flow_id", "name", "id", "description", "tags", "work_queue_id");
CREATE TABLE "deployment_schedule" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "deployment_id" BLOB NOT NULL,
  "slug" TEXT,
  "active" INTEGER NOT NULL,
  "rule" TEXT NOT NULL,
  "parameters" TEXT NOT NULL,
  "max_scheduled_runs" INTEGER,
  "max_active_runs" INTEGER,
  "catchup" INTEGER NOT NULL,
  "catchup_window" INTEGER,
  "jitter" INTEGER,
  "anchor" INTEGER NOT NULL,
  "planned_until" INTEGER NOT NULL,
  "plan_again_at" INTEGER NOT NULL,
  "planning_error" TEXT,
  FOREIGN KEY ("deployment_id") REFERENCES "deployment" ("id") ON DELETE CASCADE
);
CREATE INDEX "deployment_schedule_deployment_id" ON "deployment_schedule" ("deployment_id");
CREATE INDEX "deployment_schedule_plan_again_at" ON "deployment_schedule" ("plan_again_at");
CREATE UNIQUE INDEX "deployment_schedule_slug" ON "deployment_schedule"
  ("deployment_id", "slug")
  WHERE ("slug" IS NOT NULL);
CREATE TABLE "deleted_slot" (
  "schedule_id" BLOB NOT NULL,
  "slot" INTEGER NOT NULL,
  PRIMARY KEY ("schedule_id", "slot"),
  FOREIGN KEY ("schedule_id") REFERENCES "deployment_schedule" ("id") ON DELETE CASCADE
);
CREATE TABLE "deployment_statistics" (
  "deployment_id" BLOB NOT NULL PRIMARY KEY,
  "next_run" INTEGER,
  "last_run_id" BLOB,
  "last_state_type" TEXT,
  "last_state_name" TEXT,
  "last_start" INTEGER,
  "last_duration" REAL,
  "median_duration" REAL,
  "running" INTEGER NOT NULL,
  "late" INTEGER NOT NULL,
  "recent" TEXT NOT NULL,
  FOREIGN KEY ("deployment_id") REFERENCES "deployment" ("id") ON DELETE CASCADE
);
CREATE INDEX "deployment_statistics_next_run_deployment_id" ON "deployment_statistics"
  ("next_run", "deployment_id");
CREATE TABLE "flow_run" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "flow_id" BLOB NOT NULL,
  "flow_version" TEXT,
  "deployment_id" BLOB,
  "deployment_name" TEXT,
  "deployment_version" TEXT,
  "work_queue_id" BLOB,
  "work_queue_name" TEXT,
  "schedule_id" BLOB,
  "slot" INTEGER,
  "auto_scheduled" INTEGER NOT NULL,
  "backfill_id" BLOB,
  "attempt" INTEGER NOT NULL,
  "rerun_of" BLOB,
  "state_id" BLOB,
  "state_type" TEXT,
  "state_name" TEXT,
  "state_timestamp" INTEGER,
  "parameters" TEXT NOT NULL,
  "idempotency_key" TEXT,
  "context" TEXT NOT NULL,
  "empirical_policy" TEXT NOT NULL,
  "tags" TEXT NOT NULL,
  "labels" TEXT NOT NULL,
  "parent_task_run_id" BLOB,
  "job_variables" TEXT NOT NULL,
  "run_count" INTEGER NOT NULL,
  "expected_start_time" INTEGER,
  "next_scheduled_start_time" INTEGER,
  "start_time" INTEGER,
  "end_time" INTEGER,
  "total_run_time" INTEGER NOT NULL,
  "infrastructure_pid" TEXT,
  "created_by" TEXT,
  "exit_code" INTEGER,
  "log_cut" INTEGER NOT NULL,
  "claim_token" INTEGER NOT NULL,
  "claimed_by" TEXT,
  "process" TEXT,
  FOREIGN KEY ("flow_id") REFERENCES "flow" ("id") ON DELETE CASCADE,
  FOREIGN KEY ("work_queue_id") REFERENCES "work_queue" ("id") ON DELETE SET NULL
);
CREATE INDEX "flow_run_flow_id" ON "flow_run" ("flow_id");
CREATE INDEX "flow_run_work_queue_id" ON "flow_run" ("work_queue_id");
CREATE INDEX "flow_run_deployment_id_state_type_next_scheduled_start_time" ON "flow_run"
  ("deployment_id", "state_type", "next_scheduled_start_time");
CREATE INDEX "flow_run_deployment_id_expected_start_time" ON "flow_run"
  ("deployment_id", "expected_start_time");
CREATE INDEX "flow_run_state_type_next_scheduled_start_time" ON "flow_run"
  ("state_type", "next_scheduled_start_time");
CREATE INDEX "flow_run_state_type_expected_start_time_id" ON "flow_run"
  ("state_type", "expected_start_time", "id");
CREATE INDEX "flow_run_expected_start_time" ON "flow_run" ("expected_start_time");
CREATE INDEX "flow_run_start_time" ON "flow_run" ("start_time");
CREATE INDEX "flow_run_end_time" ON "flow_run" ("end_time");
CREATE UNIQUE INDEX "flow_run_idempotency" ON "flow_run"
  ("flow_id", "idempotency_key")
  WHERE ("idempotency_key" IS NOT NULL);
CREATE UNIQUE INDEX "flow_run_slot" ON "flow_run"
  ("schedule_id", "slot")
  WHERE (("auto_scheduled" = 1) AND ("slot" IS NOT NULL));
CREATE UNIQUE INDEX "flow_run_backfill_slot" ON "flow_run"
  ("backfill_id", "schedule_id", "slot", "attempt")
  WHERE ("backfill_id" IS NOT NULL);
CREATE INDEX "flow_run_late" ON "flow_run" ("deployment_id") WHERE "state_name" = 'Late';
CREATE INDEX "flow_run_waiting" ON "flow_run"
  ("deployment_id", "schedule_id", "next_scheduled_start_time", "id", "state_name")
  WHERE "state_name" = 'AwaitingConcurrencySlot';
CREATE INDEX "flow_run_activity" ON "flow_run"
  ("deployment_id", COALESCE("start_time", "state_timestamp"))
  WHERE "start_time" IS NOT NULL OR "state_type" IN ('PENDING', 'FAILED', 'CRASHED', 'COMPLETED');
CREATE TABLE "flow_run_state" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "flow_run_id" BLOB NOT NULL,
  "type" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "timestamp" INTEGER NOT NULL,
  "message" TEXT,
  "state_details" TEXT NOT NULL,
  "data" TEXT,
  FOREIGN KEY ("flow_run_id") REFERENCES "flow_run" ("id") ON DELETE CASCADE
);
CREATE INDEX "flow_run_state_flow_run_id_timestamp" ON "flow_run_state" ("flow_run_id", "timestamp");
CREATE TABLE "history" (
  "id" INTEGER NOT NULL PRIMARY KEY,
  "group_id" BLOB NOT NULL,
  "at" INTEGER NOT NULL,
  "who" TEXT NOT NULL,
  "action" TEXT NOT NULL,
  "deployment_id" BLOB NOT NULL,
  "deployment_name" TEXT NOT NULL,
  "before" TEXT,
  "after" TEXT,
  "reverts" INTEGER
);
CREATE INDEX "history_deployment_id_id" ON "history" ("deployment_id", "id");
CREATE INDEX "history_group_id" ON "history" ("group_id");
CREATE INDEX "history_at" ON "history" ("at");
CREATE TABLE "log" (
  "id" INTEGER NOT NULL PRIMARY KEY,
  "flow_run_id" BLOB,
  "task_run_id" BLOB,
  "name" TEXT NOT NULL,
  "level" INTEGER NOT NULL,
  "timestamp" INTEGER NOT NULL,
  "message" TEXT NOT NULL
);
CREATE INDEX "log_flow_run_id_id" ON "log" ("flow_run_id", "id");
CREATE TABLE "setting" (
  "name" TEXT NOT NULL PRIMARY KEY,
  "value" TEXT
);
CREATE TABLE "variable" (
  "id" BLOB NOT NULL PRIMARY KEY,
  "created" INTEGER NOT NULL,
  "updated" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "value" TEXT,
  "tags" TEXT NOT NULL
);
CREATE UNIQUE INDEX "variable_name" ON "variable" ("name");
"""


def up(migrator: Any, database: Any) -> None:
    """Make every table and index. `migrator` is not needed: nothing exists yet."""
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
