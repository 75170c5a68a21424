"""On a made log that says what was shown, what is served beats the simple rules and session-kNN on later weeks."""

from pathlib import Path

import numpy as np
import pytest

from assay.config import parse
from assay.pages.evaluation import ModelsTested
from tests.conftest import run_in

USERS, ITEMS, GROUPS, WEEKS, SHOWN = 150, 48, 6, 20, 8
RULES = ("popularity", "buy_it_again", "session_knn")
MODELS = [*RULES, "logistic", "lightgbm"]


def write_exposed_shop(folder: Path, first_shown: int) -> None:
    """What each user is shown in a week, and what they take: by their taste for its category, its quality, its place.

    Taste is for two categories of six. A user seldom takes an item again within four weeks. In weeks before first_shown the
    log does not say what was shown.
    """
    rng = np.random.default_rng(5)
    quality = rng.normal(0, 0.7, ITEMS)
    taste = np.full((USERS, GROUPS), -2.5)
    for user in range(USERS):
        taste[user, rng.choice(GROUPS, 2, replace=False)] = 0.8
    last = np.full((USERS, ITEMS), -99)
    lines = ["user_id,item_id,timestamp,event,position"]
    for week in range(WEEKS):
        for user in range(USERS):
            items = rng.choice(ITEMS, SHOWN, replace=False)
            odds = taste[user, items % GROUPS] + quality[items] - 0.1 * np.arange(SHOWN) - 3.0 * (week - last[user, items] <= 4)
            taken = rng.random(SHOWN) < 1 / (1 + np.exp(-odds))
            day = np.datetime64("2024-01-01T08:00:00") + np.timedelta64(week * 7 + int(rng.integers(7)), "D")
            when = day + np.timedelta64(int(rng.integers(36_000)), "s")
            if week == WEEKS - 1 and user == 0:
                when = np.datetime64("2024-01-01T18:30:00") + np.timedelta64(week * 7 + 6, "D")  # the last week is whole
            if week >= first_shown:
                lines += [f"u{user},p{item},{when},exposure,{place + 1}" for place, item in enumerate(items)]
            lines += [f"u{user},p{item},{when},purchase," for item in items[taken]]
            last[user, items[taken]] = week
    (folder / "log.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"p{item},c{item % GROUPS}" for item in range(ITEMS)]
    (folder / "items.csv").write_text("\n".join(["item_id,category", *rows]) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("first_shown", [pytest.param(0, id="every week"), pytest.param(10, id="the later half of the weeks")])
def test_what_is_served_beats_every_simple_rule(first_shown: int, tmp_path: Path) -> None:
    write_exposed_shop(tmp_path, first_shown)
    columns = {name: name for name in ("user_id", "item_id", "timestamp", "event", "position")}
    content = {
        "log": {
            "events": [{"path": str(tmp_path / "log.csv"), "columns": columns}],
            "items": {"path": str(tmp_path / "items.csv"), "columns": {"item_id": "item_id", "category": "category"}},
        },
        "samples": {"warm_up": 4, "validation": 3, "tuning": 3, "test": 3},
        "encode": {"rare": 20, "bins": 8},
        "models": {"names": MODELS, "lightgbm_trees": 60},
        "evaluate": {"resamples": 200},
        "select": {"fractions": [0.01]},
    }
    page = ModelsTested.read(run_in(parse(content), tmp_path / "run", until="evaluate"))
    standing = page.standing
    assert standing is not None
    assert standing.served not in RULES
    for rule in ("popularity", "buy_it_again"):
        change = standing.difference[rule]["ndcg@10"]
        assert change.low is not None
        assert change.low > 0, rule
    best, rival = (page.models[name].test["ndcg@10"] for name in (standing.served, "session_knn"))
    assert best.low is not None
    assert rival.high is not None
    assert best.low > rival.high
