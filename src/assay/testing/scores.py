"""Made-up scores of systems on requests, as nDCG@10 of purchase lists looks: many zeros, hard and easy users, families."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Board(NamedTuple):
    """scores (S, N) in [0, 1], families (S,) names, users (N,) codes."""

    scores: NDArray[np.float64]
    families: NDArray[np.str_]
    users: NDArray[np.int64]


def make_scores(
    requests: int = 8000, users: int = 2400, systems: int = 45, families: int = 8, *, seed: int = 0, likeness: float = 0.75
) -> Board:
    """Scores of S systems: what all share (likeness of the variance), a family's own way, a system's own noise.

    A request is hard or easy by its user and by itself; below a threshold a system finds nothing and scores 0. Settings
    of a family differ a little in strength. The same arguments, the same scores.
    """
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(users, size=requests))
    family = np.arange(systems) % families
    shared = np.sqrt(0.4) * rng.normal(size=users)[user] + np.sqrt(0.6) * rng.normal(size=requests)
    own = rng.normal(size=(families, requests))
    noise = rng.normal(size=(systems, requests))
    left = 1.0 - likeness
    latent = np.sqrt(likeness) * shared + np.sqrt(0.75 * left) * own[family] + np.sqrt(0.25 * left) * noise
    strength = rng.normal(0.2, 0.35, families)[family] + rng.normal(0, 0.08, systems)
    scores = 1.0 - np.exp(-0.35 * np.maximum(latent + strength[:, None], 0.0))
    names = np.array([f"family {k + 1}" for k in range(families)])
    return Board(scores, names[family], user)
