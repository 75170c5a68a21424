"""Candidates from sessions alike: what the most similar recent sessions hold."""

import numpy as np

from assay.logs.history import Codes, Triples
from assay.numerics.lists import SparseScores, nearest_rows, scaled, sum_rows
from assay.samples.candidates.alike import normed
from assay.samples.candidates.moment import Moment

_SESSIONS = 20_000  # recent ones that are looked at
_SESSION_DAYS = 182  # how old they may be
_NEIGHBOURS = 500
_HALF_LIFE_SESSIONS = 56  # days, of the likeness of past sessions
_HALF_LIFE_OWN = 14  # days, of what the user took last
_OWN_DAYS = 84


class SessionNext:
    """Session-kNN in the manner of STAN (Garg, Gupta, Malhotra, Vig and Shroff, SIGIR 2019): sessions and items fade.

    A session is what a user took in a period. The likeness of a user and a past session of another is the cosine of what the user
    took in the last _OWN_DAYS, halved in _HALF_LIFE_OWN, and the session's items, halved by the session's age in
    _HALF_LIFE_SESSIONS. A score sums likeness over the _NEIGHBOURS nearest sessions that hold the item. Of past sessions the
    latest count, _SESSIONS at most; of the oldest period among them the largest, ties to the lower user code.
    """

    name = "session_next"
    repeats = False

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        size = len(moment.history.category)
        user, period, held = _sessions(moment)
        age = (moment.period - period) * moment.period_days
        crowd = scaled(normed(held), 0.5 ** (age / _HALF_LIFE_SESSIONS))
        rows = normed(moment.taken(users, _HALF_LIFE_OWN, _OWN_DAYS))
        owners = moment.owners(users)
        own = np.searchsorted(user, owners), np.searchsorted(user, owners, side="right")
        near, likeness = nearest_rows(rows, crowd, own[0], size, _NEIGHBOURS, until=own[1])
        return sum_rows(near, likeness, held, size)


def _sessions(moment: Moment) -> tuple[Codes, Codes, SparseScores]:
    """user, period (s,) of the latest sessions, by user and period, and 1 for each item that they hold."""
    bought = moment.history.bought
    days = int(np.ceil(_SESSION_DAYS / moment.period_days))
    past: Triples = bought.take(bought.between(moment.period - days, moment.period))
    begins = np.flatnonzero((np.diff(past.period, prepend=-1) != 0) | (np.diff(past.user, prepend=-1) != 0))
    counts = np.diff(np.append(begins, len(past)))
    user, period = past.user[begins], past.period[begins]
    chosen = np.lexsort((user, -counts, -period))[:_SESSIONS]
    chosen = chosen[np.lexsort((period[chosen], user[chosen]))]
    starts = np.concatenate(([0], np.cumsum(counts[chosen])))
    rows = np.arange(starts[-1]) + np.repeat(begins[chosen] - starts[:-1], counts[chosen])
    return user[chosen], period[chosen], (starts, past.item[rows], np.ones(len(rows), np.float32))
