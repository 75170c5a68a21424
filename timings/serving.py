"""Does an opened run answer a search or a recommendation in 50 ms?

python timings/serving.py FOLDER [SEARCHES]   a run with its search, as `assay search` leaves it; 300 searches by default

Prints the median (p50) and the 99th percentile (p99) of warm answers, each for a query and a user that are drawn anew, every
fourth of them unknown; the same of one retrieval by BM25 and of the first answer, which reads what is kept; then the whole
command in a process of its own. Wall time depends on what else runs; processor time (all threads) much less.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.finished import Finished
from assay.search.pool import DEPTH
from assay.search.searcher import Searcher
from assay.serving import stored

TARGET = 0.05  # seconds
COMMAND = "import sys; from assay.app.cli import main; sys.exit(main(sys.argv[1:]))"


def timed(answers: list[Callable[[], object]]) -> tuple[np.ndarray, np.ndarray]:
    """Wall and processor seconds (n,) of each answer."""
    seconds = []
    for answer in answers:
        wall, cpu = time.perf_counter(), time.process_time()
        answer()
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall_cpu = np.array(seconds)
    return wall_cpu[:, 0], wall_cpu[:, 1]


def line(what: str, seconds: tuple[np.ndarray, np.ndarray], yardstick: float | None = None) -> None:
    (p50, p99), cpu = np.quantile(seconds[0], [0.5, 0.99]) * 1e3, np.median(seconds[1]) * 1e3
    times = "" if yardstick is None else f", {p50 / yardstick:.0f} times one retrieval by BM25"
    verdict = "" if yardstick is None else f"; target {TARGET * 1e3:.0f} ms: {'reached' if p99 <= TARGET * 1e3 else 'missed'}"
    print(f"{what:<24} p50 {p50:7.2f} ms, p99 {p99:7.2f} ms, processor {cpu:7.2f} ms{times}{verdict}")


def in_its_own_process(*arguments: str) -> None:
    wall = time.perf_counter()
    subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=True, capture_output=True)
    print(f"assay {arguments[0]}, in a process of its own: {time.perf_counter() - wall:.2f} s")


def main(folder: Path | str, searches: int = 300) -> None:
    rng, run = np.random.default_rng(0), Finished(folder)
    _, opening = timed([lambda: run.at_hand(Searcher)])
    searcher = run.at_hand(Searcher)
    queries = searcher.snapshot.queries.drop_null().to_pylist()
    users = [str(ident) for ident in searcher.snapshot.user_ids.to_pylist()]
    texts = [str(rng.choice(queries)) + (" 7" if k % 4 == 0 else "") for k in range(searches)]
    who = [str(rng.choice(users)) if k % 4 < 3 else "nobody" for k in range(searches)]

    def search(text: str, user: str) -> object:
        return stored.search(run, text, user_id=user)

    calls = [lambda text=text, user=user: search(text, user) for text, user in zip(texts, who, strict=True)]

    words = searcher.retrieval.sources_["words"]
    yardstick = timed([lambda text=text: words.search([text], 3 * DEPTH) for text in texts])
    median = float(np.median(yardstick[0])) * 1e3
    print(
        f"{searcher.on_sale.sum():,} of {len(searcher.on_sale):,} items on sale, {len(users):,} users, {len(queries):,} queries"
    )
    print(f"opening for search: processor {opening[0]:.2f} s")
    search(texts[0], who[0])
    line("one retrieval by BM25", yardstick)
    line("search", timed(calls), median)
    if run.exists("recommendations.parquet"):
        stored.recommendations(run, who[0])
        line("recommend", timed([lambda user=user: stored.recommendations(run, user) for user in who]), median)
        in_its_own_process("user", str(folder), users[0])
    in_its_own_process("search", str(folder), texts[1], "--user", users[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
