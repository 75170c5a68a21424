"""Logs of other shapes, from the first stage to the last: databases, a feature table, a log that grows."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.app import report
from assay.config import Config, parse
from assay.errors import AssayError
from assay.evaluation.rankings import evaluate_rankings
from assay.finished import Finished
from assay.models import named
from assay.numerics.ranking import tie_order
from assay.samples import stored
from tests.conftest import STAGES, Made, run_in, shop_config, write_shop

SMALL = {
    "samples": {"warm_up": 3, "validation": 3, "tuning": 3, "test": 3},
    "encode": {"rare": 10, "bins": 4},
    "models": {"names": ["popularity", "logistic"]},
    "evaluate": {"resamples": 20},
    "select": {"fractions": [0.02]},
    "value": {"folds": 4},
}


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]


@pytest.mark.slow
def test_from_a_database_and_back_into_it(database: str, execute: Callable, tmp_path: Path) -> None:
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    rows = rows_of(tmp_path / "log.csv")
    kind = "DATETIME" if database.startswith("mysql") else "TIMESTAMP"
    utf8 = " CHARACTER SET utf8mb4" if database.startswith("mysql") else ""
    execute(f"CREATE TABLE log (who VARCHAR(20), what VARCHAR(60){utf8}, moment {kind}, pieces INT, paid NUMERIC(9, 2))")
    execute("INSERT INTO log VALUES (:who, :what, :when, :pieces, :paid)", *rows)
    columns = {"user_id": "who", "item_id": "what", "timestamp": "moment", "quantity": "pieces", "price": "paid"}
    source = {"url": database, "query": "SELECT * FROM log WHERE pieces > 0", "event": "purchase", "columns": columns}
    content = SMALL | {"log": {"events": [source]}, "recommend": {"url": database, "table": "best", "per_user": 3}}
    run = run_in(parse(content), tmp_path / "run")
    assert run.read_json("summary.json")["log"]["events"] + run.read_json("summary.json")["log"]["rejected"] == len(rows)
    lists = run.read_table("recommendations.parquet")
    back = execute("SELECT user_id, item_id FROM best ORDER BY user_id, item_id")
    assert back == sorted(zip(lists["user_id"].to_pylist(), lists["item_id"].to_pylist(), strict=True))
    values = execute("SELECT COUNT(*), AVG(value) FROM best_values")[0]
    stored = run.read_table("importance/influence.parquet")
    assert values[0] == stored.num_rows
    assert values[1] == pytest.approx(np.mean(stored["value"].to_numpy()), rel=1e-6)


def test_a_table_that_is_not_ours_is_never_written_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE best (note TEXT)")
        connection.execute("INSERT INTO best VALUES ('mine')")
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    recommend = {"url": f"sqlite:///{tmp_path / 'shop.db'}", "table": "best"}
    with pytest.raises(AssayError, match="best"):
        run_in(shop_config(tmp_path / "log.csv", **SMALL, recommend=recommend), tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        assert connection.execute("SELECT note FROM best").fetchall() == [("mine",)]


@pytest.mark.parametrize(
    ("url", "table", "message"),
    [
        ("postgresql://postgres@127.0.0.1/no_such_db", "recs", "no_such_db"),
        ("sqlite:///{folder}/shop.db", "recs-2024", "letters, digits and underscores"),
        ("sqlite:///{folder}/missing/shop.db", "recs", "there is no folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_noticed_before_any_work(tmp_path: Path, url: str, table: str, message: str) -> None:
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    recommend = {"url": url.format(folder=tmp_path), "table": table}
    config = shop_config(tmp_path / "log.csv", **SMALL, recommend=recommend)
    with pytest.raises(AssayError, match=message):
        run_in(config, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert run_in(config, tmp_path / "run", until="clean").ran == ["collect", "clean"]  # which write no list


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"recommend": {"model": "lightgmb"}}, r"\[recommend\] model: the run trains no 'lightgmb'"),
        ({"models": {"names": ["logistik"]}}, r"unknown model 'logistik'; did you mean 'logistic'"),
        ({"models": {"names": ["logistic"], "estimators": {"own": "sklearn.nothing:X"}}}, "cannot be imported"),
        ({"models": {"names": ["popularity"]}}, r"values samples for 'logistic' or 'ridge'; add it"),
        ({"value": {"valuers": ["influenze"]}}, "unknown valuer 'influenze'; did you mean 'influence'"),
        ({"select": {"valuer": "influenze"}}, "unknown valuer 'influenze'"),
        ({"evaluate": {"measures": {"own": "nothing.at:all"}}}, "cannot be imported"),
    ],
)
def test_a_name_that_is_none_is_noticed_before_any_work(tmp_path: Path, sections: dict, message: str) -> None:
    write_shop(tmp_path / "log.csv", users=5, items=5, weeks=14)
    with pytest.raises(AssayError, match=message):
        run_in(shop_config(tmp_path / "log.csv", **(SMALL | sections)), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "sections",
    [
        {"models": {"estimators": {"../../evil": "sklearn.naive_bayes:GaussianNB"}}},
        {"models": {"estimators": {".progress": "sklearn.naive_bayes:GaussianNB"}}},
        {"seed": -1},
        {"log": {"events": []}},
        {"recommend": {"url": "sqlite:///shop.db"}},
        {"recommend": {"table": "best"}},
    ],
)
def test_what_no_run_could_do_is_no_config(tmp_path: Path, sections: dict) -> None:
    content = shop_config(tmp_path / "log.csv").model_dump(exclude_none=True, exclude_defaults=True)
    with pytest.raises(AssayError):
        parse(content | sections)


def features(path: Path, rows: int = 6_000) -> None:
    """A team's own samples: key, label, time, user, request and columns of every kind, numbers missing here and there."""
    rng = np.random.default_rng(4)
    user = rng.integers(0, 200, rows)
    day = np.sort(rng.integers(0, 18 * 7, rows))
    price = np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2.0, 5.0, rows))
    shade = rng.integers(0, 4, rows)
    odds = 0.4 * (shade == 1) - 0.06 * np.nan_to_num(price, nan=10.0) + 0.5 * (user % 3 == 0)
    table = {
        "row": [f"r-{k}" for k in range(rows)],
        "clicked": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64),
        "day": np.datetime64("2024-01-01T00:00:00", "us") + day.astype("timedelta64[D]"),
        "client": [f"客户 {u}" for u in user],
        "page": [f"{u}/{d // 7}" for u, d in zip(user, day, strict=True)],
        "price": price,
        "shade": [("red", "синий", "🟢", None)[k] for k in shade],
    }
    pq.write_table(pa.table(table), path)


def table_config(path: Path) -> Config:
    names = {"label": "clicked", "key": "row", "timestamp": "day", "user": "client", "request": "page"}
    models = {"names": ["logistic", "tree"], "estimators": {"boosted": "sklearn.ensemble:GradientBoostingClassifier"}}
    return parse(SMALL | {"models": models, "table": {"path": str(path), **names}})


@pytest.mark.slow
def test_a_feature_table_enters_at_the_samples(tmp_path: Path) -> None:
    features(tmp_path / "own.parquet")
    run = run_in(table_config(tmp_path / "own.parquet"), tmp_path / "run")
    summary = run.read_json("summary.json")
    assert summary["log"] is None
    assert sum(summary["samples"].values()) == 6_000
    assert set(summary["models"]) == {"logistic", "tree", "boosted"}
    assert summary["models"]["logistic"]["test"]["auc"]["value"] > 0.55
    weights = run.read_table("selection/weights.parquet")
    assert weights["key"].to_pylist()[:2] == ["r-0", "r-1"]
    again = run_in(table_config(tmp_path / "own.parquet"), tmp_path / "run")
    assert again.reused == list(STAGES[2:])


def test_requests_that_lie_in_several_splits_are_ranked_in_each(tmp_path: Path) -> None:
    features(tmp_path / "own.parquet", 3_000)
    content = table_config(tmp_path / "own.parquet").model_dump(exclude_none=True, exclude_defaults=True)
    content["table"]["request"] = content["table"]["user"]
    content["models"] = {"names": ["logistic"]}
    run = run_in(parse(content), tmp_path / "run", until="evaluate")
    requests = run.read_table("samples/requests.parquet")
    assert requests.group_by(["request_id", "split"]).aggregate([]).num_rows == requests.num_rows
    samples = run.read_table("samples/samples.parquet", ["split", "label"])
    for split in ("tuning", "test"):
        taken = sum(
            n for n, s in zip(requests["truth_count"].to_pylist(), requests["split"].to_pylist(), strict=True) if s == split
        )
        rows = zip(samples["label"].to_pylist(), samples["split"].to_pylist(), strict=True)
        assert taken == sum(label for label, s in rows if s == split)
    assert run.read_json("evaluation/models.json")["models"]["logistic"]["test"]["ndcg@10"]["value"] > 0


def test_a_table_that_no_longer_names_requests_ranks_nothing(tmp_path: Path) -> None:
    features(tmp_path / "own.parquet")
    config = table_config(tmp_path / "own.parquet")
    assert config.table is not None
    plain = config.model_copy(update={"table": config.table.model_copy(update={"request": None})})
    plain = plain.model_copy(update={"models": plain.models.model_copy(update={"names": ["logistic"], "estimators": {}})})
    assert run_in(config, tmp_path / "run", until="evaluate").exists("samples/candidates.parquet")
    run = run_in(plain, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run" / "samples").iterdir()} == {"samples.parquet", "encoder.json", "account.json"}
    measures = run.read_json("summary.json")["models"]["logistic"]["test"]
    assert "auc" in measures
    assert not any("@" in name for name in measures)
    assert "why_not" in run.read_json("trust/board.json")


@pytest.mark.slow
def test_an_estimator_that_is_not_stored_is_fitted_again_when_a_run_goes_on(tmp_path: Path) -> None:
    features(tmp_path / "own.parquet")
    config = table_config(tmp_path / "own.parquet")
    run_in(config, tmp_path / "a")
    run_in(config, tmp_path / "b", until="select")
    run_in(config, tmp_path / "b")
    one, two = (Finished(tmp_path / name).read_json("evaluation/models.json") for name in "ab")
    assert one == two


def kinds(path: Path, weeks: int = 18) -> None:
    """JSON Lines of a site: what was shown, seen, put in carts, bought, brought back, rated and searched for."""
    rng = np.random.default_rng(8)
    lines = []

    def add(user: int, action: str, minute: int, item: int | None = None, **more: object) -> None:
        when = np.datetime64("2024-01-01T00:00:00") + np.timedelta64(minute, "m")
        sku = {} if item is None else {"sku": f"{item:04d}"}
        lines.append({"uid": f"клиент {user}", "act": action, "ts": f"{when}+02:00", "sid": minute // 60, **sku, **more})

    for week in range(weeks):
        for user in range(30):
            start = int(week * 10_080 + rng.integers(9_000))
            add(user, "search", start, q="чай 🍵")
            for place, item in enumerate(rng.permutation(20)[:8].tolist(), 1):
                add(user, "impression", start + 1, item, place=place, chance=0.4)
                if rng.random() < 0.2 + 0.4 * (item % 5 == user % 5):
                    add(user, "click", start + 2 + place, item)
                    if rng.random() < 0.6:
                        add(user, "basket", start + 20 + place, item)
                        add(user, "order", start + 40 + place, item, price=2.5 + item, n=1)
                        if rng.random() < 0.3:
                            add(user, "stars", start + 60 + place, item, stars=int(rng.integers(1, 6)))
                        if rng.random() < 0.1:
                            add(user, "send back", start + 80 + place, item, n=1)
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")


@pytest.mark.slow
def test_a_log_of_many_kinds_of_events(tmp_path: Path) -> None:
    kinds(tmp_path / "site.jsonl")
    items = pa.table({"sku": [f"{k:04d}" for k in range(20)], "class": ["чай" if k % 2 else "茶" for k in range(20)]})
    pq.write_table(items, tmp_path / "items.parquet")
    columns = {"user_id": "uid", "item_id": "sku", "event": "act", "timestamp": "ts", "session_id": "sid", "query": "q"}
    columns |= {"price": "price", "quantity": "n", "rating": "stars", "position": "place", "propensity": "chance"}
    names = {"impression": "exposure", "click": "view", "basket": "cart", "order": "purchase", "stars": "review"}
    source = {"path": str(tmp_path / "site.jsonl"), "columns": columns, "kinds": names | {"send back": "return"}}
    described = {"path": str(tmp_path / "items.parquet"), "columns": {"item_id": "sku", "category": "class"}}
    content = SMALL | {"log": {"events": [source], "items": described}}
    content["models"] = {"names": ["popularity", "buy_it_again", "logistic", "lightgbm"], "lightgbm_trees": 5}
    run = run_in(parse(content), tmp_path / "run")
    account = run.read_json("samples/account.json")
    assert account["negatives"]["exposure"] == sum(account["negatives"].values()) > 0
    told = {"user_views_4", "user_carts_4", "user_searches_4", "user_return_share", "user_rating_deviation", "item_rating"}
    assert told | {"pair_views_4", "pair_carts_4", "item_views_4"} <= set(account["features"])
    steps = {step["step"]: step["rejected"] for step in run.read_json("clean/account.json")["steps"]}
    assert steps["returns"] > 0
    assert run.read_json("summary.json")["models"]["logistic"]["test"]["auc"]["value"] > 0.55
    assert report.write(run).exists()


@pytest.mark.slow
def test_a_log_that_grew_by_a_day_ends_as_if_read_at_once(tmp_path: Path) -> None:
    write_shop(tmp_path / "whole.csv", users=30, items=30, weeks=18)
    header, *lines = (tmp_path / "whole.csv").read_text(encoding="utf-8").splitlines()
    lines.sort(key=lambda line: line.split(",")[2])
    last = lines[-1].split(",")[2][:10]
    days = tmp_path / "days"
    days.mkdir()

    def put(name: str, chosen: list[str]) -> None:
        (days / name).write_text("\n".join([header, *chosen]) + "\n", encoding="utf-8")

    put("a.csv", [line for line in lines if line.split(",")[2] < last])
    config = shop_config(days / "*.csv", **SMALL)
    run_in(config, tmp_path / "grown", until="train")
    put("b.csv", [line for line in lines if line.split(",")[2] >= last])
    grown = run_in(config, tmp_path / "grown", until="train")
    at_once = run_in(config, tmp_path / "at_once", until="train")
    assert grown.reused == []
    for name in ("clean/events.parquet", "samples/samples.parquet", "models/logistic/arrays.npz"):
        assert grown.path(name).read_bytes() == at_once.path(name).read_bytes()
    assert grown.read_json("log/collect.json") == at_once.read_json("log/collect.json")
    assert [source["change"] for source in grown.costs()["sources"]] == ["unchanged", "new"]


def best_on_tuning(run: Made) -> str:
    """Name of the model with the highest mean over the tuning set of the mean ndcg@10 of their requests."""
    train, candidates = stored.load(run, "train"), stored.load(run, "tuning", "candidates")
    requests = run.read_table("samples/requests.parquet")
    truth = dict(zip(requests["request_id"].to_pylist(), requests["truth_count"].to_pylist(), strict=True))
    period = dict(zip(candidates.request.tolist(), candidates.period.tolist(), strict=True))
    means = {}
    for name in ("popularity", "logistic", "boosted"):
        model = named.make(name, run.config.models).fit(train, rng=np.random.default_rng([run.config.seed, 0]))
        table, _ = evaluate_rankings(
            candidates.request, candidates.user, candidates.item, model.predict(candidates), candidates.label,
            [truth[request] for request in candidates.request.tolist()],
            tie_order(run.log.items["item_id"].to_pylist()), resamples=2,
        )  # fmt: skip
        by_period: dict[int, list[float]] = {}
        for request, value in zip(table["request"].to_pylist(), table["ndcg@10"].to_pylist(), strict=True):
            by_period.setdefault(period[request], []).append(value)
        means[name] = np.mean([np.mean(values) for values in by_period.values()])
    return max(means, key=lambda name: means[name])


@pytest.mark.slow
def test_the_served_model_is_the_best_of_all_whatever_is_shown(shop: Path, tmp_path: Path) -> None:
    models = {"names": ["popularity", "logistic"], "estimators": {"boosted": "sklearn.ensemble:GradientBoostingClassifier"}}
    models |= {"l2": 1e9, "subsample": 4_000}  # so that the logistic regression is no rival
    served, chosen, best = [], [], []
    for k, folder in (([5], tmp_path / "five"), ([10], tmp_path / "ten")):
        run = run_in(shop_config(shop, models=models, evaluate={"resamples": 20, "k": k}), folder)
        served.append(run.read_json("recommendations.json")["model"])
        page = run.read_json("selection/curve.json")
        chosen.append(page["chosen"])
        best.append(best_on_tuning(run))
        assert all("ndcg@10" in line["difference"] for line in page["arms"][1:])
        test = run.read_json("evaluation/models.json")["models"]["boosted"]["test"]
        assert {name for name in test if name.startswith(("ndcg", "mrr"))} == {
            "ndcg@10",
            *(f"{m}@{k[0]}" for m in ("ndcg", "mrr")),
        }
    assert served == best
    assert served[0] == served[1]
    assert chosen[0] == chosen[1]


@pytest.mark.slow
def test_values_by_chance_and_no_fractions_are_a_config_like_others(shop: Path, tmp_path: Path) -> None:
    select = {"valuer": "random", "fractions": [], "counts": [50]}
    run = run_in(shop_config(shop, **SMALL | {"select": select}), tmp_path, until="evaluate")
    arms = run.read_json("selection/curve.json")["arms"]
    assert [(arm["arm"], arm["family"], arm["valuer"]) for arm in arms[1:3]] == [
        ("without the lowest 50 by random", "removal", "random"),
        ("without 50 random samples", "random", None),
    ]
