import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.items import Catalogue, Training, catalogue
from assay.errors import InputError

USER, ITEM = h.sampled_from(["ada", "博", "", "עדה"]), h.sampled_from(["tea", "牛乳", "🍵", "cup"])
TRAIN = h.lists(h.tuples(USER, ITEM), min_size=1, max_size=15)


def table(**columns):
    return pa.table(columns)


@settings(deadline=None)
@given(TRAIN, h.lists(USER), h.lists(h.sampled_from(["tea", "cup", "new"]), unique=True))
def test_training_by_sets(rows, asking, items):
    users, taken = zip(*rows, strict=True)
    training = Training.of(table(user_id=users, item_id=taken))
    share = {item: len({u for u, i in rows if i == item}) / len(set(users)) for item in {*taken, *items}}
    assert training.of_items(pa.array(items, pa.string())).to_pylist() == [share[item] for item in items]
    own = [np.mean([share[item] for item in {i for u, i in rows if u == user}]) if user in users else None for user in asking]
    assert training.of_users(pa.array(asking, pa.string())).to_pylist() == [None if v is None else pytest.approx(v) for v in own]
    known = catalogue(None, training, pa.chunked_array([pa.array(items, pa.string())]))
    assert known.ids.to_pylist() == sorted({*taken, *items}, key=str.encode)
    np.testing.assert_allclose(known.facts.popularity, [share[item] for item in known.ids.to_pylist()])


def test_items_say_the_catalogue_and_training_their_popularity():
    training = Training.of(table(user_id=[1, 2, 2, 3], item_id=[7, 7, 8, 9], label=[1, 1, 1, 0]))
    known = catalogue(table(item_id=["8", "6", "7"], category=["x", None, "y"], other=[1, 2, 3]), training)
    assert known.table.to_pydict() == {"item_id": ["6", "7", "8"], "category": [None, "y", "x"], "popularity": [0.0, 1.0, 0.5]}
    facts = known.facts
    assert facts.items == 3
    assert facts.category[0] == -1
    assert facts.category[1] != facts.category[2]
    assert training.of_users(pa.array(["2", "3"])).to_pylist() == [0.75, None]  # 3 took nothing: its label is 0
    assert catalogue(None, None) is None


def test_items_may_say_their_popularity_themselves():
    known = catalogue(table(item_id=[2, 1], popularity=[0.25, 1.0]), None)
    assert known.facts.popularity.tolist() == [1.0, 0.25]
    assert known.facts.category is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: catalogue(table(item_id=[1, 2, 1]), None), "items: item 1 is there twice"),
        (lambda: catalogue(table(id=[1]), None), "items has no column 'item_id'"),
        (lambda: catalogue(table(item_id=[1], popularity=[7]), None).facts, r"outside \[0, 1\]"),
        (lambda: catalogue(table(item_id=[1], popularity=["x"]), None).facts, "popularity holds string, not numbers"),
        (lambda: Training.of(table(user_id=[1], item_id=[1], label=[0])), "train has no row of something taken"),
        (lambda: Training.of(table(user_id=[1])), "train has no column 'item_id'"),
        (
            lambda: catalogue(table(item_id=[1], popularity=[0.5]), Training.of(table(user_id=[1], item_id=[1]))),
            "give one of them",
        ),
        (lambda: Catalogue(table(item_id=["a"])).codes(pa.chunked_array([["a", "ü", "ü"]]), "system 's'"), "ranks 1 items .*'ü'"),
    ],
)  # fmt: skip
def test_refuses(make, message):
    with pytest.raises(InputError, match=message):
        make()
