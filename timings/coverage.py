"""Do intervals of coverage and of the Gini index hold what as many other users would get? A simulation.

python timings/coverage.py [REPETITIONS]    400 by default, which takes a minute or two; prints a line per size and measure

Users come from one population of tastes (assay.testing.lists), with one to three lists of five items each. "held": the share
of repetitions whose 95 % interval, made as a run makes it, holds the mean of the measure over all repetitions. "width" against
the width that a 95 % interval of the true spread has. "drawn": the same share where users are drawn with replacement and
their lists measured again, which is what is not done.
"""

import sys

import numpy as np

from assay.numerics import beyond as by
from assay.numerics import statistics as st
from assay.testing.lists import make_lists, make_tastes

SIZES = ((400, 40), (400, 300), (5_000, 40), (5_000, 300))  # items, users
MEASURES = {"coverage@5": (by.coverage, by.coverage_parts), "gini@5": (by.gini, by.gini_parts)}
DRAWS, DRAWN_REPETITIONS, DRAWN_DRAWS = 400, 60, 40


def interval(parts: np.ndarray, user: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """As evaluate_rankings has it."""
    users = int(user.max()) + 1
    statistic = st.mean_statistic(user, parts[:, None], users)
    low, high = st.percentile_interval(st.resample(statistic, users, resamples=DRAWS, rng=rng))
    return low[0], high[0]


def drawn_interval(measure, top: np.ndarray, user: np.ndarray, items: int, rng: np.random.Generator) -> tuple[float, float]:
    """By measuring the lists of users drawn with replacement."""
    users = int(user.max()) + 1
    rows = np.split(np.arange(len(user)), np.cumsum(np.bincount(user))[:-1])
    draws = [measure(top[np.concatenate([rows[u] for u in rng.integers(users, size=users)])], items) for _ in range(DRAWN_DRAWS)]
    return tuple(np.quantile(draws, (0.025, 0.975)))


def held(intervals, truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def main(arguments: list[str]) -> None:
    repetitions = int(arguments[0]) if arguments else 400
    for items, users in SIZES:
        rng = np.random.default_rng([items, users])
        tastes = make_tastes(items)
        lists = [make_lists(tastes, users, 5, rng=rng) for _ in range(repetitions)]
        for name, (measure, parts) in MEASURES.items():
            values = np.array([measure(top, items) for top, _ in lists])
            intervals = [interval(parts(top, user, items), user, rng) for top, user in lists]
            drawn = [drawn_interval(measure, top, user, items, rng) for top, user in lists[:DRAWN_REPETITIONS]]
            print(
                f"{items:6,} items {users:4} users {name:10}  mean {values.mean():.4f}  held {held(intervals, values.mean()):.3f}"
                f"  width {np.mean(np.diff(intervals)):.4f} ({3.92 * values.std():.4f})  drawn {held(drawn, values.mean()):.3f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
