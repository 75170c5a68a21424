import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics import names

BASE = h.sampled_from([*names.RANKING, *names.GRADED, *names.BEYOND])
SETTING = {"rbp": h.floats(0, 1, exclude_min=True, exclude_max=True), "err": h.floats(0, exclude_min=True, allow_infinity=False)}
CUT = h.integers(1, 10**9 - 1)
NAME = BASE.flatmap(lambda base: h.builds(names.Name, h.just(base), CUT, h.none() | SETTING.get(base, h.none())))


@given(NAME)
def test_a_name_prints_what_is_parsed(name):
    again = names.parse(str(name))
    assert again[:2] == name[:2]
    assert again.setting == (None if name.setting is None else pytest.approx(name.setting, rel=1e-14))
    assert str(again) == str(name)


def test_forms():
    assert names.parse("ndcg@10") == ("ndcg", 10, None)
    assert names.parse("rbp(p=0.5)@100") == ("rbp", 100, 0.5)
    assert str(names.Name("err", 10, 4.0)) == "err(max=4)@10"


@given(h.text())
def test_other_texts_are_read_as_none_or_name_a_measure(text):
    name = names.read(text)
    assert name is None or name.base in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndgc@10", "did you mean 'ndcg'"),
        ("novelty", "no cut-off; write novelty@10"),
        ("gini@0", "no cut-off"),
        ("gini@07", "no cut-off"),
        ("rbp(p=1)@10", "p between 0 and 1"),
        ("rbp(p=0.5)", "setting that is none"),
        ("err(p=4)@10", "highest grade of the scale"),
        ("ndcg(p=1)@10", "setting that is none; write ndcg@10"),
        ("ndcg@１０", "no cut-off"),
        ("", "is not known"),
    ],
)  # fmt: skip
def test_refuses(text, message):
    assert names.read(text) is None
    with pytest.raises(InputError, match=message):
        names.parse(text)


def test_what_decides():
    assert {name for name in ("ndcg@10", "err@10", "rbp(p=0.5)@9", "auc", "judged@10", "gini@3") if names.is_beyond(name)} == {
        "judged@10",
        "gini@3",
    }
    names.refuse_beyond("rbp@10")
    with pytest.raises(InputError, match="novelty@10 says nothing of good or bad"):
        names.refuse_beyond("novelty@10")
