"""Items by text: the formula counted anew, and catalogues that say little."""

from collections import Counter
from math import log

import pyarrow as pa
import pytest

from assay.logs.history import History
from assay.samples.candidates import texts
from assay.samples.candidates.learning import lesson_before
from assay.samples.candidates.texts import Texts
from assay.text.words import words
from tests.samples.candidates.conftest import (
    ITEMS,
    USERS,
    Event,
    alike,
    busy_log,
    cosine,
    first,
    history,
    moment,
    rows,
    taken,
    triples,
)  # fmt: skip
from tests.samples.conftest import DAY

NAMES = ["whole milk", "skimmed milk", "rye bread", "bread", None, "牛奶", "有机牛奶", "חלב", "!!", "milk milk bread"]


def shelf_table(names: list[str | None], categories: list[str | None] | None = None) -> pa.Table:
    none = pa.nulls(len(names), pa.string())
    category = none if categories is None else pa.array(categories, pa.string())
    ids = pa.array([f"i{k}" for k in range(len(names))])
    return pa.table({"item_id": ids, "name": pa.array(names, pa.string()), "category": category, "brand": none})


CATALOGUE = shelf_table([NAMES[k % len(NAMES)] for k in range(ITEMS)], [("dairy", None, "bakery")[k % 3] for k in range(ITEMS)])


def recounted(past: History, now: int, sellers: int, neighbours: int, shelf: int, days: int = 7) -> list[dict[int, float]]:
    lesson = lesson_before(moment(past, now, period_days=days))
    sold = Counter(item for _, item, period in triples(past) if lesson.period - -(-364 // days) <= period < lesson.period)
    on_shelf = sorted(sold, key=lambda item: (-sold[item], item))[:shelf]
    each = {
        item: set(words(f"{CATALOGUE['name'][item].as_py() or ''} {CATALOGUE['category'][item].as_py() or ''}"))
        for item in on_shelf
    }
    each = {item: own for item, own in each.items() if own}
    having = Counter(word for own in each.values() for word in own)
    vectors = {item: {w: log((1 + len(each)) / (1 + having[w])) + 1 for w in own} for item, own in each.items()}
    number = {word: k for k, word in enumerate(having)}
    coded = {item: {number[w]: x for w, x in vector.items()} for item, vector in vectors.items()}
    near: dict[int, dict[int, float]] = {}
    for item in list(coded)[:sellers]:
        likeness = {k: round(cosine(coded[item], coded[other]), 6) for k, other in enumerate(coded) if other != item}
        likeness = {k: value for k, value in likeness.items() if value > 0}
        near[item] = {list(coded)[k]: likeness[k] for k in first(likeness, neighbours)}
    out = []
    for user in range(USERS):
        amounts = {item: w for item, w in taken(past, user, now, period_days=days).items() if item in near}
        score: dict[int, float] = {}
        for item in first(amounts, 60):
            for other, likeness in near[item].items():
                score[other] = score.get(other, 0) + amounts[item] * likeness
        out.append(score)
    return out


@pytest.mark.parametrize("now", [3, 17, 29])
@pytest.mark.parametrize("limits", [(20, 20, 20), (6, 20, 14)])
def test_scores_are_those_of_the_formula(
    past: History, now: int, limits: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(("_SELLERS", "_NEIGHBOURS", "_SHELF"), limits, strict=True):
        monkeypatch.setattr(texts, name, value)
    alike(rows(Texts(), moment(past, now, items=CATALOGUE), range(USERS)), recounted(past, now, *limits))


def test_a_period_may_be_a_day() -> None:
    past = history(busy_log(3), period_days=1)
    at = moment(past, 130, items=CATALOGUE, period_days=1)
    alike(rows(Texts(), at, range(USERS)), recounted(past, 130, 20, 20, 20, 1))


def test_of_equal_texts_those_that_sell_more_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_NEIGHBOURS", 2)
    items = shelf_table(["soap"] * 5)
    sold = {0: 1, 1: 2, 2: 1, 3: 3, 4: 1}
    past = history([Event(user, item, "purchase", 0) for item, count in sold.items() for user in range(count)], items=items)
    late = history(
        [*[Event(u, i, "purchase", 0) for i, n in sold.items() for u in range(n)], Event(8, 2, "purchase", DAY)], items=items
    )
    assert rows(Texts(), moment(past, 1, items=items), [8]) == [{}]
    [row] = rows(Texts(), moment(late, 1, items=items), [8])
    assert set(row) == {3, 1}


def test_what_was_only_shown_is_listed_too() -> None:
    items = shelf_table(["red soap", "blue soap", "tea"])
    past = history([Event(0, 0, "purchase", 0), Event(1, 1, "exposure", 0), Event(1, 2, "exposure", 0)], items=items)
    [row] = rows(Texts(), moment(past, 1, items=items), [0])
    assert list(row) == [1]


def test_items_without_words_neither_give_nor_are_listed() -> None:
    items = shelf_table([None, "...", "tea", ""])
    past = history([Event(0, item, "purchase", 0) for item in range(4)], items=items)
    assert rows(Texts(), moment(past, 1, items=items), [0]) == [{}]
