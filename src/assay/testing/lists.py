"""Made-up lists of recommended items, of users who come from one population: for what all lists have together."""

import numpy as np
from numpy.typing import NDArray


def make_tastes(items: int, kinds: int = 30, *, seed: int = 0) -> NDArray[np.float64]:
    """Chances (kinds, items) of an item to be listed for each kind of user; few items are popular."""
    rng = np.random.default_rng(seed)
    tastes = rng.gamma(0.5, size=(kinds, items)) / np.arange(1, items + 1) ** 0.8
    return np.asarray(tastes / tastes.sum(axis=1, keepdims=True))


def make_lists(
    tastes: NDArray[np.float64], users: int, k: int, *, requests: int = 3, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lists (R, k) of item codes and their users (R,), from 0: new users of a random kind, with 1 to `requests` lists each."""
    user = np.repeat(np.arange(users), rng.integers(1, requests + 1, users))
    taste = tastes[rng.integers(len(tastes), size=users)][user]
    keys = np.log(taste) + rng.gumbel(size=taste.shape)  # the k highest are k draws without replacement
    return np.argpartition(-keys, k, axis=1)[:, :k].astype(np.int64), user
