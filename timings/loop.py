"""How much traffic does an off-policy interval need? Its coverage in a made shop, by lists and by the share that chance changes.

python timings/loop.py [REPETITIONS]   1,000 by default, some minutes

Users like one of three groups of twelve items, more or less eagerly; a place is looked at by 1 / position. Six items are
shown, in an order that knows nothing. From each log the value of the order by what pleases is told by SNIPS, clustered by user,
and its 95 % interval is held against the truth. Users are drawn anew for each log.
"""

import sys

import numpy as np

from assay.benchmark.board.off_policy import PolicyValue, policy_value
from assay.serving.events import Exploration

ITEMS, GROUPS, SHOWN, LISTS = 12, 3, 6, 20
TRAFFIC = ((50, 0.05), (100, 0.05), (200, 0.05), (400, 0.05), (1_000, 0.05), (200, 0.2))  # users of LISTS lists each, chance
ITEM = np.arange(ITEMS)
GROUP = np.arange(GROUPS)[:, None]
PLEASES = 0.07 + 0.45 * (GROUP == ITEM % GROUPS) - 0.02 * ITEM / ITEMS
LOOKED_AT = 1 / np.arange(1, SHOWN + 1)
BEST = np.argsort(-PLEASES, axis=1, kind="stable")
TRUTH = float((np.take_along_axis(PLEASES, BEST, 1)[:, :SHOWN] * LOOKED_AT).mean())


def value(users: int, chance: float, seed: int) -> PolicyValue:
    """What the log of some users says of the order by what pleases."""
    rng, exploration = np.random.default_rng(seed), Exploration(chance, seed)
    user = np.repeat(np.arange(users), LISTS)
    group, eager = rng.integers(GROUPS, size=users)[user], rng.uniform(0.7, 1.3, users)[user]
    item = exploration.ranks([f"{seed}-{number}" for number in range(len(user))], ITEMS, SHOWN)
    propensity = exploration.propensities(ITEMS, SHOWN)[item, np.arange(SHOWN)]
    clicked = rng.random(item.shape) < PLEASES[group[:, None], item] * LOOKED_AT * eager[:, None]
    target = item == BEST[group, :SHOWN]
    columns = (clicked.ravel().astype(float), propensity.ravel(), target.ravel().astype(float))
    return policy_value(*columns, user=np.repeat(user, SHOWN))


def main(repetitions: int = 1_000) -> None:
    print("lists  chance  effective rows  interval +-  held the truth")
    for users, chance in TRAFFIC:
        values = [value(users, chance, seed) for seed in range(repetitions)]
        held = np.mean([one.low <= TRUTH <= one.high for one in values])
        reach = np.mean([(one.high - one.low) / 2 for one in values]) / TRUTH
        effective = np.mean([one.effective_rows for one in values])
        print(f"{users * LISTS:>5,} {chance:>7.0%} {effective:>15,.0f} {reach:>12.0%} {held:>15.1%}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
