"""A shop that logs what it showed: the served model beats the simple rules on later weeks, wherever exposures are known."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from assay.config import Config, parse
from assay.pages.evaluation import Summary
from tests.conftest import run_in

USERS, ITEMS, GROUPS, WEEKS, SHOWN = 160, 90, 6, 26, 12
RIVALS = ("popularity", "buy_it_again", "session_knn")


def write_log(path: Path, listed_from: int, seed: int = 0) -> None:
    """Each user sees twelve items in a visit, one a week, and takes some: more of two groups that it likes, and what is cheap.

    What is shown is drawn by fame, which has nothing to do with taste; places near the top are seen more. Weeks before
    `listed_from` have purchases only.
    """
    rng = np.random.default_rng(seed)
    liked = np.stack([rng.permutation(GROUPS)[:2] for _ in range(USERS)])
    price = np.round(rng.lognormal(1.0, 0.6, ITEMS), 2)
    fame = 1.0 / (1.0 + np.arange(ITEMS)[rng.permutation(ITEMS)])
    fame /= fame.sum()
    monday = dt.datetime(2024, 1, 1, 9)
    items = [f"{item},group {item % GROUPS}" for item in range(ITEMS)]
    path.with_name("items.csv").write_text("\n".join(["what,group", *items]) + "\n", encoding="utf-8")
    lines = ["who,what,when,kind,paid"]
    for week in range(WEEKS):
        for user in range(USERS):
            begins = monday + dt.timedelta(days=7 * week + int(rng.integers(7)), seconds=int(rng.integers(30_000)))
            shown = rng.choice(ITEMS, SHOWN, replace=False, p=0.5 * fame + 0.5 / ITEMS)
            margin = 2.2 * np.isin(shown % GROUPS, liked[user]) - 0.9 * np.log(price[shown]) - 0.12 * np.arange(SHOWN) - 1.2
            taken = rng.random(SHOWN) < 1 / (1 + np.exp(-margin))
            for place, item in enumerate(shown.tolist()):
                row = f"u{user},{item},{{}},{{}},{price[item]}"
                if week >= listed_from:
                    lines.append(row.format((begins + dt.timedelta(seconds=place)).isoformat(), "exposure"))
                if taken[place]:
                    lines.append(row.format((begins + dt.timedelta(seconds=100 + place)).isoformat(), "purchase"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def config(log: Path) -> Config:
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when", "event": "kind", "price": "paid"}
    described = {"item_id": "what", "category": "group"}
    return parse(
        {
            "log": {
                "events": [{"path": str(log), "columns": columns}],
                "items": {"path": str(log.with_name("items.csv")), "columns": described},
            },
            "samples": {"warm_up": 4, "validation": 4, "tuning": 4, "test": 4},
            "encode": {"rare": 20, "bins": 8},
            "models": {"names": [*RIVALS, "logistic", "lightgbm", "lambdarank"], "l2": 3.0},
            "evaluate": {"resamples": 200},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("listed_from", [0, 14], ids=["of all weeks", "of some weeks"])
def test_what_is_served_beats_the_simple_rules(listed_from: int, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    write_log(log, listed_from)
    run = run_in(config(log), tmp_path / "run", until="summary")
    summary = Summary.read(run)
    served = summary.standing
    assert served.served not in RIVALS
    for rule in ("chance", "popularity", "buy_it_again"):
        assert served.difference[rule]["ndcg@10"].low > 0.02
    ndcg = {name: tested.test["ndcg@10"] for name, tested in summary.models.items()}
    assert ndcg[served.served].low > ndcg["session_knn"].high
