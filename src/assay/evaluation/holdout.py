"""A split as models are judged on it: its labelled samples, and its requests' candidates where there are any."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay import registry
from assay.config import Evaluate
from assay.errors import ConfigError
from assay.evaluation.beyond import Past
from assay.evaluation.claims import DECIDES_RANKED, claims
from assay.evaluation.enough import requests_needed
from assay.evaluation.parts import part_tables
from assay.evaluation.predictions import score_predictions
from assay.evaluation.rankings import accuracy_alone, compare_rankings, evaluate_rankings, ranking_scores, same_requests
from assay.evaluation.samples import Measure, sample_differences, sample_estimates
from assay.evaluation.scores import Difference, Estimate, Scores
from assay.evaluation.windows import Rows, Windows, cuts
from assay.numerics.measures import AMOUNTS, POINTWISE
from assay.numerics.ranking import expected_ndcg, ranking_measures, request_offsets, tie_order
from assay.samples.table import Samples

E = TypeVar("E", Difference, Estimate)
Predict = Callable[[Samples], NDArray[np.float64]]


def own_measures(section: Evaluate) -> dict[str, Measure]:
    """The user's own measures, by name; ConfigError when one cannot be imported or hides one of ours."""
    measures = {}
    for name, path in section.measures.items():
        if name in (*POINTWISE, *AMOUNTS) or "@" in name:
            raise ConfigError(f"[evaluate] measures: {name!r} is the name of a built-in measure; choose another")
        measures[name] = registry.load(path, f"[evaluate] measures: {name}")
    return measures


@dataclass(frozen=True)
class Scored:
    """What a model said on a holdout: probabilities, or amounts, (n,) of its samples, every measure, and one row per request.

    chances: of the candidates, where there are any. of_samples, of_rankings: scores, whose draws serve every comparison.
    """

    probability: NDArray[np.float64]
    measures: dict[str, Estimate]
    per_request: pa.Table | None = None
    chances: NDArray[np.float64] | None = None
    of_samples: Scores | None = None

    @cached_property
    def of_rankings(self) -> Scores | None:
        """Of the measures of accuracy per request, which models are compared on; None where nothing is ranked."""
        return None if self.per_request is None else ranking_scores(accuracy_alone(self.per_request))


@dataclass(frozen=True)
class Holdout:
    """One split. requests: request_id and truth_count. past: what users took in training."""

    samples: Samples
    candidates: Samples | None
    requests: pa.Table | None
    past: Past
    section: Evaluate
    seed: int

    @cached_property
    def _more(self) -> dict[str, Measure]:
        """The user's own measures, by name."""
        return own_measures(self.section)

    @cached_property
    def _truth(self) -> NDArray[np.int64]:
        """(candidates,) how many items the row's request took."""
        assert self.candidates is not None
        assert self.requests is not None
        ids = self.requests.column("request_id").to_numpy()
        order = np.argsort(ids)
        place = order[np.searchsorted(ids[order], self.candidates.request)]
        return np.asarray(self.requests.column("truth_count").to_numpy()[place], np.int64)

    @cached_property
    def tie(self) -> NDArray[np.int64]:
        """(items,) order among equal scores: by id, falling."""
        assert self.candidates is not None
        codes, first = np.unique(self.candidates.item, return_index=True)
        tie = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
        tie[codes] = tie_order(self.candidates.keys.column("item_id").take(pa.array(first)).to_pylist())
        return tie

    @cached_property
    def _category(self) -> NDArray[np.int64] | None:
        """(items,) codes of category, where the candidates name it."""
        assert self.candidates is not None
        if "category" not in self.candidates.features.column_names:
            return None
        column = self.candidates.features.column("category").combine_chunks()
        out = np.full(int(self.candidates.item.max(initial=0)) + 1, -1, np.int64)
        out[self.candidates.item] = column.indices.fill_null(-1).to_numpy()
        return out

    def score(self, predict: Predict, *, resamples: int | None = None) -> Scored:
        """Judge a model by what it predicts."""
        draws = resamples or self.section.resamples
        p = predict(self.samples)
        scores = score_predictions(self.samples, p, threshold=self.section.threshold, more=self._more)
        measures = sample_estimates(scores, resamples=draws, seed=self.seed)
        if self.candidates is None or not len(self.candidates):
            return Scored(p, measures, of_samples=scores)
        c = self.candidates
        score, past = c.chances(predict(c)), self.past.of_users(c.user)
        per_request, ranked = evaluate_rankings(
            c.request, c.user, c.item, score, c.gain, self._truth, self.tie, self.section.k, also=(DECIDES_RANKED,),
            truth=self._gains, popularity=self._popularity, category=self._category, past=past, resamples=draws, seed=self.seed,
        )  # fmt: skip
        of_rankings = {name: estimate for name, estimate in ranked.items() if np.isfinite(estimate["value"])}
        return Scored(p, measures | of_rankings, per_request, score, scores)

    @cached_property
    def _gains(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Gains of all that requests took, in order of request, and where each request's begin; None where all are 1."""
        assert self.candidates is not None
        assert self.requests is not None
        if not self.candidates.label_type.has_amounts:
            return None
        ids, lists = self.requests.column("request_id").to_numpy(), self.requests.column("gains").combine_chunks()
        order = np.argsort(ids)
        rows = order[np.searchsorted(ids[order], np.unique(self.candidates.request))]
        chosen = lists.take(pa.array(rows))
        return chosen.offsets.to_numpy().astype(np.int64), chosen.flatten().to_numpy().astype(np.float64)

    @property
    def loss(self) -> str:
        """The measure of samples that changes of the training weights are chosen by; lower is better."""
        return self.samples.label_type.loss

    @property
    def _cuts(self) -> tuple[int, ...]:
        """Cut-offs that are shown, and the one that models are chosen at."""
        return tuple(dict.fromkeys((*self.section.k, int(DECIDES_RANKED.partition("@")[2]))))

    def of_parts(self, scored: Scored) -> dict[str, dict[str, Estimate]]:
        """The measures of rankings of what is taken again and of what is new to the user (evaluation.parts)."""
        if scored.chances is None:
            return {}
        assert self.candidates is not None
        assert self.requests is not None
        draws, seed = self.section.resamples, self.seed
        parts = part_tables(self.candidates, self.requests, scored.chances, self.tie, self._cuts)
        return {name: ranking_scores(table).estimates(resamples=draws, seed=seed) for name, table in parts.items()}

    def chance(self, share: float) -> Scored:
        """What knowing nothing is worth: each order of the candidates is as likely; where there are none, all have one chance.

        Of rankings it has ndcg alone, the mean over all orders. share: of positives, the probability that all samples have.
        """
        if self.candidates is None or not len(self.candidates):
            return self.score(lambda samples: np.full(len(samples), share))
        c = self.candidates
        order = np.argsort(c.request, kind="stable")
        requests, offsets = request_offsets(c.request[order])
        user, truth = c.user[order][offsets[:-1]], self._truth[order][offsets[:-1]]
        table = pa.table({"request": requests, "user": user, "truth_count": truth})
        for k in self._cuts:
            table = table.append_column(f"ndcg@{k}", pa.array(expected_ndcg(offsets, c.gain[order], truth, k, self._gains)))
        measures = ranking_scores(table).estimates(resamples=self.section.resamples, seed=self.seed)
        return Scored(np.full(len(self.samples), share), measures, table)

    def decided(self, predict: Predict) -> float:
        """What a model is chosen by, higher is better: ndcg@10, the mean over windows of time that count alike.

        Where nothing is ranked it is the loss, negated.
        """
        if self.candidates is None or not len(self.candidates):
            return -float(self.score(predict, resamples=2).measures[self.loss]["value"])
        c = self.candidates
        _, offsets = request_offsets(c.request)
        first = offsets[:-1]
        score, cut = c.chances(predict(c)), int(DECIDES_RANKED.partition("@")[2])
        ranked = ranking_measures(offsets, score, c.gain, self._truth[first], self.tie[c.item], (cut,), truth=self._gains)
        asking = self._truth[first] > 0
        _, window = np.unique(self._window(c)[first][asking], return_inverse=True)
        return float(np.mean(np.bincount(window, ranked[DECIDES_RANKED][asking]) / np.bincount(window)))

    def windows(self, a: Scored, b: Scored) -> Windows:
        """b minus a in the loss, and in ndcg@10 where requests are ranked, window by window of time (`windows.cuts`)."""
        s = self.samples
        before, after = (s.label_type.losses(one.probability, s.response) for one in (a, b))
        rows = {self.loss: Rows(after - before, s.weight, s.user, self._window(s))}
        if a.per_request is not None and b.per_request is not None:
            (first, window), (second, _) = (self._judged_requests(one) for one in (a, b))
            change = second.column(DECIDES_RANKED).to_numpy() - first.column(DECIDES_RANKED).to_numpy()
            rows[DECIDES_RANKED] = Rows(change, np.ones(len(change)), first.column("user").to_numpy(), window)
        return Windows.of(rows)

    def _judged_requests(self, scored: Scored) -> tuple[pa.Table, NDArray[np.int32]]:
        """The rows of requests with truth, and their windows (n,)."""
        assert self.candidates is not None
        assert scored.per_request is not None
        table = scored.per_request.filter(pc.greater(scored.per_request.column("truth_count"), 0))
        requests, first = np.unique(self.candidates.request, return_index=True)
        return table, self._window(self.candidates)[first][np.searchsorted(requests, table.column("request").to_numpy())]

    @cached_property
    def _cuts_of_time(self) -> NDArray[np.int64] | None:
        return cuts(self.samples.period, self.samples.instant)

    def _window(self, samples: Samples) -> NDArray[np.int32]:
        """(n,) the window of time that each sample is in."""
        if (begins := self._cuts_of_time) is None:
            return samples.period
        return np.searchsorted(begins, samples.instant, side="right").astype(np.int32)

    @cached_property
    def _popularity(self) -> NDArray[np.float64]:
        """(items,) share of the training's users who took each item, also of candidates that came later."""
        assert self.candidates is not None
        known = self.past.popularity
        return np.pad(known, (0, max(0, int(self.candidates.item.max(initial=0)) + 1 - len(known))))

    def difference(self, a: Scored, b: Scored, *, resamples: int | None = None) -> dict[str, Difference]:
        """b minus a, paired by user: every measure of samples, then of rankings; and whether the requests are enough to tell."""
        draws = resamples or self.section.resamples
        assert a.of_samples is not None
        assert b.of_samples is not None
        by_measure = sample_differences(a.of_samples, b.of_samples, resamples=draws, seed=self.seed)
        by_measure |= self._of_rankings(a, b, draws)
        return self._judged(by_measure)

    def ranked_difference(self, a: Scored, b: Scored) -> dict[str, Difference]:
        """b minus a in the measures of rankings that both have: a small part of the work of `difference`."""
        return self._judged(self._of_rankings(a, b, self.section.resamples))

    def _of_rankings(self, a: Scored, b: Scored, draws: int) -> dict[str, Difference]:
        if a.per_request is None or b.per_request is None:
            return {}
        same_requests(a.per_request, b.per_request)
        if a.per_request.column_names == b.per_request.column_names:
            assert a.of_rankings is not None
            assert b.of_rankings is not None
            return a.of_rankings.against(b.of_rankings, resamples=draws, seed=self.seed)
        one, other = accuracy_alone(a.per_request), accuracy_alone(b.per_request)
        shared = [name for name in one.column_names if name in other.column_names]
        return compare_rankings(one.select(shared), other.select(shared), resamples=draws, seed=self.seed)

    def _judged(self, by_measure: dict[str, Difference]) -> dict[str, Difference]:
        """Those that have a value, each with what a verdict would take."""
        users, requests = self.size
        needs = requests_needed(by_measure, users=users, requests=requests)
        for one in by_measure.values():
            one["needs"] = needs
        return {name: d for name, d in by_measure.items() if np.isfinite(d["value"])}

    @cached_property
    def size(self) -> tuple[int, int]:
        """Users and requests that are judged on: those with truth where requests are ranked, else those of the samples."""
        if self.requests is not None:
            asked = self.requests.filter(pc.greater(self.requests.column("truth_count"), 0))
            return pc.count_distinct(asked.column("user_code")).as_py(), asked.num_rows
        judged = self.samples.weight > 0
        return len(np.unique(self.samples.user[judged])), len(np.unique(self.samples.request[judged]))


def best_model(tuning: Holdout, models: Mapping[str, Predict]) -> str:
    """Name of the model with the best ndcg@10 on tuning, or the best loss where nothing is ranked; the first of equals.

    models: name -> what predicts. ValueError without any.
    """
    return max(models, key={name: tuning.decided(predict) for name, predict in models.items()}.__getitem__)


def holdout(
    samples: Samples,
    candidates: Samples | None,
    requests: pa.Table | None,
    split: str,
    past: Past,
    section: Evaluate,
    seed: int,
) -> Holdout:
    """The holdout of one split; requests of other splits are left out."""
    if requests is not None:
        requests = requests.filter(pc.equal(requests.column("split"), split))
    if candidates is not None:  # as evaluate_rankings would put them for every model
        candidates = candidates.take(np.lexsort((candidates.item, candidates.request)))
    return Holdout(samples, candidates, requests, past, section, seed)


def estimates(by_measure: dict[str, Estimate], names: Sequence[str] | None = None) -> dict[str, dict[str, float | None]]:
    """As JSON takes them: unknown bounds are null."""
    return {
        name: {key: _finite(entry.get(key)) for key in ("value", "low", "high")}
        for name, entry in by_measure.items()
        if names is None or name in names
    }


def differences(by_measure: dict[str, Difference], names: Sequence[str] | None = None) -> dict[str, dict[str, float | None]]:
    """As JSON takes them: value, low, high, p and needs."""
    return {
        name: {key: _finite(entry.get(key)) for key in ("value", "low", "high", "p", "needs")}
        for name, entry in by_measure.items()
        if names is None or name in names
    }


def claimed(by_measure: dict[str, E]) -> dict[str, E]:
    """What is known of those measures that claims are made on."""
    return {name: by_measure[name] for name in claims(by_measure)}


def details(by_measure: dict[str, Difference]) -> dict[str, dict[str, float | None]]:
    """Everything that is known of the differences, effect sizes included, as JSON takes it."""
    return {name: {key: _finite(value) for key, value in entry.items()} for name, entry in by_measure.items()}


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None
