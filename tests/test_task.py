"""The task: its words for any period and target, and labels that nothing can be learnt from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.models.logistic import LogisticRegression
from assay.numerics.products import margins
from assay.tables import EVENT_KINDS
from assay.task import BINARY, Task
from assay.testing.data import make_samples


@pytest.mark.parametrize(
    ("days", "length", "one", "several", "last"),
    [
        (7, "week", "1 week", "4 weeks", "the last week"),
        (1, "day", "1 day", "4 days", "the last day"),
        (14, "2 weeks", "1 period of 2 weeks", "4 periods of 2 weeks", "the last period of 2 weeks"),
        (3, "3 days", "1 period of 3 days", "4 periods of 3 days", "the last period of 3 days"),
        (30, "30 days", "1 period of 30 days", "4 periods of 30 days", "the last period of 30 days"),
    ],
)
def test_periods_are_called_by_their_length(days: int, length: str, one: str, several: str, last: str) -> None:
    task = Task(period_days=days)
    assert (task.length, task.some(1), task.some(4), task.last(1)) == (length, one, several, last)
    assert task.last(4) == f"the last {several}"


@given(h.integers(1, 400), h.integers(0, 99))
def test_only_weeks_are_called_weeks(days: int, count: int) -> None:
    task = Task(period_days=days)
    assert ("week" in task.some(count)) == (days % 7 == 0)
    assert ("day" in task.some(count)) == (days % 7 > 0)


def test_what_users_did_is_called_by_the_target_event() -> None:
    bought = Task.of(SamplesSection())
    assert (bought.taken, bought.positive, bought.sales) == ("bought", "purchase", "sales")
    viewed = Task.of(SamplesSection(target="view", period_days=1))
    assert (viewed.taken, viewed.positive, viewed.sales, viewed.period) == ("viewed", "view", "views", "day")
    clicked = Task.of(SamplesSection(target="view", request="query"))
    assert (clicked.taken, clicked.sale) == ("clicked", "click")
    assert Task.of(SamplesSection(target="purchase", request="query")).taken == "bought"
    assert Task.of(SamplesSection(), own_labels="binary").taken == "positive"


def test_a_target_may_have_a_name_of_its_own() -> None:
    liked = Task.of(SamplesSection(target="review"), deed=("liked", "like"))
    assert (liked.taken, liked.positive, liked.sale, liked.sales) == ("liked", "like", "like", "likes")


def test_every_kind_of_event_has_a_word_of_its_own() -> None:
    words = [Task(kind).taken for kind in EVENT_KINDS]
    assert len(set(words)) == len(EVENT_KINDS)
    assert "positive" not in words


@given(h.lists(h.integers(0, 1), max_size=20))
def test_labels_serve_where_both_are_there(labels: list[int]) -> None:
    assert BINARY.serves(labels) == (len(set(labels)) == 2)
    if len(set(labels)) == 2:
        BINARY.check(np.array(labels, np.int8), "the test split", "do this")
        return
    with pytest.raises(SplitError) as error:
        BINARY.check(np.array(labels, np.int8), "the test split", "do this")
    kind = {0: "negative", 1: "positive"}[labels[0]] if labels else ""
    wanted = f"all {len(labels)} rows of the test split are {kind}; do this" if labels else "the test split has no rows; do this"
    assert wanted in str(error.value)


def test_a_binary_label_is_learnt_in_log_loss_by_way_of_the_logit() -> None:
    assert (BINARY.loss, BINARY.link) == ("log_loss", "logit")
    assert {BINARY.loss, BINARY.ranked} < set(BINARY.claims)
    samples = make_samples(500)
    model = LogisticRegression().fit(samples, rng=np.random.default_rng(0))
    p = model.predict(samples)
    np.testing.assert_allclose(np.log(p / (1 - p)), margins(samples.matrix(), model.coef_), rtol=1e-8)
