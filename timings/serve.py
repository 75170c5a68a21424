"""Does `assay serve` answer 100 requests a second in time?

python timings/serve.py [FOLDER] [SECONDS] [LONG]   a run with its search; default: runs/demo, 30 seconds a line, 600 for both

Starts the server on the run, with events in a temporary folder, and drives it from this process over loopback. Prints the time
to the first answer; p50 and p99 at 100 requests a second of recommendations, of searches, and of both in turn for ten minutes,
beside those of /healthz, which answers two letters; the same with one list in twenty changed by chance; the memory; events
acknowledged a second, singly and in batches. What is asked is drawn from the run's users and queries; one user in four is
unknown.

The load is open: a request is sent when its time comes, whether or not those before were answered, and its time counts from when
it was due. Locust's users wait for their answers, so that a slow server is asked less; and it brings 17 packages. So this is done
with asyncio.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from assay.finished import Finished
from assay.search.searcher import Searcher

RATE = 100  # requests a second
TARGETS = {"healthz": None, "recommend": 50.0, "search": 100.0}  # ms, 99th percentile
FIRST, MEMORY, EVENTS = 5.0, 1_500, 2_000  # seconds, MB, events a second
BATCH = 100  # events
_KEPT = 2.0  # seconds without a request, after which a new connection is made: servers close what is idle
WAITING = 32  # clients that each wait for the answer to a single event


class Client:
    """A connection that is kept, for one request at a time."""

    def __init__(self, port: int) -> None:
        self._port, self._used = port, -_KEPT

    async def ask(self, path: str, body: bytes | None = None, key: str = "") -> int:
        """Status of the answer, which is read whole."""
        if time.perf_counter() - self._used > _KEPT:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        read, write = self._streams
        self._used = time.perf_counter()
        head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\nIdempotency-Key: {key}\r\n"
        write.write(f"{head}\r\n".encode() + (body or b""))
        said = (await read.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await read.readexactly(int(said.partition("content-length: ")[2].partition("\r\n")[0]))
        if "connection: close" in said:
            self._used = -_KEPT
        return int(said[9:12])


async def open_load(port: int, paths: Sequence[str], rate: float) -> tuple[np.ndarray, int]:
    """Seconds from when each path was due until its answer was read; and how many were no answers."""
    free: list[Client] = []
    taken, wrong = np.full(len(paths), np.nan), 0

    async def one(number: int, due: float) -> None:
        nonlocal wrong
        client = free.pop() if free else Client(port)
        try:
            status = await client.ask(paths[number])
            wrong += status != 200
            free.append(client)
        except (OSError, asyncio.IncompleteReadError):
            wrong += 1
        taken[number] = time.perf_counter() - due

    began, tasks = time.perf_counter() + 0.1, []
    for number in range(len(paths)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    return taken, wrong


async def closed_load(port: int, clients: int, size: int, seconds: float) -> tuple[float, int]:
    """Events acknowledged a second, by clients that wait for each answer; and how many batches were not."""
    events, wrong, until = 0, 0, time.perf_counter() + seconds

    async def work(name: int) -> None:
        nonlocal events, wrong
        client, number = Client(port), 0
        while time.perf_counter() < until:
            one = {"event": "purchase", "user_id": f"u{name}", "item_id": number % 5_000, "price": "12.50", "quantity": 1}
            status = await client.ask("/api/events", json.dumps([one] * size).encode(), f"{time.time_ns()}.{name}.{number}")
            number += 1
            events, wrong = events + size * (status == 200), wrong + (status != 200)

    await asyncio.gather(*(work(name) for name in range(clients)))
    return events / seconds, wrong


class Served:
    """`assay serve` on a run, as a program of its own. first: seconds from its start to its first list."""

    def __init__(self, folder: Path, user: str, *options: str) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "assay.app.cli", "serve", str(folder), "--port", "0", *options]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.program.stdout is not None
        self.port = int(self.program.stdout.readline().split("/  ")[0].rpartition(":")[2])
        assert asyncio.run(Client(self.port).ask(f"/api/recommend?user={quote(user)}")) == 200
        self.first = time.perf_counter() - began

    @property
    def memory(self) -> tuple[float, float]:
        """MB that it holds now, and at most held."""
        status = Path(f"/proc/{self.program.pid}/status").read_text(encoding="utf-8")
        return tuple(int(status.partition(f"{name}:")[2].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore

    def settle(self, paths: Sequence[str]) -> None:
        """Ask until it has read what the questions need, and stands still."""
        for path in paths:
            asyncio.run(Client(self.port).ask(path))
        before = -1.0
        while (spent := self.processor) - before > 0.02:
            before = spent
            time.sleep(1.5)

    @property
    def processor(self) -> float:
        """Seconds that it computed so far, all threads."""
        fields = Path(f"/proc/{self.program.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.program.kill()
        self.program.wait()


def verdict(value: float, most: float | None, unit: str) -> str:
    return "" if most is None else f"; target {most:,.0f} {unit}: {'reached' if value <= most else 'missed'}"


def line(what: str, served: Served, paths: Sequence[str], target: float | None) -> None:
    computed = served.processor
    taken, wrong = asyncio.run(open_load(served.port, paths, RATE))
    p50, p99, most = np.nanquantile(taken, [0.5, 0.99, 1.0]) * 1e3
    each = (served.processor - computed) / len(paths) * 1e3
    print(
        f"{what:<28} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, most {most:7.1f} ms, processor {each:5.1f} ms, {wrong} errors"
        f"{verdict(p99, target, 'ms')}",
        flush=True,
    )


def in_turn(served: Served, paths: Sequence[Sequence[str]], seconds: float) -> None:
    """Kinds of requests in turn for a long time, repeated from the first one on where there are no more."""
    mixed = [paths[k % len(paths)][k // len(paths) % len(paths[0])] for k in range(int(seconds * RATE))]
    line("both in turn", served, mixed, TARGETS["search"])


def main(folder: Path = Path("runs/demo"), seconds: float = 30.0, long: float = 600.0) -> None:
    rng, run = np.random.default_rng(0), Finished(folder)
    snapshot = run.at_hand(Searcher).snapshot
    queries, users = snapshot.queries.drop_null().to_pylist(), [str(ident) for ident in snapshot.user_ids.to_pylist()]
    number = int(seconds * RATE)
    who = [quote(str(rng.choice(users))) if k % 4 else "nobody" for k in range(number)]
    asked = [quote(str(rng.choice(queries))) for _ in range(number)]
    paths = {
        "healthz": ["/healthz"] * number,
        "recommend": [f"/api/recommend?user={user}" for user in who],
        "search": [f"/api/search?q={query}&user={user}" for query, user in zip(asked, who, strict=True)],
    }
    few = [path for kind in paths.values() for path in kind[:20]]
    print(f"{len(users):,} users, {len(queries):,} queries, {RATE} requests a second; load average {os.getloadavg()[0]:.1f}")
    with Served(folder, users[0]) as plain:
        print(f"from start to first answer   {plain.first:.1f} s{verdict(plain.first, FIRST, 's')}", flush=True)
        plain.settle(few)
        for kind, target in TARGETS.items():
            line(kind, plain, paths[kind], target)
        in_turn(plain, [paths["recommend"], paths["search"]], long)
        memory(plain)
    with (
        tempfile.TemporaryDirectory(dir=".") as kept,
        Served(folder, users[0], "--events", f"{kept}/events.db", "--explore", "0.05") as keeping,
    ):
        keeping.settle(few)
        for kind in ("recommend", "search"):
            line(f"{kind}, kept, explored", keeping, paths[kind], TARGETS[kind])
        of_events("single events, 32 clients", lambda: closed_load(keeping.port, WAITING, 1, seconds))
        of_events(f"batches of {BATCH}, 4 clients", lambda: closed_load(keeping.port, 4, BATCH, seconds))
        memory(keeping)
    print(f"load average {os.getloadavg()[0]:.1f}")


def memory(served: Served) -> None:
    now, most = served.memory
    print(f"memory                       {now:,.0f} MB, at most {most:,.0f} MB{verdict(most, MEMORY, 'MB')}")


def of_events(what: str, load: Callable[[], object]) -> None:
    rate, wrong = asyncio.run(load())
    print(
        f"{what:<28} {rate:,.0f} a second, {wrong} errors; target {EVENTS:,}: {'reached' if rate >= EVENTS else 'missed'}",
        flush=True,
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]), *map(float, sys.argv[2:4]))
