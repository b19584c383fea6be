"""The bridge from the backend's threads: coalesced signals, one read at a time, stale replies dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from support.tui import settle, until
from textual.app import App

from tui.live import SHORTEST_PAUSE, ChangeFeed, LatestRead, StoreChanged, run_in_thread


class Listener(App[None]):
    """Counts what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float] = []
        self.signals: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.signals.append(changed)
        return lambda: self.signals.remove(changed)

    def on_store_changed(self, event: StoreChanged) -> None:
        self.told.append(time.monotonic())


async def test_the_first_signal_comes_at_once_and_a_storm_at_most_four_times_a_second() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        feed = ChangeFeed(app, app.subscribe)
        app.signals[0]()
        await until(pilot, lambda: len(app.told) == 1)
        stop = threading.Event()

        def storm() -> None:
            while not stop.wait(0.002):
                app.signals[0]()

        threads = [threading.Thread(target=storm) for _ in range(3)]
        for thread in threads:
            thread.start()
        await until(pilot, lambda: len(app.told) >= 4)
        stop.set()
        for thread in threads:
            thread.join()
        pauses = [later - earlier for earlier, later in zip(app.told, app.told[1:], strict=False)]
        assert min(pauses) > SHORTEST_PAUSE * 0.8
        feed.close()


async def test_the_last_signal_of_a_burst_is_never_missed() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        feed = ChangeFeed(app, app.subscribe)
        app.signals[0]()
        app.signals[0]()
        await until(pilot, lambda: len(app.told) == 2)
        feed.close()


async def test_after_close_nothing_comes() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        feed = ChangeFeed(app, app.subscribe)
        changed = app.signals[0]
        changed()
        changed()
        feed.close()
        changed()
        await settle(pilot)
        assert len(app.told) <= 1
        assert app.signals == []


async def test_of_the_questions_asked_meanwhile_only_the_newest_is_read_and_shown() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        gate = threading.Event()
        asked: list[int] = []
        shown: list[tuple[int, int]] = []

        def read(question: int) -> int:
            asked.append(question)
            gate.wait(10)
            return question * 10

        reader: LatestRead[int, int] = LatestRead(
            app.screen, read, lambda question, reply: shown.append((question, reply)), lambda error: None
        )
        reader.ask(1)
        await until(pilot, lambda: asked == [1])
        assert reader.busy
        for question in (2, 3, 4):
            reader.ask(question)
        gate.set()
        await settle(pilot)
        assert asked == [1, 4]
        assert shown == [(4, 40)]
        assert reader.rest < 10


async def test_a_read_that_raises_is_told_unless_nobody_waits_for_it() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        failures: list[Exception] = []
        shown: list[str] = []

        def read(question: str) -> str:
            if question == "bad":
                raise OSError("no disk")
            return question

        reader: LatestRead[str, str] = LatestRead(
            app.screen, read, lambda question, reply: shown.append(reply), failures.append
        )
        reader.ask("bad")
        await settle(pilot)
        assert [str(error) for error in failures] == ["no disk"]
        reader.ask("bad")
        reader.ask("good")
        await settle(pilot)
        assert shown == ["good"]
        assert len(failures) == 1


async def test_changes_are_all_made_and_told() -> None:
    app = Listener()
    async with app.run_test() as pilot:
        done: list[int] = []
        failed: list[Exception] = []
        for number in range(5):
            run_in_thread(app.screen, lambda number=number: 1 // number, done.append, failed.append)
        await settle(pilot)
        assert sorted(done) == [0, 0, 0, 1]
        assert [type(error) for error in failed] == [ZeroDivisionError]
