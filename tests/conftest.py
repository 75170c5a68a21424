"""A small shop whose purchases follow taste, written as a CSV log."""

from pathlib import Path

import numpy as np
import pytest

from assay.config import Config, parse


def write_shop(path: Path, users: int = 80, items: int = 60, weeks: int = 30, seed: int = 0) -> None:
    """Each user buys mostly one of six categories, again and again."""
    rng = np.random.default_rng(seed)
    lines = ["who,what,when,pieces,paid"]
    for week in range(weeks):
        for user in range(users):
            for _ in range(rng.poisson(4)):
                group = user % 6 if rng.random() < 0.7 else int(rng.integers(6))
                item = group + 6 * int(min(rng.geometric(0.3) - 1, items // 6 - 1))
                day = np.datetime64("2024-01-01T08:00:00") + np.timedelta64(week * 7 + int(rng.integers(7)), "D")
                when = day + np.timedelta64(int(rng.integers(36_000)), "s")
                lines.append(f"u{user},牛奶-{item} 🥛,{when},1,{1 + item % 7}.50")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def shop_config(log: Path, **sections: dict) -> Config:
    """A config for write_shop's log, small enough for tests."""
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when", "quantity": "pieces", "price": "paid"}
    content = {
        "log": {"events": [{"path": str(log), "event": "purchase", "columns": columns}]},
        "samples": {"warm_up": 4, "validation": 4, "tuning": 4, "test": 4},
        "encode": {"rare": 20, "bins": 4},
        "models": {"lightgbm_trees": 10, "subsample": 3000, "names": ["popularity", "buy_it_again", "logistic", "lightgbm"]},
        "evaluate": {"resamples": 50},
        "select": {"fractions": [0.01, 0.02]},
    }
    return parse(content | sections)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log's file."""
    path = tmp_path_factory.mktemp("shop") / "log.csv"
    write_shop(path)
    return path
