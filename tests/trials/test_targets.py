"""Several targets side by side: labels, truth and requests of another target, counted by hand."""

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest

from assay.config import Evaluate
from assay.evaluation.beyond import Past
from assay.evaluation.holdout import holdout
from assay.logs.clean_log import CleanLog
from assay.models.logistic import LogisticRegression
from assay.testing.data import make_samples
from assay.trials.targets import MEASURES, Target, serves, side_by_side
from tests.samples.conftest import USERS, events_table, items_table, random_log, users_table

LOG = random_log(5, rows=900)
CLEAN = CleanLog.of(events_table(LOG), users_table(), items_table())
VIEWS = Target("view", CLEAN.history("view", 7))


def test_samples_are_labelled_by_who_took_what_of_the_other_kind():
    samples = make_samples(600, users=USERS, items=8)
    period = pa.array(samples.period - samples.period.min(), pa.int32())  # into the log's own
    samples = samples._with_key("period", period)
    viewed = {(event.user, event.item, event.period) for event in LOG if event.kind == "view"}
    found = VIEWS.labelled(samples)
    by_hand = [key in viewed for key in zip(samples.user.tolist(), samples.item.tolist(), period.to_pylist(), strict=True)]
    assert found.label.tolist() == [int(one) for one in by_hand]
    assert 0 < found.label.sum() < len(found)
    assert Target("purchase", VIEWS.history, of_config=True).labelled(samples) is samples


def test_truth_is_what_the_requests_took_of_the_other_kind():
    items = defaultdict(set)
    for event in LOG:
        if event.kind == "view":
            items[event.user, event.period].add(event.item)
    asked = [(user, period) for user in range(USERS) for period in range(22)]
    requests = pa.table(
        {
            "request_id": np.arange(len(asked)),
            "user_code": np.array([user for user, _ in asked], np.int32),
            "period": np.array([period for _, period in asked], np.int32),
            "split": ["test"] * len(asked),
            "truth_count": np.ones(len(asked), np.int32),
            "new_count": np.ones(len(asked), np.int32),
        }
    )
    samples = make_samples(400, users=USERS, items=8)
    judged = VIEWS.judging(holdout(samples, samples, requests, "test", Past.of_training(samples, 8), Evaluate(), 7))
    assert judged.requests.column("truth_count").to_pylist() == [len(items[key]) for key in asked]
    assert "new_count" not in judged.requests.column_names  # repeats are those of the run's own target


def test_each_target_is_judged_by_each_against_itself():
    """Labels of two targets are alike up to noise; a third has nothing to do with them."""
    samples = make_samples(4_000)
    train, test = samples.split("train"), samples.split("test")
    rng = np.random.default_rng(3)
    wrong = {id(part): rng.random(len(part)) < 0.05 for part in (train, test)}

    class Like(Target):
        def labelled(self, part):
            return part.with_label(np.where(wrong[id(part)], 1 - part.label, part.label).astype(np.int8))

    class Noise(Target):
        def labelled(self, part):
            return part.with_label((np.arange(len(part)) % 2).astype(np.int8))

    targets = {
        "purchase": Target("purchase", VIEWS.history, of_config=True), "like": Like("like", VIEWS.history),
        "noise": Noise("noise", VIEWS.history),
    }  # fmt: skip
    assert all(serves(target, train, holdout_of(test)) is None for target in targets.values())
    by_target = {
        name: LogisticRegression(3.0).fit(target.labelled(train), rng=np.random.default_rng(0)).predict
        for name, target in targets.items()
    }
    lines = side_by_side({"logistic": by_target}, targets, holdout_of(test))
    assert [(line["judged"], line["learnt"]) for line in lines] == [(a, b) for a in targets for b in targets]
    change = {(line["judged"], line["learnt"]): line["difference"] for line in lines}
    assert all(not difference for (judged, learnt), difference in change.items() if judged == learnt)
    assert change["purchase", "noise"]["auc"]["high"] < 0
    near = change["purchase", "like"]["auc"]
    assert abs(near["value"]) < 0.02
    assert Counter(name for line in lines for name in line["test"]) == {MEASURES[0]: 9}  # nothing is ranked here
    assert {line["judged"]: line["positives"] for line in lines}["noise"] == len(test) // 2


def holdout_of(test):
    return holdout(test, None, None, "test", Past.of_training(test, 60), Evaluate(resamples=100), 7)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_target_without_both_labels_is_left_out_with_its_count(share):
    class Alike(Target):
        def labelled(self, part):
            return part.with_label(np.full(len(part), int(share), np.int8))

    samples = make_samples(300)
    why = serves(Alike("share", VIEWS.history), samples.split("train"), holdout_of(samples.split("test")))
    assert why == f"{int(share * len(samples.split('train'))):,} of the training samples are positive"
