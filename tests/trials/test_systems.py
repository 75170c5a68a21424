"""Systems on a small run, against plain counting and pytrec_eval."""

import builtins
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
import pytrec_eval
from sklearn import metrics

from assay.config import Models
from assay.errors import InputError
from assay.models.baselines import Popularity
from assay.numerics.linearised import POOLED
from assay.numerics.periods import periods_of
from assay.runs.stage import Work
from assay.samples.stored import truth
from assay.stages import graph
from assay.stages import materials as hand
from assay.trials import systems
from tests.conftest import run_in, shop_config

KEPT = 25  # of the shop's 60 items


@pytest.fixture(scope="module")
def bench(shop, tmp_path_factory) -> Work:
    config = shop_config(shop)
    run = run_in(config, tmp_path_factory.mktemp("systems"), until="samples")
    return graph().work(config, run.folder, "systems")


def draws(bench: Work) -> np.random.Generator:
    return hand.rng(bench, hand.TRAINING)


@pytest.fixture(scope="module")
def judged(bench) -> systems.Field:
    return systems.field(
        hand.holdout(bench, "test"), systems.most_bought(hand.train(bench), KEPT), *truth(bench.config.samples, bench.folder)
    )


def taken(bench):
    """{(user, period): items} by walking over the clean log."""
    events = bench.folder.read_table("clean/events.parquet")
    events = events.filter(pc.equal(events.column("event"), "purchase"))
    found = defaultdict(set)
    period = periods_of(events.column("timestamp"), 7)
    for user, item, at in zip(events["user_code"].to_pylist(), events["item_code"].to_pylist(), period.tolist(), strict=True):
        found[user, at].add(item)
    return found


def best(bench):
    sales = np.bincount(hand.train(bench).item[hand.train(bench).label > 0], minlength=60)
    return set(sorted(range(60), key=lambda item: (-sales[item], item))[:KEPT])


def test_there_are_fifty_systems_in_ten_families_and_names_are_their_own():
    found = systems.catalogue(Models(subsample=777, l2=5.0))
    assert 50 <= len(found) <= 60
    assert len({system.family for system in found}) >= 10
    assert len({system.name for system in found}) == len(found)
    for system in found:
        model = system.make()
        assert model.name == system.family
        assert {name: getattr(model, name) for name in system.settings} == system.settings
        assert not hasattr(model, "subsample") or model.subsample == 777


def test_a_field_is_restricted_alike_everywhere(bench, judged):
    kept, took = best(bench), taken(bench)
    every = hand.holdout(bench, "test").requests
    expected = {}
    for request, user, period in zip(*(every[c].to_pylist() for c in ("request_id", "user_code", "period")), strict=True):
        if took[user, period] & kept:
            expected[request] = (user, len(took[user, period] & kept))
    assert judged.request.tolist() == sorted(expected)
    shown = dict(zip(judged.request.tolist(), zip(judged.user.tolist(), judged.truth.tolist(), strict=True), strict=True))
    assert shown == expected
    assert len(expected) < every.num_rows or judged.truth.sum() < pc.sum(every["truth_count"]).as_py()
    whole = hand.holdout(bench, "test").candidates
    rows = np.isin(whole.item, list(kept)) & np.isin(whole.request, list(expected))
    assert set(judged.candidates.keys["sample_id"].to_pylist()) == set(whole.keys["sample_id"].to_numpy()[rows].tolist())
    assert set(judged.samples.item) <= kept
    assert len(judged.samples) == np.isin(hand.holdout(bench, "test").samples.item, list(kept)).sum()
    for r, request in enumerate(judged.request):
        assert set(judged.candidates.request[judged.offsets[r] : judged.offsets[r + 1]]) <= {request}


def few():
    wanted = (
        "popularity window=all",
        "buy_it_again half_life=8",
        "item_knn neighbours=20",
        "lambdarank trees=50",
        "logistic l2=10",
    )
    return [s for s in systems.catalogue(Models(subsample=2_000)) if s.name.startswith(wanted)]


@pytest.mark.slow
def test_scores_are_those_of_pytrec_eval_and_scikit_learn(bench, judged):
    chosen = few()
    assert len(chosen) == 9
    kept, took = best(bench), taken(bench)
    names = ("ndcg_cut.10", "recall.10", "P.10", "map_cut.10", "success.10")
    ids = [str(i) for i in judged.candidates.keys["item_id"].to_pylist()]
    item_ids = dict(zip(judged.candidates.item.tolist(), ids, strict=True))
    period = hand.holdout(bench, "test").samples.period
    assert period.min() > hand.train(bench).period.max()
    at = dict(zip(*(hand.holdout(bench, "test").requests[c].to_pylist() for c in ("request_id", "period")), strict=True))
    qrel = {
        str(q): {item_ids.get(i, f"no candidate {i}"): 1 for i in took[u, at[q]] & kept}
        for q, u in zip(judged.request.tolist(), judged.user.tolist(), strict=True)
    }
    for line, made in systems.scored(chosen, hand.train(bench), {"test": judged}, lambda: draws(bench)):
        each = made["test"]
        assert tuple(each) == (*systems.MEASURES, *POOLED)
        system = next(s for s in chosen if s.name == line["system"])
        model = system.make().fit(system.sees(hand.train(bench)), rng=draws(bench))
        run = defaultdict(dict)
        place = np.unique(model.predict(system.sees(judged.candidates)), return_inverse=True)[
            1
        ]  # pytrec_eval would round to float32
        for q, i, p in zip(judged.candidates.request.tolist(), ids, place.tolist(), strict=True):
            run[str(q)][i] = float(p)
        expected = pytrec_eval.RelevanceEvaluator(qrel, set(names)).evaluate(run)
        for measure, theirs in zip(("ndcg", "recall", "precision", "map", "hit_rate"), names, strict=True):
            theirs = theirs.replace(".", "_")
            values = [expected.get(str(q), {}).get(theirs, 0.0) for q in judged.request.tolist()]
            np.testing.assert_allclose(each[f"{measure}@10"], values, atol=1e-9)
            assert line["test"][f"{measure}@10"] == pytest.approx(np.mean(values))
        p, y, weight = model.predict(system.sees(judged.samples)), judged.samples.label, judged.samples.weight
        assert line["test"]["auc"] == pytest.approx(metrics.roc_auc_score(y, p, sample_weight=weight), abs=1e-9)
        assert line["test"]["log_loss"] == pytest.approx(metrics.log_loss(y, p, sample_weight=weight), abs=1e-9)
        assert line["test"]["f1"] == pytest.approx(metrics.f1_score(y, p >= 0.5, sample_weight=weight), abs=1e-9)


def test_what_is_hidden_plays_no_part(bench):
    by_name = {system.name: system for system in systems.catalogue(bench.config.models)}
    fitted = {name: s.make().fit(s.sees(hand.train(bench)), rng=draws(bench)) for name, s in by_name.items() if s.without}
    assert len(fitted) == 4
    for name, model in fitted.items():
        learnt = model.names_ if name.startswith("logistic") else model.layout_.names
        assert learnt
        for hidden in by_name[name].without:
            words = [word for column in learnt for word in column.split("=")[0].split(" ")]
            assert not any(w == hidden or (hidden.endswith("_") and w.startswith(hidden)) for w in words)


def test_a_missing_package_or_feature_is_a_reason_and_no_end(bench, judged, monkeypatch):
    plain = builtins.__import__

    def absent(name, *rest, **more):
        if name.startswith("implicit"):
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    strange = systems.System("odd", "popularity", {}, Popularity, ("no_such_",))
    als = next(s for s in systems.catalogue(bench.config.models) if s.family == "als")
    popular = systems.catalogue(bench.config.models)[0]
    found = list(systems.scored([als, strange, popular], hand.train(bench), {"test": judged}, lambda: draws(bench)))
    assert "implicit" in found[0][0]["why_not"]
    assert "no_such_" in found[1][0]["why_not"]
    assert found[0][1] == found[1][1] == {}
    assert len(found[2][1]["test"]["ndcg@10"]) == len(judged.request)


def test_a_request_without_candidates_scores_nothing(bench, judged):
    gone = judged.request[3]
    fewer = hand.holdout(bench, "test").candidates.take(hand.holdout(bench, "test").candidates.request != gone)
    kept = systems.most_bought(hand.train(bench), KEPT)
    found = systems.field(
        replace(hand.holdout(bench, "test"), candidates=fewer), kept, *truth(bench.config.samples, bench.folder)
    )
    assert found.request.tolist() == judged.request.tolist()
    model = systems.catalogue(bench.config.models)[0].make().fit(hand.train(bench), rng=draws(bench))
    before, after = judged.per_request(model, 0.5), found.per_request(model, 0.5)
    others = np.arange(len(judged.request)) != 3
    for name in systems.MEASURES:
        assert after[name][3] == 0
        np.testing.assert_array_equal(after[name][others], before[name][others])


def test_nothing_to_judge_is_said(bench):
    kept = systems.most_bought(hand.train(bench), KEPT)
    request, item = truth(bench.config.samples, bench.folder)
    with pytest.raises(InputError, match="no request took"):
        systems.field(hand.holdout(bench, "test"), np.zeros_like(kept), request, item)
