"""Several probes at once with asyncio, against a small server of its own on the loopback interface."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time

log = logging.getLogger("probe_loopback")


async def probe_loopback(probes: int = 5, rounds: int = 3, timeout_seconds: float = 2.0) -> None:
    """Measure how quickly the loopback interface answers.

    Args:
        probes: connections at the same time.
        rounds: how often each asks.
        timeout_seconds: a slower answer fails the run.
    """
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.TaskGroup() as group:
        for number in range(1, probes + 1):
            group.create_task(_probe(number, port, rounds, timeout_seconds))
    log.info("%d probes answered", probes)


async def _probe(number: int, port: int, rounds: int, timeout_seconds: float) -> None:
    async with asyncio.timeout(timeout_seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            writer.write(b"ping\n")
            await reader.readline()
            times.append(time.perf_counter() - started)
            await asyncio.sleep(0.05 * number)
        writer.close()
        await writer.wait_closed()
    log.info("probe %d: median %.2f ms of %d", number, 1000 * statistics.median(times), rounds)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
