"""Off-policy values on the Open Bandit sample: does one policy's log tell what the other one earned?

python timings/off_policy.py    makes .venv-open-bandit (obp 0.4.1 without its dependencies, for its CSV files) if it is
                                   not there, and prints one block a campaign and direction

The sample (Saito et al., NeurIPS 2021 datasets) has 10,000 exposures of each of two policies in each of three campaigns of
a fashion shop: "random" shows every item alike, "bts" is Thompson sampling, updated as it goes. Reward: click. Both ran
at the same time, so the target's own log tells the truth, up to the chance of some 40 to 70 clicks. The target's
probability of a logged action: random's is known; that of bts on random's rows is how often bts showed the item at that
place (it knows no user). The reward model is each item's click rate in the other half of the log, drawn towards the mean of all.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from pyarrow import csv

from assay.benchmark.board.off_policy import ESTIMATORS, PolicyValue, policy_value

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".venv-open-bandit"
CAMPAIGNS = ("all", "men", "women")
PRIOR_ROWS = 100.0  # rows of the campaign's mean that each item's click rate starts from


def folder() -> Path:
    """Where the package keeps the CSV files."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "obp==0.4.1"], check=True)
    return next(PLACE.glob("lib/*/site-packages/obp/dataset/obd"))


def read(path: Path) -> dict[str, np.ndarray]:
    table = csv.read_csv(path).select(["item_id", "position", "click", "propensity_score"])
    return {name: table.column(name).to_numpy() for name in table.column_names}


def shown(log: dict[str, np.ndarray], items: int) -> np.ndarray:
    """How often each item (items, places) was shown at each place, as shares of the place."""
    count = np.zeros((items, log["position"].max() + 1))
    np.add.at(count, (log["item_id"], log["position"]), 1)
    return count / np.maximum(count.sum(axis=0), 1)


def click_rates(log: dict[str, np.ndarray], items: int, rows: np.ndarray) -> np.ndarray:
    item, click = log["item_id"][rows], log["click"][rows]
    return (np.bincount(item, click, items) + PRIOR_ROWS * click.mean()) / (np.bincount(item, minlength=items) + PRIOR_ROWS)


def estimates(log: dict[str, np.ndarray], target: np.ndarray) -> dict[str, PolicyValue]:
    """Every estimator; target: probability (items, places) of the other policy."""
    items, half = len(target), np.arange(len(log["click"])) % 2 == 0
    predicted, expected = np.empty(len(half)), np.empty(len(half))
    for rows, others in ((half, ~half), (~half, half)):
        rates = click_rates(log, items, others)
        predicted[rows] = rates[log["item_id"][rows]]
        expected[rows] = (rates @ target)[log["position"][rows]]
    probability = target[log["item_id"], log["position"]]
    given = (log["click"], log["propensity_score"], probability)
    return {
        name: policy_value(*given, estimator=name, model=(predicted, expected) if name == "doubly_robust" else None)
        for name in ESTIMATORS
    }


def said(found: PolicyValue) -> str:
    return f"{1000 * found.value:.2f} ({1000 * found.low:.2f} to {1000 * found.high:.2f})"


def main() -> None:
    """Print the estimates beside the truth, in clicks per 1,000 exposures."""
    place = folder()
    for campaign in CAMPAIGNS:
        logs = {policy: read(place / policy / campaign / f"{campaign}.csv") for policy in ("random", "bts")}
        items = max(int(log["item_id"].max()) for log in logs.values()) + 1
        even = np.full((items, logs["random"]["position"].max() + 1), 1 / items)
        for source, target, probability in (("bts", "random", even), ("random", "bts", shown(logs["bts"], items))):
            click = logs[target]["click"]
            own = policy_value(click, np.ones(len(click)), np.ones(len(click)), estimator="ips")
            print(f"{campaign}: {target} from {source}'s log; its own log {said(own)}")
            for name, found in estimates(logs[source], probability).items():
                print(f"  {name:13s} {said(found)}, {found.effective_rows:,.0f} effective rows")
            print(f"  mean weight {found.mean_weight:.3f}, largest {found.largest_weight:,.0f}; warning: {found.warning}")


if __name__ == "__main__":
    main()
