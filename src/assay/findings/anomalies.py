"""Anomalies: users who behave like robots, and samples whose labels are noise; on clean data, nothing.

Robots agree with one another, so a model predicts them well and their samples look sound: they are looked for among users,
by behaviour. Noise is looked for among samples, by what the rest of the log says of them. Detection is not gain: what is
flagged here is to be looked at, and tried, before it is dropped.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse, stats

from assay.findings.suspects import copies
from assay.importance.predicted import left_out_margin, left_out_probability
from assay.importance.valuer import Importance
from assay.language import english
from assay.models.linear import LinearModel
from assay.samples.table import Samples

Vector = NDArray[np.float64]
_FALSE_ALARM = 0.01  # chance of flagging anyone at all in a clean log
_FEWEST = 10  # positives without which a user shows no behaviour
_MOST_COMPARED = 20_000  # users whose tastes are compared each with each
_ROUNDING = 1e-9  # of a trait: entropies that are alike differ in their last bits
_DOUBT = 0.5  # estimated share of wrong labels from which samples are flagged
_CERTAIN = 5.0  # standard errors by which contradictions must exceed what the model expects
_TRAITS = {
    "activity": english("takes far more than others"),
    "night": english("keeps to hours of its own, unlike the crowd's"),
    "variety": english("takes each item about equally often, or one alone"),
    "company": english("takes the same items as some other users do"),
}


@dataclass(frozen=True)
class Robots:
    """Users (U,) by code: score (U,), the most surprising trait in robust deviations; flagged (U,); table for people.

    table: user_id, score, flagged, trait (words), samples; most suspicious first.
    """

    user: NDArray[np.int32]
    score: Vector
    flagged: NDArray[np.bool_]
    table: pa.Table


def robots(samples: Samples) -> Robots:
    """Robot and fraud detector: each user against the crowd, by traits of what it took.

    Traits, for users of 10 positives or more: how much it takes; at what hours (where known); how evenly over items; and
    how much it agrees with its three most similar users (each is compared with each, up to 20,000 of them). A trait is
    scored in robust deviations of its logarithm or share (median and median absolute deviation over users), and flags a
    user beyond what chance gives among so many users.
    """
    taken = np.flatnonzero(samples.label > 0)
    users, seen, code = np.unique(samples.user[taken], return_index=True, return_inverse=True)
    count = np.bincount(code, minlength=len(users)).astype(np.float64)
    judged = count >= _FEWEST
    traits = {"activity": np.log(count), "variety": _variety(samples, taken, code, count)}
    if "hour" in samples.keys.column_names:
        traits["night"] = _strange_hours(samples, taken, code, count)
    if judged.sum() <= _MOST_COMPARED:
        traits["company"] = _company(samples, taken, code, len(users), judged)
    scores = np.full((len(users), len(traits)), -np.inf)
    for k, (name, trait) in enumerate(traits.items()):
        scores[judged, k] = _robust(trait[judged]) if name != "variety" else np.abs(_robust(trait[judged]))
    best = scores.argmax(axis=1) if len(users) else np.empty(0, np.int64)
    score = scores.max(axis=1, initial=-np.inf)
    # Of a heavy-tailed crowd: Student's t with few degrees of freedom keeps one eager shopper from being a robot.
    limit = stats.t.isf(_FALSE_ALARM / max(int(judged.sum()) * len(traits), 1), 8)
    flagged = judged & (score > limit)
    order = np.lexsort((users, -score))
    words = [_TRAITS[list(traits)[best[u]]] for u in order]
    shown = {
        "user_id": samples.keys.column("user_id").take(pa.array(taken[seen[order]])),
        "score": pa.array(np.where(np.isfinite(score), score, np.nan)[order], from_pandas=True),
        "flagged": flagged[order],
        "trait": words,
        "samples": count[order].astype(np.int64),
    }
    return Robots(users.astype(np.int32), score, flagged, pa.table(shown))


def _robust(trait: Vector) -> Vector:
    """Deviations from the median in robust standard deviations; 0 where the crowd does not vary beyond rounding."""
    if not len(trait):
        return trait
    gap = trait - np.median(trait)
    spread = 1.4826 * float(np.median(np.abs(gap)))
    return gap / spread if spread > _ROUNDING else np.zeros(len(gap))


def _variety(samples: Samples, taken: NDArray[np.int64], code: NDArray[np.int64], count: Vector) -> Vector:
    """Entropy of a user's items, from 0 (one alone) to 1 (each once)."""
    pair = code.astype(np.int64) * (int(samples.item.max(initial=0)) + 1) + samples.item[taken]
    pairs, times = np.unique(pair, return_counts=True)
    owner = pairs // (int(samples.item.max(initial=0)) + 1)
    share = times / count[owner]
    entropy = np.bincount(owner, -share * np.log(share), minlength=len(count)) / np.log(np.maximum(count, 2))
    return np.asarray(entropy)


def _strange_hours(samples: Samples, taken: NDArray[np.int64], code: NDArray[np.int64], count: Vector) -> Vector:
    """Mean log-likelihood ratio of a user's own hours against the crowd's, less what a short history gives by chance."""
    hour = samples.keys.column("hour").to_numpy()[taken].astype(np.int64)
    crowd = np.bincount(hour, minlength=24) + 1.0
    own = np.zeros((len(count), 24))
    np.add.at(own, (code, hour), 1.0)
    share = own / np.maximum(count, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(own > 0, share * np.log(share / (crowd / crowd.sum())), 0.0).sum(axis=1)
    return np.asarray((2.0 * count * ratio - 23.0) / np.sqrt(46.0))


def _company(
    samples: Samples, taken: NDArray[np.int64], code: NDArray[np.int64], users: int, judged: NDArray[np.bool_]
) -> Vector:
    """Mean cosine similarity of the judged to their three most similar, items weighed by how rare they are; 0 of others."""
    X = sparse.csr_array((np.ones(len(taken)), (code, samples.item[taken])), shape=(users, int(samples.item.max(initial=0)) + 1))
    X.sum_duplicates()
    out = np.zeros(users)
    most = min(3, int(judged.sum()) - 1)
    if most < 1:
        return out
    rarity = np.log(users / np.maximum(np.bincount(X.indices, minlength=X.shape[1]), 1.0))
    X.data = np.log1p(X.data) * rarity[X.indices]
    length = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data = X.data / np.repeat(np.maximum(length, 1e-12), np.diff(X.indptr))
    Y, rows = X[np.flatnonzero(judged)], np.flatnonzero(judged)
    for first in range(0, len(rows), 1024):
        near = np.asarray((Y[first : first + 1024] @ Y.T).toarray())
        near[np.arange(len(near)), first + np.arange(len(near))] = -np.inf
        out[rows[first : first + 1024]] = np.partition(near, -most, axis=1)[:, -most:].mean(axis=1)
    return out


@dataclass(frozen=True)
class Noise:
    """Samples (n,): suspicion, higher is more suspect; flagged; and the share of flagged ones that should be wrong."""

    suspicion: Vector
    flagged: NDArray[np.bool_]
    expected_precision: float


def noisy_samples(samples: Samples, model: LinearModel, importance: Importance | None = None) -> Noise:
    """Sample-level noise detector: rank of the likelihood of the label left out, plus rank of the z-score if there is one.

    A label is flagged where the rest of the log contradicts it more often than it expects to be contradicted: among
    samples whose label has a probability below t, left out, the model itself expects some; the excess is noise. The
    largest t is taken whose excess is half of them or more, by five standard errors; none where there is no such t. Copies of
    a sample in its request are flagged too.

    Of continuous labels the likelihood falls with the distance from what is predicted without the sample; flagged are those so
    far away, in robust standard deviations, that chance would flag one sample in twenty such logs. No precision is expected of
    that.
    """
    if not samples.label_type.is_chance:
        return _far_amounts(samples, model, importance)
    p = left_out_probability(samples, model)
    likelihood = np.where(samples.label > 0, p, 1.0 - p)
    suspicion = _suspicion(-likelihood, importance)
    again = copies(samples) > 1
    doubt, precision = 0.0, 0.0
    for t in np.geomspace(0.5, 1e-4, 40):
        seen = int((likelihood < t).sum())
        chance = np.where(p < t, p, 0.0) + np.where(1.0 - p < t, 1.0 - p, 0.0)
        expected, variance = float(chance.sum()), float((chance * (1.0 - chance)).sum())
        if seen and seen - expected > max(_DOUBT * seen, _CERTAIN * np.sqrt(variance)):
            doubt, precision = float(t), (seen - expected) / seen
            break
    return Noise(np.where(again, suspicion.max() + suspicion, suspicion), (likelihood < doubt) | again, precision)


def _suspicion(unlikely: Vector, importance: Importance | None) -> Vector:
    """(n,) rank of how unlikely each label is, plus rank of how low its z-score is, if there is one."""
    suspicion = stats.rankdata(unlikely)
    if importance is not None:
        suspicion = suspicion + stats.rankdata(-(importance.value if importance.per_fold is None else importance.z))
    return np.asarray(suspicion)


def _far_amounts(samples: Samples, model: LinearModel, importance: Importance | None) -> Noise:
    """Samples whose continuous label is far from what is predicted without them; copies as in `noisy_samples`."""
    far = np.abs(_robust(samples.response - left_out_margin(samples, model)))
    suspicion, again = _suspicion(far, importance), copies(samples) > 1
    limit = stats.t.isf(_FALSE_ALARM / (2 * max(len(samples), 1)), 8)
    return Noise(np.where(again, suspicion.max() + suspicion, suspicion), (far > limit) | again, 0.0)
