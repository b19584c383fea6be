"""A long job that tells how far it is: counting primes in slices, a prime sieve at a time."""

from __future__ import annotations

import logging
import time
from math import isqrt

from workspace import folder

log = logging.getLogger("count_primes")


def count_primes(slices: int = 20, slice_size: int = 50_000, pause_seconds: float = 1.0) -> None:
    """Count the primes below slices x slice_size, and say so after each slice.

    Args:
        slices: how many steps.
        slice_size: numbers per step.
        pause_seconds: rest after each step, so that the machine stays free for others.
    """
    started = time.monotonic()
    small = _sieve(isqrt(slices * slice_size) + 1)
    total = 0
    for number in range(slices):
        total += _count_in_slice(number * slice_size, slice_size, small)
        done = 100 * (number + 1) // slices
        print(f"{done:3} %  {total:,} primes below {(number + 1) * slice_size:,}", flush=True)
        time.sleep(pause_seconds)
    (folder("primes") / "result.txt").write_text(f"{total} primes below {slices * slice_size}\n")
    log.info("%d primes in %.1f s", total, time.monotonic() - started)


def _sieve(limit: int) -> list[int]:
    """The primes up to `limit`, inclusive."""
    is_prime = bytearray([1]) * (limit + 1)
    is_prime[:2] = b"\0\0"
    for number in range(2, isqrt(limit) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return [number for number, prime in enumerate(is_prime) if prime]


def _count_in_slice(first: int, size: int, small: list[int]) -> int:
    is_prime = bytearray([1]) * size
    for prime in small:
        start = max(prime * prime, (first + prime - 1) // prime * prime) - first
        is_prime[start::prime] = bytes(len(range(start, size, prime)))
    if first == 0:
        is_prime[:2] = b"\0\0"
    return sum(is_prime)
