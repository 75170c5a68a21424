"""How many events a second are acknowledged, each after an fsync?

python timings/events.py [URL] [SECONDS]   sqlite:/// of a new file by default; 5 seconds each

Prints, for single events through several threads that wait for each answer, and for batches of 500 from one thread: events a
second, and what the slowest 1 in 100 answers took. Beside it a plain loop that writes a line to a file and syncs it, for each
event, on the same disk in the same run: what a store without group commit would do at best.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assay.serving.events import EventStore, Rules, Stored, batch

TARGET = 2_000  # events a second
THREADS = (1, 8, 32)
BATCH = 500


def event(number: int) -> dict[str, object]:
    return {"event": "purchase", "user_id": f"u{number % 1_000}", "item_id": number % 5_000, "price": "12.50", "quantity": 1}


def posted(store: EventStore, key: str, events: int) -> None:
    """Validate, store and wait, as a request does."""
    kept = batch(key, [event(number) for number in range(events)], Rules(), datetime.now(UTC))
    assert store.submit(kept).result() is Stored.NEW


def through(threads: int, post: Callable[[str], None], seconds: float) -> np.ndarray:
    """Seconds that each answer took."""
    taken: list[float] = []
    until = time.perf_counter() + seconds

    def work(thread: int) -> None:
        number = 0
        while (begun := time.perf_counter()) < until:
            post(f"{time.time_ns()}-{thread}-{number}")
            taken.append(time.perf_counter() - begun)
            number += 1

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return np.array(taken)


def synced(path: Path, seconds: float) -> float:
    """Lines a second of a plain loop that syncs each."""
    lines, begun = 0, time.perf_counter()
    with path.open("ab", buffering=0) as stream:
        while time.perf_counter() - begun < seconds:
            stream.write(f"{event(lines)}\n".encode())
            os.fsync(stream.fileno())
            lines += 1
    return lines / (time.perf_counter() - begun)


def line(what: str, taken: np.ndarray, events: int, seconds: float, judged: bool) -> None:
    rate = len(taken) * events / seconds
    verdict = f"; target {TARGET:,}: {'reached' if rate >= TARGET else 'missed'}" if judged else ""
    print(f"{what:<40} {rate:>9,.0f} events a second, p99 {1e3 * np.quantile(taken, 0.99):6.1f} ms{verdict}")


def main(url: str | None = None, seconds: float = 5.0) -> None:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = EventStore(url or f"sqlite:///{folder}/events.db")
        for threads in THREADS:
            taken = through(threads, lambda key: posted(store, key, 1), seconds)
            line(f"single events, {threads} threads", taken, 1, seconds, threads == max(THREADS))
        taken = through(1, lambda key: posted(store, key, BATCH), seconds)
        line(f"batches of {BATCH}, 1 thread", taken, BATCH, seconds, True)
        counts = store.counts()
        store.close()
        print(f"{counts.events:,} events in {counts.commits:,} commits")
        print(f"{'a line and an fsync each, in a file':<40} {synced(Path(folder) / 'plain', seconds):>9,.0f} events a second")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, *map(float, sys.argv[2:3]))
