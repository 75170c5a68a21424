"""Scoreboards for tests: users with several requests each, systems whose scores go together."""

import numpy as np

from assay.benchmark.board.scoreboard import Scoreboard


def made(users: int = 40, systems: int = 4, seed: int = 0, each: int = 6, gap: float = 0.0, measures=("ndcg@10",)) -> Scoreboard:
    """gap: how much better each system is than the one before it."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), rng.integers(1, each + 1, users))
    R = len(user)
    hard = rng.normal(size=users)[user] + rng.normal(size=R)
    scores = {
        name: hard + 0.5 * rng.normal(size=(systems, users))[:, user] + 0.3 * rng.normal(size=(systems, R))
        for name in measures
    }  # fmt: skip
    for values in scores.values():
        values += gap * np.arange(systems)[:, None]
    return Scoreboard(
        request=np.arange(R) + 100,
        user=user * 7,
        systems=tuple(f"s{i}" for i in range(systems)),
        families=tuple(f"f{i // 2}" for i in range(systems)),
        scores=scores,
        attributes={"device": np.where(np.arange(R) % 3 == 0, "phone", "desk"), "week": np.arange(R) % 2},
    )
