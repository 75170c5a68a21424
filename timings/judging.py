"""How many judgements tell which of two systems is better, by what is asked next?

python timings/judging.py [LOGS]   10 made-up sets of requests for each setting by default, each with another seed

Each set is made (assay.testing.judging): 40 requests of unequal weight, 30 items each with true grades 0 to 3, two systems that
see them through noise. Of the pairs that the first ten places of some list hold, one after another is judged by its true grade,
until the confidence in the sign of the difference of ndcg@10 is .95, or all are judged. What all of them say is the right
verdict.

Orders: "matters most" as assay.benchmark.judged asks a single judge; "of a window" as it asks several, one by chance of the
eight that matter most; "top first" by the better of the two places; "any that differs" and "any" at random, of the pairs whose
places differ and of all.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.benchmark.judged.pool import Pool
from assay.numerics.agreement import agreement
from assay.numerics.verdict import Open
from assay.testing.judging import HIGHEST, ToJudge, make_to_judge

MEASURE = "ndcg@10"
CONFIDENCE = 0.95
BUDGETS = (25, 50, 100)
SETTINGS = {
    "far apart": {"gap": 0.8},
    "apart": {"gap": 0.4},
    "close": {"gap": 0.15},
    "equal but for chance": {"gap": 0.0},
}
Order = Callable[[Open, NDArray[np.bool_]], int]


class Judged(NamedTuple):
    """needed: judgements until the confidence; pairs: of all; right: whether the verdict then is that of all pairs; at: whether
    it is after each of BUDGETS."""

    needed: int
    pairs: int
    right: bool
    at: tuple[bool, ...]


def orders(pool: Pool, seed: int) -> dict[str, Order]:
    """Each order: from what is open and which pairs are left (n,) to the pair that is judged next."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(pool.item))
    best = np.where(np.stack(pool.places) < 0, 99, np.stack(pool.places)).min(axis=0)
    differs = pool.places[0] != pool.places[1]

    def window(now: Open, _left: NDArray[np.bool_]) -> int:
        among = np.argsort(-now.sd, kind="stable")[:8]
        return int(rng.choice(among[now.sd[among] > 0]))

    def by(*keys: NDArray[np.generic]) -> Order:
        place = np.argsort(np.lexsort(keys))
        return lambda _now, left: int(np.argmin(np.where(left, place, len(place))))

    return {
        "matters most": lambda now, _left: int(np.argmax(now.sd)),
        "of a window": window,
        "top first": by(shuffled, best, ~differs),
        "any that differs": by(shuffled, ~differs),
        "any": by(shuffled),
    }


def judged_in(pool: Pool, made: ToJudge, order: Order) -> Judged:
    """Judge pairs in an order until the confidence is reached, and on until the last budget is spent."""
    pairs = list(pool.at)
    final = pool.open({pair: made.grades[pair] for pair in pairs}).mean
    said: dict[tuple[str, str], int] = {}
    left = np.ones(len(pairs), np.bool_)
    needed, right, at = 0, False, []
    while True:
        now = pool.open(said)
        is_right = np.sign(now.mean) == np.sign(final)
        if len(said) in BUDGETS:
            at.append(bool(is_right))
        if not needed and (now.confidence >= CONFIDENCE or now.deviation == 0):
            needed, right = len(said), bool(is_right)
        if needed and (len(said) >= BUDGETS[-1] or now.deviation == 0):
            return Judged(needed, len(pairs), right, tuple(at + [bool(is_right)] * (len(BUDGETS) - len(at))))
        n = order(now, left)
        left[n] = False
        said[pairs[n]] = made.grades[pairs[n]]


def main(arguments: list[str], requests: int = 40, items: int = 30) -> None:
    sets = int(arguments[0]) if arguments else 10
    budgets = "".join(f"{f'right at {count}':>13}" for count in BUDGETS)
    print(f"{sets} sets a setting; needed: judgements until {MEASURE} tells which is better with a confidence of {CONFIDENCE}")
    print(f"{'':22}{'':18}{'needed':>8}{'middle half':>13}{'of pairs':>10}{'right':>7}{budgets}")
    orders_compared(sets, requests, items)
    intervals(10 * sets)


def orders_compared(sets: int, requests: int, items: int) -> None:
    for setting, options in SETTINGS.items():
        results: dict[str, list[Judged]] = {}
        for seed in range(sets):
            made = make_to_judge(requests, items, seed=seed, **options)
            pool = Pool.of(made.benchmark, made.predictions, measure=MEASURE, highest=HIGHEST)
            for name, order in orders(pool, seed).items():
                results.setdefault(name, []).append(judged_in(pool, made, order))
        for n, (name, several) in enumerate(results.items()):
            needed = np.array([one.needed for one in several])
            low, high = np.quantile(needed, (0.25, 0.75))
            at = "".join(f"{value:13.3f}" for value in np.mean([one.at for one in several], axis=0))
            print(
                f"{'' if n else setting:22}{name:18}{np.median(needed):8.0f}{f'{low:.0f} to {high:.0f}':>13}"
                f"{np.mean([one.pairs for one in several]):10.0f}{np.mean([one.right for one in several]):7.3f}{at}",
                flush=True,
            )


def intervals(draws: int) -> None:
    """How often the interval of alpha holds the alpha of endless pairs: two judges, who each miss half of the grades by one or
    none."""

    def drawn(rng: np.random.Generator, pairs: int) -> tuple[NDArray[np.int64], ...]:
        grade = rng.integers(0, 4, pairs)
        missed = rng.integers(-1, 2, (2, pairs)) * (rng.random((2, pairs)) < 0.5)
        return np.repeat(np.arange(pairs), 2), np.tile([0, 1], pairs), np.clip(grade + missed, 0, 3).T.ravel()

    rng = np.random.default_rng(0)
    true = agreement(*drawn(rng, 200_000), resamples=2).alpha
    print(f"\nordinal alpha of endless pairs: {true:.3f}; {draws} draws for each number of pairs")
    for pairs in (10, 20, 60, 200):
        several = [agreement(*drawn(rng, pairs), seed=seed, resamples=400) for seed in range(draws)]
        held = np.mean([one.low <= true <= one.high for one in several])
        print(
            f"{pairs:6} pairs: held by {held:.3f} of the intervals, as wide as {np.median([o.high - o.low for o in several]):.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
