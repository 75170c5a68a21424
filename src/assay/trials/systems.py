"""Some fifty systems in thirteen families, fitted on train and scored request by request: what a benchmark is made of.

All are judged on one set of items, those most bought in train: the only ones that EASE knows. Candidates, samples and what
requests took are restricted to it alike, and a request that took none of these items is left out.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.errors import InputError
from assay.evaluation.holdout import Holdout
from assay.models.named import kind
from assay.models.scorer import Scorer
from assay.numerics import measures as ms
from assay.numerics.linearised import pooled_by_request
from assay.numerics.names import RANKING
from assay.numerics.ranking import ranking_measures
from assay.samples.encoder import only
from assay.samples.table import Samples

ITEMS = 10_000  # most bought ones
K = 10
MEASURES = tuple(f"{name}@{K}" for name in ("ndcg", "recall", "precision", "mrr", "map", "hit_rate"))
POINTWISE = ("auc", "log_loss", "f1")
assert {name.split("@")[0] for name in MEASURES} == set(RANKING)
Settings = dict[str, Any]
Line = dict[str, Any]

_IDS = ("user", "item", "department", "category", "brand")
_VARIED: dict[str, tuple[Settings, ...]] = {
    "popularity": ({"window": 1}, {"window": 4}, {"window": 16}, {"window": None}),
    "buy_it_again": tuple({"half_life": periods} for periods in (1.0, 4.0, 8.0, 26.0, None)),
    "item_knn": (
        {"neighbours": 20, "shrink": 10.0}, {"neighbours": 100, "shrink": 0.0}, {"neighbours": 100, "shrink": 10.0},
        {"neighbours": 100, "shrink": 100.0}, {"neighbours": 500, "shrink": 10.0},
    ),
    "als": (
        {"factors": 16, "l2": 10.0}, {"factors": 64, "l2": 1.0}, {"factors": 64, "l2": 10.0}, {"factors": 64, "l2": 100.0},
        {"factors": 128, "l2": 10.0},
    ),
    "tree": ({"leaves": 16}, {"leaves": 64}, {"leaves": 256}, {"leaves": 1024}),
    "logistic": ({"l2": 1.0}, {"l2": 10.0}, {"l2": 100.0}),
    "ease": tuple({"l2": l2} for l2 in (20.0, 100.0, 200.0, 500.0, 2000.0)),
    "session_knn": ({"neighbours": 30}, {"neighbours": 100}, {"neighbours": 500}),
    "tifu_knn": ({"group": 3, "alpha": 0.7}, {"group": 3, "alpha": 0.9}, {"group": 7, "alpha": 0.7}),
    "up_cf": ({"recent": 5, "locality": 5.0}, {"recent": 15, "locality": 5.0}, {"recent": 15, "locality": 10.0}),
    "lightgbm": (
        {"trees": 50, "leaves": 31, "rate": 0.1}, {"trees": 150, "leaves": 63, "rate": 0.1},
        {"trees": 200, "leaves": 15, "rate": 0.1}, {"trees": 80, "leaves": 127, "rate": 0.05},
    ),
    "lambdarank": (
        {"trees": 50, "leaves": 31, "truncation": 30}, {"trees": 150, "leaves": 63, "truncation": 30},
        {"trees": 150, "leaves": 15, "truncation": 30}, {"trees": 150, "leaves": 15, "truncation": 10},
    ),
    "forest": ({"trees": 20, "depth": 8}, {"trees": 60, "depth": 8}, {"trees": 60, "depth": 14}),
}  # fmt: skip
# Only where the run's own models hold them: they take minutes each.
_NEURAL: dict[str, tuple[Settings, ...]] = {
    "dcn": ({"factors": 8}, {"factors": 16}),
    "two_tower": ({"factors": 32}, {"factors": 64}),
    "transformer": ({"factors": 32}, {"factors": 64}),
}
# Features taken away, by how their names begin.
_WITHOUT: dict[str, dict[str, tuple[str, ...]]] = {
    "logistic": {"without ids": _IDS, "without pair": ("pair_",), "pair alone": (*_IDS, "user_", "item_", "category_", "brand_")},
    "lightgbm": {"without pair": ("pair_",)},
}


@dataclass(frozen=True)
class System:
    """One way to score samples: a model with its settings, and features (by how their names begin) hidden from it."""

    name: str
    family: str
    settings: Settings
    make: Callable[[], Scorer]
    without: tuple[str, ...] = ()

    def sees(self, samples: Samples) -> Samples:
        """The samples without the features that are taken away; InputError when there are none of them, or no others."""
        if not self.without:
            return samples
        seen = [name for name in samples.features.column_names if name not in samples.hidden]
        kept = [name for name in seen if name not in self.without and not name.startswith(self._prefixes)]
        if not kept or len(kept) == len(seen):
            raise InputError(f"{self.name}: of features without {', '.join(self.without)} there are {len(kept)} of {len(seen)}")
        return only(samples, kept)

    @property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(begin for begin in self.without if begin.endswith("_"))


def catalogue(section: Models) -> list[System]:
    """The systems, cheap families first; neural ones where they are among the section's names.

    section: rows that trees are grown on, the usual l2 of logistic regression, settings of neural models.
    """
    fixed: dict[str, Settings] = {name: {"subsample": section.subsample} for name in ("tree", "forest")}
    of_items = ("item_knn", "als", "ease", "session_knn", "tifu_knn", "up_cf", "two_tower", "transformer")
    fixed |= {name: {"items": ITEMS} for name in of_items}
    usual: dict[str, Settings] = {"logistic": {"l2": section.l2}, "lightgbm": {"trees": 150}}
    systems = []
    for family, varied in _VARIED.items():
        for settings in varied:
            systems.append(_system(family, settings, fixed.get(family, {})))
        for words, without in _WITHOUT.get(family, {}).items():
            plain = _system(family, usual[family], {})
            systems.append(replace(plain, name=f"{plain.name} {words}", without=without))
    for family in (name for name in _NEURAL if name in (section.names or ())):
        for settings in _NEURAL[family]:
            systems.append(_system(family, settings, section.neural.get(family, {}) | fixed.get(family, {})))
    return systems


def _system(family: str, settings: Settings, fixed: Settings) -> System:
    name = " ".join([family, *(f"{key}={_short(value)}" for key, value in settings.items())])
    every = fixed | settings
    return System(name, family, every, lambda: kind(family)(**every))


def _short(value: Any) -> str:
    return "all" if value is None else f"{value:g}"


@dataclass(frozen=True)
class Field:
    """What systems are judged on: samples, and candidates of requests in order of request.

    request, user, truth (R,): id, user code and number of items taken of each request, ascending by id. offsets (R + 1,):
    where its candidates begin; tie (n,) their order among equal scores.
    """

    samples: Samples
    candidates: Samples
    request: NDArray[np.int64]
    user: NDArray[np.int32]
    truth: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tie: NDArray[np.int64]

    def seen_by(self, system: System) -> "Field":
        """The same without the features that are hidden from a system."""
        return replace(self, samples=system.sees(self.samples), candidates=system.sees(self.candidates))

    def per_request(self, model: Scorer, threshold: float) -> dict[str, NDArray[np.float64]]:
        """MEASURES (R,) of the model's ranking of every request, 0 where no candidate is left; each request's part in POOLED.

        What was taken counts 1, whatever its amount; of amounts there is no part in POOLED.
        """
        label = self.candidates.label.astype(np.float64)
        score = self.candidates.chances(model.predict(self.candidates))
        measures = ranking_measures(self.offsets, score, label, self.truth, self.tie, (K,))
        if not self.samples.label_type.is_chance:
            return {name: measures[name] for name in MEASURES}
        samples = self.samples.take(np.isin(self.samples.request, self.request))
        request = np.searchsorted(self.request, samples.request)
        weight = samples.weight
        pooled = pooled_by_request(
            samples.label, model.predict(samples), request, len(self.request), weight=weight, threshold=threshold
        )
        return {name: measures[name] for name in MEASURES} | pooled

    def pointwise(self, model: Scorer, threshold: float) -> dict[str, float]:
        """POINTWISE measures of the model's probabilities of the samples; none of amounts."""
        if not self.samples.label_type.is_chance:
            return {}
        s, p = self.samples, model.predict(self.samples)
        return {
            "auc": ms.auc(s.label, p, s.weight),
            "log_loss": ms.log_loss(s.label, p, s.weight),
            "f1": ms.f1(s.label, p, s.weight, threshold=threshold),
        }


def most_bought(train: Samples, most: int = ITEMS) -> NDArray[np.bool_]:
    """(items,) the items with most positives in train, ties by code; no item without any."""
    sales = np.bincount(train.item, train.label)
    kept = np.zeros(len(sales), bool)
    kept[np.argsort(-sales, kind="stable")[:most]] = True
    return kept & (sales > 0)


def field(holdout: Holdout, kept: NDArray[np.bool_], request: NDArray[np.int64], item: NDArray[np.int32]) -> Field:
    """A split restricted to the items kept (items,), by code. request, item (n,): what requests took, of any split.

    InputError: the split has no requests, or none that took an item that is kept.
    """
    if holdout.candidates is None or holdout.requests is None or not len(holdout.candidates):
        raise InputError("the split has no requests to rank; use a longer period")

    def inside(items: NDArray[np.int32]) -> NDArray[np.bool_]:
        return np.append(kept, False)[np.minimum(items, len(kept))]

    requests = holdout.requests.sort_by("request_id")
    ids = requests.column("request_id").to_numpy()
    taken = request[inside(item)]
    taken = taken[np.isin(taken, ids)]
    truth = np.bincount(np.searchsorted(ids, taken), minlength=len(ids))
    answerable = truth > 0
    if not answerable.any():
        raise InputError("no request took one of the items that are kept; use a longer period or keep more items")
    ids, truth, user = ids[answerable], truth[answerable], requests.column("user_code").to_numpy()[answerable].astype(np.int32)
    rows = np.flatnonzero(inside(holdout.candidates.item) & np.isin(holdout.candidates.request, ids))
    rows = rows[np.argsort(holdout.candidates.request[rows], kind="stable")]
    candidates = holdout.candidates.take(rows)
    offsets = np.append(np.searchsorted(candidates.request, ids), len(rows)).astype(np.int64)
    samples = holdout.samples.take(inside(holdout.samples.item))
    return Field(samples, candidates, ids, user, truth, offsets, holdout.tie[candidates.item])


def scored(
    systems: Sequence[System],
    train: Samples,
    fields: Mapping[str, Field],
    rng: Callable[[], np.random.Generator],
    threshold: float = 0.5,
) -> Iterator[tuple[Line, dict[str, dict[str, NDArray[np.float64]]]]]:
    """Fit the systems one after the other on train, and judge each on every field.

    Yields a line of JSON (system, family, settings, without, seconds_fit, seconds_score, and by field the means of all
    measures) and by field MEASURES and POOLED (R,) of each request. A system that cannot be fitted here (its package or a
    feature is missing) has "why_not" in its line, and no measures.
    """
    for system in systems:
        line: Line = {"system": system.name, "family": system.family, "settings": system.settings}
        if system.without:
            line["without"] = list(system.without)
        started = time.perf_counter()
        try:
            model = system.make().fit(system.sees(train), rng=rng())
        except InputError as error:
            yield line | {"why_not": str(error)}, {}
            continue
        fitted = time.perf_counter()
        per_request = {}
        for name, judged in fields.items():
            seen = judged.seen_by(system)
            per_request[name] = seen.per_request(model, threshold)
            line[name] = {measure: float(values.mean()) for measure, values in per_request[name].items()}
            line[name] |= seen.pointwise(model, threshold)
        line |= {"seconds_fit": round(fitted - started, 2), "seconds_score": round(time.perf_counter() - fitted, 2)}
        yield line, per_request
