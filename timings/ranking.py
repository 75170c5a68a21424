"""Ranking measures and the bootstrap beside ranx and pytrec_eval: same lists, same machine, one after the other.

python timings/ranking.py           makes .venv-ranking (ranx, pytrec_eval-terrier) if it is not there, and prints seconds,
                                       ratios and targets; ours on 2 threads as ranx's
python timings/ranking.py --ours    without the peers

2,000 requests x 100 documents x 7 measures. "arrays": each tool's own prepared form (ours: arrays, ranx: Qrels and Run,
pytrec_eval: an evaluator and dictionaries). "tables": from ids and scores, preparation included. First call: a process of
its own that finds no compiled code. Every time is the best of several; "cores" is the time of all cores together, which others
on the machine disturb less.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-ranking"
PACKAGES = ["ranx==0.3.21", "pytrec-eval-terrier==0.5.11"]
REQUESTS, DOCUMENTS = 2_000, 100
MEASURES = ("ndcg@10", "ndcg@100", "recall@10", "recall@100", "mrr@10", "map@100", "precision@10")
STEADY, FIRST, BOOTSTRAP, MILLION, MEMORY_GB = 2.0, 20.0, 2.0, 30.0, 2.0

THEIRS = """
import json, sys, time
import numpy as np
data = np.load(sys.argv[1])
names = json.loads(sys.argv[2])
R, D = data["score"].shape
qrels, run = {}, {}
for r in range(R):
    ids = [f"d{i}" for i in data["item"][r]]
    qrels[f"q{r}"] = {d: int(g) for d, g in zip(ids, data["grade"][r]) if g} or {ids[0]: 0}
    run[f"q{r}"] = dict(zip(ids, data["score"][r].tolist()))
def best(work, times=7):
    spent, cpu = [], []
    for _ in range(times):
        started, before = time.perf_counter(), time.process_time()
        found = work()
        spent.append(time.perf_counter() - started)
        cpu.append(time.process_time() - before)
    return spent[0], (min(spent), min(cpu)), found
out = {}
import pytrec_eval
theirs = {"ndcg": "ndcg_cut", "recall": "recall", "mrr": "recip_rank", "map": "map_cut", "precision": "P"}
wanted = {theirs[n.split("@")[0]] + ("" if n.startswith("mrr") else "." + n.split("@")[1]) for n in names}
evaluator = pytrec_eval.RelevanceEvaluator(qrels, wanted)
first, arrays, found = best(lambda: evaluator.evaluate(run))
tables = best(lambda: pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run))[1]
ndcg = float(np.mean([found[q]["ndcg_cut_10"] for q in qrels]))
out["pytrec_eval"] = {"arrays": arrays, "tables": tables, "ndcg@10": ndcg}
from ranx import Qrels, Run, evaluate
q, r = Qrels(qrels), Folder(run)
first, arrays, found = best(lambda: evaluate(q, r, names))
tables = best(lambda: evaluate(Qrels(qrels), Folder(run), names))[1]
out["ranx"] = {"first": first, "arrays": arrays, "tables": tables, "ndcg@10": float(found["ndcg@10"])}
print("FOUND" + json.dumps(out))
"""

OURS_FIRST = """
import sys, time
import numpy as np
from assay.numerics import ranking
data = np.load(sys.argv[1])
score, grade = data["score"].ravel(), data["grade"].ravel().astype(float)
offsets = np.arange(len(data["score"]) + 1) * data["score"].shape[1]
truth, tie = (data["grade"] > 0).sum(axis=1), ranking.tie_order(f"d{i}" for i in data["item"].ravel())
started = time.perf_counter()
ranking.ranking_measures(offsets, score, grade, truth, tie, (10, 100))
print(time.perf_counter() - started)
"""

OURS_LARGE = """
import resource, time
import numpy as np
from assay.numerics import ranking
R, D = 1_000_000, 100
rng = np.random.default_rng(0)
score, grade = rng.random(R * D, dtype=np.float32), np.zeros(R * D, np.int8)
grade[rng.integers(0, R * D, 5 * R)] = 1
tie = np.tile(np.arange(D, dtype=np.int32), R)
offsets = np.arange(R + 1) * D
truth = np.add.reduceat(grade, offsets[:-1], dtype=np.int64)
few = offsets[:11]
ranking.ranking_measures(few, score[: 10 * D], grade[: 10 * D], truth[:10], tie[: 10 * D], (10, 100))
started = time.perf_counter()
ranking.ranking_measures(offsets, score, grade, truth, tie, (10, 100))
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)
"""


def data() -> dict[str, np.ndarray]:
    """Graded truth, scores that seldom tie."""
    rng = np.random.default_rng(0)
    item = np.argsort(rng.random((REQUESTS, 1_000)), axis=1)[:, :DOCUMENTS]
    grade = np.where(rng.random((REQUESTS, DOCUMENTS)) < 0.05, rng.integers(1, 4, (REQUESTS, DOCUMENTS)), 0)
    return {"item": item, "score": rng.random((REQUESTS, DOCUMENTS)), "grade": grade}


def best(work: Callable[[], Any], times: int = 7) -> tuple[tuple[float, float], Any]:
    """The least of some runs, after one that compiles: seconds, and seconds of all cores together."""
    spent, cpu, value = [], [], work()
    for _ in range(times):
        started, before = time.perf_counter(), time.process_time()
        value = work()
        spent.append(time.perf_counter() - started)
        cpu.append(time.process_time() - before)
    return (min(spent), min(cpu)), value


def alone(code: str, *given: str, cache: str | None = None) -> list[float]:
    """What a process of its own prints."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    done = subprocess.run([sys.executable, "-c", code, *given], check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in done.stdout.split()]


def ours(path: Path) -> dict[str, Any]:
    """Our times on the peers' lists."""
    import pyarrow as pa

    from assay.benchmark.readers import from_tables
    from assay.numerics import ranking

    found = data()
    item = [f"d{i}" for i in found["item"].ravel()]
    request = np.repeat([f"q{r}" for r in range(REQUESTS)], DOCUMENTS)
    run = pa.table({"request_id": request, "item_id": item, "score": found["score"].ravel()})
    truth = pa.table({"request_id": request, "item_id": item, "grade": found["grade"].ravel()}).filter(
        pa.array(found["grade"].ravel() > 0)
    )
    run = run.filter(pa.compute.is_in(run.column("request_id"), truth.column("request_id")))
    offsets, count, tie = np.arange(REQUESTS + 1) * DOCUMENTS, (found["grade"] > 0).sum(axis=1), ranking.tie_order(item)
    score, grade = found["score"].ravel(), found["grade"].ravel().astype(np.float64)
    arrays, values = best(lambda: ranking.ranking_measures(offsets, score, grade, count, tie, (10, 100)))
    tables, _ = best(lambda: from_tables(truth, {"a": run}, MEASURES), 3)
    with tempfile.TemporaryDirectory() as cache:
        first, again = (alone(OURS_FIRST, str(path), cache=cache)[0] for _ in range(2))
    return {"arrays": arrays, "tables": tables, "first": first, "again": again, "ndcg@10": float(values["ndcg@10"].mean())}


def peers(path: Path) -> dict[str, Any]:
    """What the peers take, in their own environment."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [str(python), "-c", THEIRS, str(path), json.dumps(MEASURES)],
            check=True, capture_output=True, text=True, env=os.environ | {"NUMBA_CACHE_DIR": cache},
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("FOUND") + 5 :])
    return found


def bootstrap(users: int = 100_000, resamples: int = 10_000) -> tuple[float, float]:
    """Seconds, and of all cores together, of a bootstrap of one mean, one request per user."""
    from assay.numerics import statistics as st

    mean = st.mean_statistic(np.arange(users), np.random.default_rng(0).random((users, 1)), users)
    st.resample(mean, users, resamples=2, rng=np.random.default_rng(0))
    return best(lambda: st.resample(mean, users, resamples=resamples, rng=np.random.default_rng(1)), 3)[0]


def said(seconds: tuple[float, float]) -> str:
    return f"{1000 * seconds[0]:.1f} ms (cores {1000 * seconds[1]:.1f} ms)"


def against(what: str, ratio: float, target: float) -> str:
    """A line of a ratio that should be at least its target."""
    return f"{what}, {ratio:.1f} times ours (target {target:g}): {'reached' if ratio >= target else 'missed'}"


def within(what: str, found: float, target: float, unit: str) -> str:
    """A line of a cost that should be at most its target."""
    return f"{what}: {found:.2f} {unit} (target {target:g}): {'reached' if found <= target else 'missed'}"


def main(given: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Ranking measures beside ranx and pytrec_eval.")
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    without = parser.parse_args(given).ours
    print(f"{os.cpu_count()} cores; {REQUESTS:,} requests x {DOCUMENTS} documents x {len(MEASURES)} measures")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **data())
        mine = ours(path)
        print(f"assay: arrays {said(mine['arrays'])}, tables {said(mine['tables'])}, ndcg@10 {mine['ndcg@10']:.6f}")
        print(f"assay: first call {mine['first']:.2f} s with nothing compiled, {mine['again']:.2f} s in a new process after that")
        for name, theirs in ({} if without else peers(path)).items():
            for form in ("arrays", "tables"):
                wall, cpu = (theirs[form][i] / mine[form][i] for i in (0, 1))
                print(against(f"{name}: {form} {said(theirs[form])}", wall, STEADY), f"(cores {cpu:.1f} times)")
            for kind, state in (("first", "nothing compiled"), ("again", "compiled before")) if "first" in theirs else ():
                print(against(f"{name}: first call {theirs['first']:.1f} s", theirs["first"] / mine[kind], FIRST), f"({state})")
            print(f"{name}: ndcg@10 {theirs['ndcg@10']:.6f}")
    spent, peak = alone(OURS_LARGE)
    print(within("1,000,000 requests x 100 documents", spent, MILLION, "s"))
    print(within("  process peak", peak, MEMORY_GB, "GB"))
    spent, cpu = bootstrap()
    print(within("bootstrap, 10,000 redraws of 100,000 requests", spent, BOOTSTRAP, "s"), f"(cores {cpu:.2f} s)")


if __name__ == "__main__":
    main()
