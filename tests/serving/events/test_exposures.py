"""Lists that are given out: their items, their propensities, and their rows."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.serving.events import Exploration, give

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@given(ranking=st.lists(st.integers() | st.text(min_size=1), unique_by=str, max_size=12), shown=st.integers(1, 8))
def test_a_list_is_made_of_its_ranking_with_the_propensity_of_each_place(ranking, shown):
    exploration = Exploration(0.8, 5)
    made = give(ranking, shown, exploration, user_id="u", list_id="l")
    assert len(made.items) == len(made.propensities) == min(shown, len(ranking))
    for position, (item, propensity) in enumerate(zip(made.items, made.propensities, strict=True)):
        assert propensity == exploration.propensities(len(ranking), shown)[ranking.index(item), position]
    assert give(ranking, shown, exploration, user_id="u", list_id="l") == made


def test_without_chance_a_list_is_the_ranking():
    made = give("abcdef", 3, Exploration())
    assert (made.items, made.propensities) == (["a", "b", "c"], [1.0, 1.0, 1.0])
    assert give("abc", 3, Exploration()).list_id != made.list_id


def test_rows_say_what_stood_where_for_whom():
    made = give([7, "杯"], 2, Exploration(), user_id=5, session_id="s", query="x" * 2_000, model="als", run="f", list_id="l")
    kept = made.batch(NOW)
    assert kept.key == "list/l"
    search, first, second = kept.rows
    shared = {"time_us": 1_769_860_800_000_000, "user_id": "5", "session_id": "s", "list_id": "l", "model": "als", "run": "f"}
    shared |= {"query": "x" * 1_000}
    assert search == shared | {"event": "search"}
    assert first == shared | {"event": "exposure", "item_id": "7", "position": 1, "propensity": 1.0}
    assert second == shared | {"event": "exposure", "item_id": "杯", "position": 2, "propensity": 1.0}


@pytest.mark.parametrize(("user", "session", "who"), [(None, "s", "s"), (None, None, "l"), (0, "s", "0")])
def test_a_list_for_nobody_in_particular_is_its_sessions_or_its_own(user, session, who):
    kept = give(["a"], 1, Exploration(), user_id=user, session_id=session, list_id="l").batch(NOW)
    assert [row["user_id"] for row in kept.rows] == [who]


def test_a_list_without_items_has_a_search_alone():
    kept = give([], 3, Exploration(0.5), user_id=1, query="nothing like it").batch(NOW)
    assert [row["event"] for row in kept.rows] == ["search"]
    assert give([], 3, Exploration(0.5), user_id=1).batch(NOW).rows == []


def test_propensities_are_numbers_that_databases_take():
    made = give(list("abcd"), 2, Exploration(1.0), list_id="x")
    assert not any(isinstance(value, np.generic) for row in made.batch(NOW).rows for value in row.values())
