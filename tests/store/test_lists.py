"""Lists: which deployments and runs, in what order, and what a row says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.making import cron, make_deployment, make_flow, make_planned_run, make_run

from store import deployments, lists, models, states, statistics, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.errors import Invalid
from store.ids import KnownIds, new_id, uuids
from store.schemas import (
    DeploymentQuery,
    DeploymentRow,
    FlowRunQuery,
    FlowRunRow,
    RecentRun,
    StateCreate,
    StateType,
    WorkPoolCreate,
)

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def names(store: Store, text: str = "", **query: Any) -> list[str]:
    """The names of the deployments of a list, in order."""
    keys = lists.deployment_keys(store, DeploymentQuery(text=text, **query))
    rows = lists.deployment_rows(store, keys)
    return [rows[key][0].name for key in keys]


def run_names(store: Store, **query: Any) -> list[str]:
    keys = lists.flow_run_keys(store, FlowRunQuery(**query))
    rows = lists.flow_run_rows(store, keys)
    return [rows[key].name for key in keys]


def finish(store: Store, clock: FrozenClock, run_id: UUID, kind: StateType, seconds: float) -> None:
    """Let a run begin now and end after so many seconds."""
    states.write(store, run_id, StateCreate(type=StateType.RUNNING))
    clock.advance(seconds)
    states.write(store, run_id, StateCreate(type=kind, message=f"{kind} after {seconds:g} s"))


# --- Text


@pytest.fixture
def assorted(store: Store) -> Store:
    work_pools.create(store, WorkPoolCreate(name="gpu_pool"))
    orders, mail = make_flow(store, "orders"), make_flow(store, "mail")
    make_deployment(store, "nightly", flow_id=orders.id, tags=["prod", "etl"], description="Load ALL orders")
    make_deployment(store, "hourly", flow_id=orders.id, tags=["100%", "a_b"])
    make_deployment(store, "weekly", flow_id=mail.id, tags=["Überfällig", 'say "hi", [you]', "back\\slash"])
    make_deployment(
        store, "monthly", flow_id=mail.id, work_pool_name="gpu_pool", description="Straße in İzmir"
    )
    return store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["monthly", "weekly", "hourly", "nightly"]),
        ("   ", ["monthly", "weekly", "hourly", "nightly"]),
        ("NIGHT", ["nightly"]),
        ("orders", ["hourly", "nightly"]),
        ("orders/night", ["nightly"]),
        ("s/h", ["hourly"]),
        ("ail/", ["monthly", "weekly"]),
        ("all load", ["nightly"]),
        ("load weekly", []),
        ("prod", ["nightly"]),
        ("%", ["hourly"]),
        ("_", ["monthly", "hourly"]),
        ("a_b", ["hourly"]),
        ("a%b", []),
        ("GPU_P", ["monthly"]),
        ("ÜBER", ["weekly"]),
        ("überfällig", ["weekly"]),
        ("STRASSE", []),
        ("straße", ["monthly"]),
        ('"hi",', ["weekly"]),
        ("[you]", ["weekly"]),
        ('","', []),
        ("k\\s", ["weekly"]),
        ("\\", ["weekly"]),
        ("u00", []),
        ("dc", []),
        ("'", []),
        ("zzz", []),
    ],
)
def test_every_word_must_occur_somewhere_without_regard_to_case(
    assorted: Store, text: str, expected: list[str]
) -> None:
    assert names(assorted, text) == expected


def test_long_words_and_many_words_are_searched_for(assorted: Store) -> None:
    make_deployment(
        assorted, "wordy", description=" ".join(f"w{n}" for n in range(1000)) + " " + "x" * 60_000
    )
    assert names(assorted, "X" * 60_000) == ["wordy"]
    assert names(assorted, "X" * 60_001) == []
    assert names(assorted, " ".join(f"w{n}" for n in range(1000))) == ["wordy"]
    assert names(assorted, "w1 " * 5000) == ["wordy"], "a word said twice is one word"
    with pytest.raises(Invalid, match="at most 1,000 words, this one has 1,001"):
        names(assorted, " ".join(f"w{n}" for n in range(1001)))


TEXTS = st.text(st.sampled_from('aAbBsS%_\\"[],/ éÉß'), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_filter_is_the_plain_definition(store: Store, data: st.DataObject) -> None:
    """Each word, case-folded, occurs in flow/name, in one tag, in the pool or in the description."""
    with store.write():
        store.database.execute_sql("DELETE FROM deployment")
    kept = []
    for number in range(data.draw(st.integers(1, 4))):
        # A name may hold anything here: the list must be right for what is stored, whatever let it in.
        name, description = data.draw(TEXTS) + str(number), data.draw(st.none() | TEXTS)
        tags = data.draw(st.lists(TEXTS, max_size=3))
        flow, now = make_flow(store, f"f{number}"), store.clock.now()
        with store.write():
            row = models.Deployment.create(
                name=name, flow=flow.id, tags=tags, description=description, created=now, updated=now
            )
        kept.append((row.id, [f"f{number}/{name}", description or "", *tags]))
    text = data.draw(TEXTS)
    found = set(lists.deployment_keys(store, DeploymentQuery(text=text)))

    def holds(word: str, places: list[str]) -> bool:
        # Words of ASCII are compared by ASCII's idea of case, others by Unicode's.
        fold = str.lower if word.isascii() else str.casefold
        return any(fold(word) in fold(place) for place in places)

    assert found == {key for key, places in kept if all(holds(word, places) for word in text.split())}


# --- Orders


def reference(rows: list[tuple[Any, UUID]], descending: bool) -> list[UUID]:
    """The definition: by value, then by id; what has no value last, both ways."""
    valued = sorted((row for row in rows if row[0] is not None), reverse=descending)
    empty = sorted((row[1] for row in rows if row[0] is None), reverse=descending)
    return [key for _, key in valued] + empty


@pytest.fixture(scope="module")
def many_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deployments with ties, with and without runs, pools and next runs."""
    path, clock = tmp_path_factory.mktemp("many") / "s.db", FrozenClock(MONDAY)
    store = Store.open(path, clock=clock)
    work_pools.ensure_defaults(store)
    work_pools.create(store, WorkPoolCreate(name="other"))
    kinds = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, None, None, StateType.COMPLETED]
    for number in range(12):
        flow = make_flow(store, f"flow-{number % 3}")
        pool = (None, "local", "other")[number % 3]
        deployment = make_deployment(
            store,
            f"d{number}",
            flow_id=flow.id,
            work_pool_name=pool,
            schedules=[cron()] if number % 2 else [],
        )
        kind = kinds[number % 6]
        if kind is not None:
            finish(store, clock, make_run(store, deployment).id, kind, seconds=60 + number % 3)
        if number % 2:
            make_planned_run(store, deployment, minutes=1000 + number % 4)
    store.close()
    return path


@pytest.fixture
def many(many_file: Path, tmp_path: Path) -> Iterator[Store]:
    copied = tmp_path / "many.db"
    shutil.copy2(many_file, copied)
    store = Store.open(copied)
    yield store
    store.close()


DEPLOYMENT_VALUES = {
    "name": lambda row: (row.flow_name, row.name),
    "next_run": lambda row: row.next_run,
    "last_run": lambda row: row.last_start,
    "state": lambda row: {"CRASHED": 0, "FAILED": 1, "COMPLETED": 8, None: None}[row.last_state_type],
    "duration": lambda row: row.last_duration,
    "pool": lambda row: row.work_pool_name,
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("text", ["", "flow-1"])
@pytest.mark.parametrize("without_statistics", [False, True])
@pytest.mark.parametrize("sort", lists.DEPLOYMENT_SORTS)
def test_deployments_have_a_total_order_with_nothing_last(
    many: Store, sort: Any, text: str, descending: bool, without_statistics: bool
) -> None:
    if without_statistics:
        with many.write():
            many.database.execute_sql(
                "DELETE FROM deployment_statistics WHERE deployment_id = (SELECT id FROM deployment LIMIT 1)"
            )
    keys = lists.deployment_keys(many, DeploymentQuery(sort=sort, text=text, descending=descending))
    found = lists.deployment_rows(many, keys)
    assert len(keys) == len(found) == (4 if text else 12)
    if sort in DEPLOYMENT_VALUES:
        values = [(DEPLOYMENT_VALUES[sort](found[key][0]), key) for key in keys]
    else:
        values = [(getattr(deployments.read(many, key), sort), key) for key in keys]
    assert keys == reference(values, descending)


RUN_VALUES = {
    "due": lambda row: row.expected_start_time,
    "start": lambda row: row.start_time,
    "end": lambda row: row.end_time,
    "state": lambda row: row.state_name,
    "duration": lambda row: row.duration,
    "name": lambda row: row.name,
    "deployment": lambda row: (row.flow_name, row.deployment_name),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("upcoming", [None, False, True])
@pytest.mark.parametrize("sort", lists.FLOW_RUN_SORTS)
def test_runs_have_a_total_order_with_nothing_last(
    many: Store, sort: Any, upcoming: bool | None, descending: bool
) -> None:
    keys = lists.flow_run_keys(many, FlowRunQuery(sort=sort, upcoming=upcoming, descending=descending))
    found = lists.flow_run_rows(many, keys)
    assert len(keys) == len(found) == {None: 14, False: 8, True: 6}[upcoming]
    assert keys == reference([(RUN_VALUES[sort](found[key]), key) for key in keys], descending)
    first = lists.flow_run_keys(
        many, FlowRunQuery(sort=sort, upcoming=upcoming, descending=descending, limit=3)
    )
    assert first == keys[:3]


# --- Which runs


def test_runs_by_deployment_state_and_text(store: Store, clock: FrozenClock) -> None:
    one, two = make_deployment(store, "one"), make_deployment(store, "two", tags=["daily_job"])
    finish(store, clock, make_run(store, one, name="brave-ant").id, StateType.FAILED, 1)
    finish(store, clock, make_run(store, two, name="calm-bee", tags=["daily_job"]).id, StateType.COMPLETED, 1)
    make_run(store, two, name="dull-cat")
    query = {"sort": "name", "descending": False}
    assert run_names(store, deployment_id=two.id, **query) == ["calm-bee", "dull-cat"]
    assert run_names(store, state_types=("FAILED", "COMPLETED"), **query) == ["brave-ant", "calm-bee"]
    assert run_names(store, state_types=("FAILED", "SCHEDULED"), upcoming=True, **query) == ["dull-cat"]
    assert run_names(store, state_types=("FAILED",), upcoming=True, **query) == []
    assert run_names(store, text="ETL/t", **query) == ["calm-bee", "dull-cat"]
    assert run_names(store, text="daily_job", **query) == ["calm-bee"]
    assert run_names(store, text="one fail", **query) == ["brave-ant"]
    assert run_names(store, text="%", **query) == []


def test_runs_due_until_an_instant(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store, schedules=[cron()])
    for minutes in (1, 2, 3):
        make_planned_run(store, deployment, minutes=minutes, name=f"in-{minutes}")
    until = clock.now() + timedelta(minutes=2)
    assert run_names(store, due_before=until, sort="name", descending=False) == ["in-1", "in-2"]


# --- Rows


def test_a_row_of_a_deployment_says_it_all(store: Store, clock: FrozenClock) -> None:
    work_pools.ensure_defaults(store)
    deployment = make_deployment(
        store,
        tags=["prod", "é"],
        work_pool_name="local",
        schedules=[cron("0 6 * * *"), cron("0 7 * * *", active=False), cron("0 8 * * *")],
    )
    start = clock.now()
    run = make_run(store, deployment)
    finish(store, clock, run.id, StateType.COMPLETED, 5)
    make_planned_run(store, deployment, minutes=30)
    until = clock.now() + timedelta(hours=1)
    deployments.pause(store, [deployment.id], "ann", "lunch", until)
    make_run(store, deployment, state=StateCreate(type=StateType.SCHEDULED))
    deployments.set_planning_error(store, deployment.id, "bad rule")
    row, rules = lists.deployment_rows(store, [deployment.id, new_id()])[deployment.id]
    assert row == DeploymentRow(
        id=deployment.id,
        flow_name="etl",
        name="nightly",
        paused=True,
        pause_reason="lunch",
        pause_until=until,
        schedule="",
        next_run=clock.now(),
        recent=(RecentRun("COMPLETED", 5.0),),
        last_state_type="COMPLETED",
        last_state_name="Completed",
        last_run_id=run.id,
        last_start=start,
        last_duration=5.0,
        median_duration=5.0,
        running=0,
        late=0,
        tags=("prod", "é"),
        work_pool_name="local",
        status="NOT_READY",
        error="bad rule",
    )
    assert [rule["cron"] for rule in rules] == ["0 6 * * *", "0 8 * * *"], "only what is active"


def test_a_deployment_is_ready_for_a_minute_after_a_poll(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store)

    def status() -> str:
        return lists.deployment_rows(store, [deployment.id])[deployment.id][0].status

    assert status() == "NOT_READY"
    deployments.mark_polled(store, [deployment.id], clock.now())
    assert status() == "READY"
    clock.advance(60)
    assert status() == "READY"
    clock.advance(1)
    assert status() == "NOT_READY"


def test_a_row_of_a_run_says_it_all(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store, schedules=[cron()])
    run = make_planned_run(store, deployment, minutes=0, name="brave-ant", tags=["auto-scheduled"])
    due: datetime = clock.now()
    clock.advance(2)
    finish(store, clock, run.id, StateType.FAILED, 3)
    (row,) = lists.flow_run_rows(store, [run.id, new_id()]).values()
    assert row == FlowRunRow(
        id=run.id,
        name="brave-ant",
        flow_name="etl",
        deployment_id=deployment.id,
        deployment_name="nightly",
        state_type="FAILED",
        state_name="Failed",
        expected_start_time=due,
        start_time=due + timedelta(seconds=2),
        end_time=due + timedelta(seconds=5),
        duration=3.0,
        auto_scheduled=True,
        message="FAILED after 3 s",
        tags=("auto-scheduled",),
    )


def test_rows_of_more_ids_than_sqlite_takes_at_once(store: Store) -> None:
    deployment = make_deployment(store)
    strangers = [new_id() for _ in range(40_000)]
    assert list(lists.deployment_rows(store, [*strangers, deployment.id])) == [deployment.id]
    assert lists.flow_run_rows(store, strangers) == {}


def test_counts(store: Store, clock: FrozenClock) -> None:
    assert lists.counts(store) == (0, 0, 0)
    deployment = make_deployment(store)
    states.write(store, make_run(store, deployment).id, StateCreate(type=StateType.RUNNING))
    states.write(store, make_run(store, deployment).id, StateCreate(type=StateType.PENDING))
    states.write(store, make_run(store, deployment).id, StateCreate(type=StateType.SCHEDULED, name="Late"))
    finish(store, clock, make_run(store, deployment).id, StateType.COMPLETED, 1)
    assert lists.counts(store) == (1, 2, 1)


# --- Ids


def test_ids_made_fast_are_ids_like_any(tmp_path: Path) -> None:
    import copy
    import pickle

    originals = [new_id() for _ in range(100)]
    made = uuids([key.bytes for key in originals])
    assert made == originals
    assert [hash(key) for key in made] == [hash(key) for key in originals]
    assert pickle.loads(pickle.dumps(made)) == originals
    assert copy.deepcopy(made) == originals
    assert str(made[0]) == str(originals[0])
    assert made[0].version == 7


def test_known_ids_are_handed_out_again_and_forgotten_when_too_many() -> None:
    known = KnownIds(most=3)
    keys = [new_id().bytes for _ in range(5)]
    first = known.of(keys)
    assert [key.bytes for key in first] == keys
    second = known.of(keys[:2])
    assert second == first[:2]
    assert second[0] is not first[0], "it started afresh"
    assert known.of(keys[:2])[0] is second[0]
    assert known.of([keys[0], keys[0]]) == [first[0], first[0]]


# --- Plans


@pytest.fixture
def explained(store: Store) -> Iterator[list[str]]:
    """The SQL that is executed, as it is."""
    seen: list[str] = []
    store.database.connection().set_trace_callback(seen.append)
    yield seen
    store.database.connection().set_trace_callback(None)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (DeploymentQuery(), "COVERING INDEX deployment_by_name"),
        (DeploymentQuery(descending=True), "COVERING INDEX deployment_by_name"),
        (DeploymentQuery(text="load"), "COVERING INDEX deployment_search"),
        (DeploymentQuery(sort="next_run"), "COVERING INDEX deployment_statistics_next_run_deployment_id"),
        (DeploymentQuery(sort="updated"), "COVERING INDEX deployment_updated_id"),
        (FlowRunQuery(upcoming=True, limit=9), "COVERING INDEX flow_run_state_type_expected_start_time_id"),
        (FlowRunQuery(upcoming=False, limit=9), "COVERING INDEX flow_run_state_type_expected_start_time_id"),
        (FlowRunQuery(limit=9), "INDEX flow_run_expected_start_time"),
        (FlowRunQuery(sort="start", limit=9), "INDEX flow_run_start_time"),
        (FlowRunQuery(deployment_id=new_id()), "INDEX flow_run_deployment_id_expected_start_time"),
    ],
)
def test_lists_walk_indexes(store: Store, explained: list[str], query: Any, index: str) -> None:
    """The plan is what keeps 100,000 rows fast; a changed query or index must not lose it unseen."""
    if isinstance(query, DeploymentQuery):
        lists.deployment_keys(store, query)
    else:
        lists.flow_run_keys(store, query)
    plan = store.database.execute_sql(f"EXPLAIN QUERY PLAN {explained[-1]}").fetchall()
    assert index in " | ".join(row[3] for row in plan)
    if isinstance(query, DeploymentQuery):
        assert "TEMP B-TREE FOR ORDER BY" not in " | ".join(row[3] for row in plan)


def test_statistics_are_not_forgotten_by_the_list(store: Store) -> None:
    """A deployment without a row of statistics is listed all the same."""
    deployment = make_deployment(store)
    with store.write():
        store.database.execute_sql("DELETE FROM deployment_statistics")
    for sort in lists.DEPLOYMENT_SORTS:
        assert lists.deployment_keys(store, DeploymentQuery(sort=sort)) == [deployment.id]
    assert lists.deployment_rows(store, [deployment.id])[deployment.id][0].recent == ()
    statistics.refresh(store, [deployment.id])
