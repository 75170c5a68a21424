"""Sentences that artefacts keep, told again: what the code writes is read back, and what is of the log stays as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.findings import labels
from assay.findings.examples import reason, sentence
from assay.findings.labels import Wording
from assay.language import speaking
from assay.language.retelling import retell
from assay.task import Task

TASKS = [Task(), Task(target="view", period_days=1), Task(target="like", period_days=3), Task(target="view", of_searches=True)]


def chinese(text: str) -> str:
    with speaking("zh"):
        return retell(text)


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("bought by at most 4 users in the last 4 weeks", "在最近 4 周被至多 4 位用户购买"),
        ("price is above $2.49 and at most $4.99", "价格高于 $2.49 且至多 $4.99"),
        ("category is FRUIT and price is at most 2.00 EUR", "类目为 FRUIT 且价格至多 2.00 EUR"),
        ("category is Fruit and Veg", "类目为 Fruit and Veg"),
        ("category is Fruit and Veg and price is at most $2", "类目为 Fruit and Veg 且价格至多 $2"),
        ("without the lowest 2 % by influence", "去掉 influence 最低的 2 %"),
        ("without samples where label is positive", "去掉符合“标签为正”的样本"),
        ("half weight where category is A and price is at most $2", "将符合“类目为 A 且价格至多 $2”的样本权重减半"),
        ("weights of all kinds of groups, 0.24 to 3.42 times", "所有种类的分组的权重，0.24 至 3.42 倍"),
        ("bought in 10 weeks, last 4 weeks ago", "有 10 周购买过，最近一次在 4 周前"),
        ("rye, with seeds, not bought; before: popular: 9 sales in 4 weeks",
         "rye, with seeds，未购买；此前：热门：4 周内 9 次销售"),
        ("Do not remove samples by loss: worse than removing at random (at 1 %, 2 %).",
         "不要按 loss 去掉样本：比随机去掉更差（1 %, 2 %）。"),
        ("price is 1.2 times what the user usually pays in the category", "价格为用户在该类目通常支付的 1.2 倍"),
    ],
)  # fmt: skip
def test_what_is_kept_is_told_again(english, expected):
    assert retell(english) == english
    assert chinese(english) == expected


@pytest.mark.parametrize("text", ["", "Bread", "nobody wrote this sentence", "and and and", "is", "9" * 5_000, " and " * 400])
def test_what_is_no_sentence_of_ours_stays_as_it_is(text):
    assert chinese(text) == text


@pytest.mark.parametrize(
    "part", ["1 ", "a, ", "at most 3 or ", "item, bought; before: ", "without samples where ", "of the user in "]
)
def test_what_can_be_read_in_many_ways_is_not_read_for_long(part):
    assert isinstance(chinese(part * (590 // len(part))), str)


def columns() -> list[str]:
    return [column.replace("_N", "_4") for column in labels._COLUMNS]


@pytest.mark.parametrize("column", columns())
def test_what_every_column_says_is_in_the_catalogue(column):
    """Not a letter of English is left: the words of the task are known, and there are no names in it."""
    for task in TASKS:
        label = labels.label(column, Wording(task, "$"))
        texts = [label.title, *(label.value(value) for value in (0.0, 1.0, 3.0, np.nan)), label.says((), unknown=True)]
        spans = ([(1.5, None)], [(None, 2.5)], [(1.5, 3.5)], [(None, 0.5), (3.5, None)], [(None, None)])
        texts += [label.says(one, unknown=unknown) for one in spans for unknown in (False, True)]
        for text in texts:
            if "number of  " not in text:  # of a count that says itself what it counts
                assert not _english(chinese(text)), (text, chinese(text))


def _english(text: str) -> str:
    """Words of a text besides abbreviations."""
    left = text.replace("EASE", "").replace("BM25", "")
    return "".join(letter for letter in left if letter.isascii() and letter.isalpha())


@given(name=h.text(h.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=30), times=h.integers(0, 99))
def test_names_of_the_log_stay_as_they_are(name, times):
    features = {"pair_times_bought": times, "pair_periods_since": 2.0, "item_buyers_4": 3.0}
    text = sentence(name, 1.0, features, Wording())
    assert name in chinese(text)
    assert chinese(reason(features, Wording()) or "") != reason(features, Wording())
