"""A few requests in place of all: designs that draw them with known chances, and anchors that do not.

A compact set is drawn from N requests that S source systems were scored on. Their scores tell how hard each request is;
strata of alike requests are drawn from separately, and `estimation.estimate` corrects a new system's mean by what the
source systems say of the requests that were not drawn. Cochran, "Sampling Techniques" (1977), ch. 5; Särndal, Swensson and
Wretman, "Model Assisted Survey Sampling" (1992).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assay.benchmark.compact import difficulty
from assay.benchmark.compact.difficulty import Floats, Ints
from assay.errors import InputError, did_you_mean
from assay.numerics import survey
from assay.numerics.hashing import Hashes, hash_ids, mix
from assay.shown import html_table

DESIGNS = ("simple", "stratified", "neyman")
ANCHORS = ("greedy", "kmeans")
LEAST = 10  # requests: a regression on fewer cannot tell its own error
_EACH = 10  # requests per stratum, so that each tells its own variance
_STRATA = 10
_STEADY = 1e-6  # of the variance of difficulty: source systems that explain each other wholly leave the new system in doubt


@dataclass(frozen=True)
class Design:
    """How N requests are drawn from: features, stratum (N,), population and size (H,).

    residuals (S, N): what other families leave unexplained of each source system. precision (p,) of the prior coefficients.
    """

    features: difficulty.Features
    stratum: Ints
    population: Ints
    size: Ints
    residuals: Floats
    precision: Floats

    @property
    def places(self) -> Ints:
        """(n,) the stratum of each place of a draw."""
        return np.repeat(np.arange(len(self.size)), self.size)

    def errors(self) -> Floats:
        """Standard errors (S,) to expect of the source systems, were each one's family new: from residuals in each stratum."""
        n, N = self.size.sum(), self.population.sum()
        sums = np.stack([np.bincount(self.stratum, row) for row in self.residuals])
        squares = np.stack([np.bincount(self.stratum, row**2) for row in self.residuals])
        variance = (squares - sums**2 / self.population) / (self.population - 1)
        share = (self.population / N) ** 2 * (1 / self.size - 1 / self.population)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0) @ share * (1 + len(self.precision) / n)))


@dataclass(frozen=True)
class CompactSet:
    """Requests drawn with known chances, and what an estimate needs of those that were not.

    rows (n,): the requests' places among all N, stratum by stratum. stratum (n,), population (H,): requests in each
    stratum; inclusion (n,): each one's chance of being drawn; weight (n,): sums to 1. features (n, p), their mean (p,)
    over all N, prior and precision (p,) of a system's coefficients on them. source_mean (S,): the source systems' means over
    all N; unexplained (S,): the share of a source system's variance that other families leave unexplained. user_covariance
    (p, p), clustering: how the features' means and the residuals' vary over users.
    """

    design: str
    seed: int
    rows: Ints
    stratum: Ints
    population: Ints
    features: Floats
    mean: Floats
    prior: Floats
    precision: Floats
    source_mean: Floats
    unexplained: Floats
    user_covariance: Floats
    clustering: float

    def _repr_html_(self) -> str:
        drawn = f"{len(self):,} of {int(self.population.sum()):,} requests"
        return html_table([("drawn", drawn), ("strata", len(self.population)), ("design", self.design)])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def inclusion(self) -> Floats:
        """(n,) chance of each request of being drawn."""
        drawn = np.bincount(self.stratum, minlength=len(self.population))
        return np.asarray((drawn / self.population)[self.stratum], np.float64)

    @property
    def weight(self) -> Floats:
        """(n,) design weights: 1 over the chance, over N; they sum to 1."""
        return np.asarray(1.0 / self.inclusion / self.population.sum(), np.float64)


@dataclass(frozen=True)
class Anchors:
    """Requests that were chosen, not drawn: good for day-to-day development, without a valid interval.

    rows (n,), weight (n,) sums to 1. What is chosen to suit the source systems can fail a system unlike them, and nothing in
    the scores on it tells: `estimation.estimate` refuses it.
    """

    method: str
    rows: Ints
    weight: Floats

    def value(self, y: ArrayLike) -> float:
        """The weighted mean of a system's scores y (n,) on the rows: a guess at its mean on all requests."""
        return float(self.weight @ measured(y, len(self.rows)))


def compact(
    scores: ArrayLike,
    *,
    budget: int | None = None,
    tolerance: float | None = None,
    design: str = "neyman",
    families: ArrayLike | None = None,
    users: ArrayLike | None = None,
    ids: Any = None,
    seed: int = 0,
) -> CompactSet:
    """A few requests, drawn so that they tell what a new system would score on all of them.

    Parameters
    ----------
    scores : array, shape (S, N)
        One measure of S systems on N requests, higher or lower is better alike.
    budget : int, optional
        How many requests, from 10 to N; either this or tolerance.
    tolerance : float, optional
        The standard error, in the measure's unit, to expect for a system of a new family.
    design : str
        "simple" (random), "stratified" (by difficulty, the source systems' mean score; proportional allocation) or "neyman"
        (allocation by what the source systems leave unexplained in each stratum, at least 2).
    families : array of str, shape (S,), optional
        Systems of one family are variants of each other. By default each is one of its own.
    users : array, shape (N,), optional
        Who asked, any codes. By default every request is someone else's.
    ids : array, shape (N,), optional
        Distinct request ids, by default the row numbers: the draw is the requests with the smallest hashes of id and seed in
        their stratum.
    seed : int
        Decides the draw.

    Returns
    -------
    CompactSet
        rows (n,): places of the drawn requests; weight, inclusion, and what `estimate` needs.

    Raises
    ------
    InputError
        A budget below 10 or above N, a NaN score, fewer than 2 systems, scores all equal.
    ValueError
        Arguments that contradict each other.

    References
    ----------
    Särndal, Swensson and Wretman, "Model assisted survey sampling", Springer 1992.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.scores import make_scores
    >>> board = make_scores(requests=400, users=120, systems=8, families=4)
    >>> drawn = assay.compact(board.scores[1:], budget=50, families=board.families[1:], users=board.users)
    >>> len(drawn.rows)
    50
    """
    matrix = difficulty.checked(scores)
    family = difficulty.grouped(families, len(matrix))
    if (budget is None) == (tolerance is None):
        raise ValueError("give a budget or a tolerance, one of them")
    checked_design(design)
    N = matrix.shape[1]
    features, left = difficulty.features(matrix, family), difficulty.residuals(matrix, family)
    if budget is None:
        assert tolerance is not None
        budget = needed(features, left, family, tolerance, design)
    plan = lay_out(features, left, family, checked_budget(budget, N), design)
    rows = survey.draw(hashes(ids, N), mix(seed), plan.stratum, plan.size)[0]
    covariance, clustering = _over_users(plan, users)
    return CompactSet(
        design=design, seed=seed, rows=rows, stratum=plan.places, population=plan.population,
        features=plan.features.matrix[rows], mean=plan.features.matrix.mean(axis=0), prior=plan.features.prior,
        precision=plan.precision, source_mean=matrix.mean(axis=1),
        unexplained=plan.residuals.var(axis=1) / np.maximum(matrix.var(axis=1), np.finfo(float).tiny),
        user_covariance=covariance, clustering=clustering,
    )  # fmt: skip


def lay_out(features: difficulty.Features, residuals: Floats, family: Ints, budget: int, design: str) -> Design:
    """The strata and their sizes for a draw of `budget` requests; all is known before anything is drawn."""
    difficulty = features.matrix[:, 1]
    stratum = np.zeros(len(difficulty), np.int64)
    if design != "simple":
        stratum = _strata(difficulty, min(max(budget // _EACH, 2), _STRATA))
    population = np.bincount(stratum)
    share = 1.0 / np.bincount(family)[family]
    squares = share @ residuals**2 / share.sum()
    spread = np.sqrt(np.bincount(stratum, squares) / population)
    size = survey.allocate(population, spread if design == "neyman" else np.ones(len(population)), budget)
    unexplained = max(float(squares.mean()), _STEADY * float(difficulty.var()))
    precision = np.where(np.isinf(features.spread), 0.0, unexplained / features.spread)
    return Design(features, stratum, population, size, residuals, precision)


def _strata(difficulty: Floats, count: int) -> Ints:
    """Codes (N,) of at most `count` strata of about equal size, by difficulty; equal ones stay together, 2 at least in each."""
    edges = np.unique(np.sort(difficulty)[np.arange(1, count) * len(difficulty) // count])
    stratum = np.searchsorted(edges, difficulty, side="right")
    stratum = np.unique(stratum, return_inverse=True)[1]
    while (few := np.flatnonzero(np.bincount(stratum) < 2)).size:
        stratum[stratum == few[0]] += 1 if few[0] == 0 else -1
        stratum = np.unique(stratum, return_inverse=True)[1]
    return np.asarray(stratum, np.int64)


def needed(features: difficulty.Features, residuals: Floats, family: Ints, tolerance: float, design: str) -> int:
    """The fewest requests whose expected standard error, the root mean square over families, is at most the tolerance."""
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise InputError(f"tolerance is {tolerance}; give a standard error above 0, in the measure's unit")
    N = residuals.shape[1]
    share = 1.0 / np.bincount(family)[family] / len(np.unique(family))
    low, high = checked_budget(LEAST, N), N
    while low < high:
        middle = (low + high) // 2
        if np.sqrt(share @ lay_out(features, residuals, family, middle, design).errors() ** 2) <= tolerance:
            high = middle
        else:
            low = middle + 1
    return low


def _over_users(plan: Design, users: ArrayLike | None) -> tuple[Floats, float]:
    """Covariance (p, p) of the features' means over users, and how much users inflate the variance of residuals' means."""
    F, residuals = plan.features.matrix, plan.residuals
    N = len(F)
    user = np.arange(N) if users is None else difficulty.codes(users, N)
    count = int(user.max()) + 1
    if count < 2:
        raise InputError("all requests are one user's; an interval over users needs at least 2")
    sums = np.stack([np.bincount(user, column, count) for column in (F - F.mean(axis=0)).T])
    covariance = sums @ sums.T / N**2 * (count / (count - 1))
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    together = sum(float((np.bincount(user, row, count) ** 2).sum()) for row in centred)
    apart = float((centred**2).sum())
    return np.asarray(covariance), together / apart if apart > 0 else 1.0


def anchors(scores: ArrayLike, *, budget: int, method: str = "kmeans", seed: int = 0) -> Anchors:
    """Choose requests that stand for all in what the source systems scored; no interval follows from them.

    scores (S, N). method "kmeans": requests alike in all systems' scores are grouped, the one nearest to each group's
    mean weighs as the group does (Polo et al., "tinyBenchmarks", 2024). "greedy": the next request is the one that
    brings the mean scores of the chosen nearest to those of all (kernel herding; Welling 2009); equal weights; the
    earlier row on ties, and no seed. InputError as in `compact`, but a budget of 1 will do.
    """
    matrix = difficulty.checked(scores)
    if method not in ANCHORS:
        raise InputError(f"anchors by {method!r} are not known{did_you_mean(method, ANCHORS)}; use one of {', '.join(ANCHORS)}")
    count = checked_budget(budget, matrix.shape[1], 1)
    return _herd(matrix, count) if method == "greedy" else _cluster(matrix, count, seed)


def _herd(scores: Floats, budget: int) -> Anchors:
    goal = scores.mean(axis=1, keepdims=True)
    size = (scores**2).sum(axis=0)
    free = np.ones(scores.shape[1], bool)
    total = np.zeros(len(scores))
    rows = []
    for step in range(1, budget + 1):
        # |total + y - step goal|^2 without what is the same for all requests
        distance = size + 2 * (total - step * goal[:, 0]) @ scores
        row = int(np.argmin(np.where(free, distance, np.inf)))
        free[row] = False
        total += scores[:, row]
        rows.append(row)
    return Anchors("greedy", np.array(rows), np.full(budget, 1.0 / budget))


def _cluster(scores: Floats, budget: int, seed: int) -> Anchors:
    from sklearn.cluster import KMeans  # heavy to import, and only needed here

    points, group = np.unique(scores.T, axis=0, return_inverse=True)
    count = np.bincount(group)
    clusters = KMeans(min(budget, len(points)), n_init=1, random_state=seed).fit(points, sample_weight=count)
    first = np.unique(group, return_index=True)[1]
    distance = ((points - clusters.cluster_centers_[clusters.labels_]) ** 2).sum(axis=1)
    order = np.lexsort((first, distance, clusters.labels_))
    nearest = order[np.unique(clusters.labels_[order], return_index=True)[1]]
    weight = np.bincount(clusters.labels_, count)[clusters.labels_[nearest]]
    return Anchors("kmeans", first[nearest], weight / weight.sum())


def checked_budget(budget: int, N: int, least: int = LEAST) -> int:
    """The budget. InputError: no whole number, fewer than the least, or more than there are."""
    if least > N:
        raise InputError(f"{N} requests are too few to draw from: a compact set takes {least} or more; score all of them")
    if int(budget) != budget or budget < least:
        raise InputError(f"budget is {budget}; a compact set takes {least} requests or more")
    if budget > N:
        raise InputError(f"budget is {budget}, but there are {N} requests; give {N} at most")
    return int(budget)


def checked_design(design: str) -> str:
    """The design. InputError: not one of them."""
    if design not in DESIGNS:
        raise InputError(f"design {design!r} is not known{did_you_mean(design, DESIGNS)}; use one of {', '.join(DESIGNS)}")
    return design


def hashes(ids: Any, N: int) -> Hashes:
    """Distinct hashes (N,) of request ids. ValueError: another length; InputError: an id twice."""
    if ids is None:
        return hash_ids(np.arange(N))
    if len(ids) != N:
        raise ValueError(f"ids has {len(ids)} entries; scores has {N} requests, so give ({N},)")
    hashed = hash_ids(ids)
    if len(np.unique(hashed)) < N:
        column = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids)
        twice = next(one["values"] for one in column.value_counts().to_pylist() if one["counts"] > 1)
        raise InputError(f"request {twice!r} is there twice; give every request one score a system")
    return hashed


def measured(y: ArrayLike, n: int) -> NDArray[np.float64]:
    """A system's scores (n,) on a compact set. InputError: another number of them, or NaN."""
    values = np.asarray(y, np.float64)
    if values.shape != (n,):
        raise InputError(f"scores of shape {values.shape} for {n} requests; give one for each request of the set, in its order")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise InputError(f"{bad} of the new system's scores are NaN or infinite; score every request, 0 if missed")
    return values
