"""Whatever a folder has been through, the next run in it leaves the bytes of a fresh one.

Configs A and B are drawn over every key; A is killed at a random write, or not, or one of its stages is all that was wanted;
then B runs in the same folder.
"""

import os
import signal
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from assay import front
from assay.config import Config, parse
from assay.errors import InputError
from tests.conftest import STAGES, write_shop
from tests.programs import started

# What each key may be changed to; every combination must be a config.
CHANGES: dict[str, list[Any]] = {
    "seed": [8],
    "log.hash_ids": [True],
    "log.events": ["other", "two files"],
    "log.items": ["none"],
    "log.users": ["described"],
    "table": ["with requests", "without requests"],
    "clean.most_lost": [0.05],
    "clean.repeat_seconds": [90_000.0],
    "clean.duplicates": [False],
    "clean.min_price": [2.0],
    "clean.max_price": [6.0],
    "clean.max_quantity": [0.5],
    "clean.earliest": ["2024-01-10"],
    "clean.latest": ["2024-04-20"],
    "clean.return_days": [0],
    "clean.robot_z": [2.0],
    "clean.robot_min_per_day": [3],
    "clean.min_user_events": [40],
    "clean.min_item_events": [5],
    "samples.request": ["query", "session"],
    "samples.target": ["view"],
    "samples.positive": ["price > 3"],
    "samples.grades": [{"view": 1, "purchase": 3}, "price - 3"],
    "samples.amount": ["price"],
    "samples.loss": ["squared"],  # the other is of amounts alone
    "samples.also": [["view"]],
    "samples.period_days": [6],
    "samples.warm_up": [2],
    "samples.validation": [2],
    "samples.tuning": [2],
    "samples.test": [2],
    "samples.negatives": [2.0],
    "samples.from_popularity": [0.0],
    "samples.from_history": [0.5],
    "samples.from_category": [0.0],
    "samples.available": [3],
    "samples.negatives_from": ["drawn"],
    "samples.candidates": [30],
    "samples.candidate_sources": [["own", "co_purchase", "session_next"]],
    "samples.candidate_scores": [["ease"], []],
    "samples.candidate_sizes": [{"own": 5, "popular": 5}],
    "samples.candidates_query": [20],
    "samples.search_minutes": [5.0],
    "samples.position_bias": ["harvested"],
    "samples.clip": [2.0],
    "samples.features": ["own"],
    "encode.rare": [50],
    "encode.bins": [3],
    "text.embedder": ["ngrams"],
    "models.names": [["logistic"], ["buy_it_again", "logistic", "lightgbm"]],
    "models.estimators": [{"bayes": "sklearn.naive_bayes.GaussianNB"}],
    "models.l2": [2.0],
    "models.subsample": [500],
    "models.lightgbm_trees": [4],
    "models.neural": [{"dcn": {"epochs": 1}}],
    "models.feature_selection": ["mutual_information"],
    "models.features": [5],
    "value.valuers": [["loss"], ["influence", "margin"]],
    "value.folds": [3],
    "select.valuer": ["loss", "random", "margin"],
    "select.fractions": [[], [0.05]],
    "select.counts": [[20]],
    "select.below": [[-1e-4]],
    "select.harmful": [[1.0]],
    "select.floor": [0.9],
    "select.marks": [False],
    "select.subsample": [0.3],
    "evaluate.resamples": [11],
    "evaluate.k": [[5]],
    "evaluate.threshold": [0.3],
    "evaluate.groups": [["what"]],
    "evaluate.measures": [{"plain": "tests.test_history:plain"}],
    "recommend.per_user": [3],
    "recommend.model": ["logistic"],
    "recommend.exclude_bought": [True],
    "show.language": ["zh"],
    "show.title": ["another"],
    "show.about": ["Two small shops, made by a program. 🏪"],
    "show.deed": [("liked", "like")],
    "show.hash_ids": [True],
    "show.currency": ["€"],
}
# They need a database or a server; tests/test_entries.py and tests/front/test_tracking.py have them.
OF_DATABASES = {"show.log_to", "log.salt_env", "recommend.url", "recommend.password_env", "recommend.table"}


def plain(label: Any, score: Any, weight: Any) -> float:
    """A user's own measure."""
    return float((label * weight).sum() / weight.sum())


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of the config; the log's sources and the table are keys as a whole."""
    for name, field in section.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None or f"{prefix}{name}" in ("log.events", "log.items", "log.users", "table"):
            yield f"{prefix}{name}"
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def test_every_key_is_drawn_over():
    assert set(leaves(Config)) == {*CHANGES, *OF_DATABASES}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small shops with views and queries, items, users, a feature table, and a family of features."""
    folder = tmp_path_factory.mktemp("data")
    for name, seed in (("one", 1), ("two", 2)):
        write_shop(folder / f"{name}.csv", users=12, items=18, weeks=17, seed=seed)
        header, *rows = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        views = [f"{row},purchase," for row in rows] + [f"{row},view,牛奶 {k % 5}" for k, row in enumerate(rows)]
        (folder / f"{name}.csv").write_text("\n".join([f"{header},kind,words", *views]) + "\n", encoding="utf-8")
    items = [f"牛奶-{k} 🥛,milk {k} 牛奶,c{k % 3},b{k % 2}" for k in range(18)]
    (folder / "items.csv").write_text("\n".join(["id,name,category,brand", *items]) + "\n", encoding="utf-8")
    (folder / "users.csv").write_text("\n".join(["id,town", *(f"u{k},t{k % 3}" for k in range(12))]) + "\n", encoding="utf-8")
    rows = [
        f"u{k % 9},i{k % 7},{k // 12},2024-{1 + k // 150:02d}-{1 + k % 28:02d},{k % 11},{(k * 7919) % 5 < 2:d}"
        for k in range(900)
    ]
    (folder / "table.csv").write_text("\n".join(["who,what,request,day,size,label", *rows]) + "\n", encoding="utf-8")
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    pq.write_table(csv.read_csv(folder / "table.csv"), folder / "table.parquet")
    (folder / "own" / "user").mkdir(parents=True)
    late = Path(__file__).parent.parent / "docs/templates/features/user/late.sql"
    (folder / "own" / "user" / "late.sql").write_text(late.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def settled(data: Path, changes: dict[str, Any]) -> Config:
    """The small config under some changes."""
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when", "quantity": "pieces", "price": "paid", "event": "kind"}
    files = {"other": str(data / "two.csv"), "two files": [str(data / "one.csv"), str(data / "two.csv")]}
    events = {"path": files.get(changes.get("log.events", ""), str(data / "one.csv")), "columns": columns | {"query": "words"}}
    items = {"path": str(data / "items.csv"), "columns": {n: n for n in ("name", "category", "brand")} | {"item_id": "id"}}
    users = {"path": str(data / "users.csv"), "columns": {"user_id": "id", "town": "town"}}
    content: dict[str, Any] = {
        "clean": {"most_lost": 1.0},
        "samples": {"warm_up": 3, "validation": 3, "tuning": 3, "test": 3},
        "encode": {"rare": 10, "bins": 4},
        "models": {"lightgbm_trees": 3, "subsample": 1_000, "names": ["popularity", "logistic"]},
        "evaluate": {"resamples": 10},
        "select": {"fractions": [0.02]},
        "value": {"folds": 2},
    }
    if "table" in changes:
        content["table"] = {"path": str(data / "table.parquet"), "label": "label", "timestamp": "day", "user": "who"}
        content["table"] |= {"item": "what", "numeric": ["size"]}
        content["table"] |= {"request": "request"} if changes["table"] == "with requests" else {}
        content["models"]["names"] = ["logistic"]
    else:
        content["log"] = {"events": [events], "hash_ids": changes.get("log.hash_ids", False)}
        content["log"] |= {} if "log.items" in changes else {"items": items}
        content["log"] |= {"users": users} if "log.users" in changes else {}
    if "samples.amount" in changes:
        content["models"]["names"] = ["popularity", "ridge"]
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        if key == "evaluate.groups" and "table" not in changes:
            continue  # columns of a table
        if section not in ("log", "") or key == "seed":
            where = reduce(lambda inside, step: inside.setdefault(step, {}), filter(None, section.split(".")), content)
            where[name] = str(data / "own") if key == "samples.features" else value
    return parse(content)


def execute(data: str, changes: dict[str, Any], folder: str, until: str | None, writes: int | None) -> None:
    """Run in a process of its own; after so many writes it is killed."""
    if writes is not None:
        real, left = os.fsync, [writes]

        def fsync(descriptor: int) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)

        os.fsync = fsync
    try:
        front.execute(settled(Path(data), changes), folder, until=until)
    except InputError:  # a config that this log cannot feed: it leaves what it leaves
        os._exit(2)


def outcome(folder: Path, code: int | None) -> tuple[int | None, dict[str, bytes]]:
    """How a run ended, and every file that is no cost, lock, or cache."""
    if code != 0:
        return code, {}
    left_out = {".lock", "cost.json"}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in left_out]
    return code, {str(p.relative_to(folder)): p.read_bytes() for p in files if p.relative_to(folder).parts[0] != "cache"}


FEW = st.lists(st.sampled_from([(key, value) for key in CHANGES for value in CHANGES[key]]), max_size=3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(
    max_examples=10, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(first=FEW, second=FEW, writes=st.none() | st.integers(0, 150), until=st.sampled_from([None, *STAGES]))
def test_a_run_ends_as_in_a_fresh_folder_whatever_was_there(data, tmp_path_factory, first, second, writes, until):
    folder, fresh = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("fresh")

    def run(changes: list[tuple[str, Any]], where: Path, until: str | None = None, writes: int | None = None) -> int | None:
        process = started(execute, str(data), dict(changes), str(where), until, writes)
        process.join()
        return process.exitcode

    assert run(first, folder, until, writes) in (0, 2, -signal.SIGKILL, 1)
    assert outcome(folder, run(second, folder)) == outcome(fresh, run(second, fresh))
