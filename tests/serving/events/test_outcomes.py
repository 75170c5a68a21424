"""Rewards of what was shown, counted by hand, and what another ranker would have shown."""

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.serving.events import Exploration, outcomes, target_propensities

ROWS = [
    # event, user, item, list, position, propensity
    ("exposure", "u", "a", "l1", 1, 0.9),
    ("exposure", "u", "b", "l1", 2, 0.5),
    ("exposure", "u", "a", "l2", 2, 0.1),
    ("exposure", "v", "b", "l2", 1, 0.2),
    ("exposure", "v", "c", "l3", 1, None),  # nothing is known of chance
    ("exposure", "v", "c", None, 1, 0.5),
    ("view", "u", "a", "l1", 1, None),
    ("view", "u", "a", "l1", 1, None),  # twice is once
    ("view", "u", "a", None, None, None),  # of no list
    ("purchase", "v", "b", "l2", None, None),
    ("search", "v", None, "l2", None, None),
]


def log(rows) -> CleanLog:
    columns = dict(
        zip(("event", "user_id", "item_id", "list_id", "position", "propensity"), zip(*rows, strict=True), strict=True)
    )
    table = pa.table(columns | {"timestamp": pa.array(range(len(rows)), pa.timestamp("us", tz="UTC"))})
    return CleanLog.of(table, pa.table({}), pa.table({}))


def test_a_reward_is_an_event_of_the_same_list_and_item():
    found = {target: outcomes(log(ROWS), target) for target in ("view", "purchase")}
    keys = [("l1", "a", 1, 0.9), ("l1", "b", 2, 0.5), ("l2", "b", 1, 0.2), ("l2", "a", 2, 0.1)]
    for table in found.values():
        rows = table.select(["list_id", "item_id", "position", "propensity"]).to_pylist()
        assert [tuple(row.values()) for row in rows] == keys
    assert found["view"].column("reward").to_pylist() == [1.0, 0.0, 0.0, 0.0]
    assert found["purchase"].column("reward").to_pylist() == [0.0, 0.0, 1.0, 0.0]


def test_a_log_without_lists_says_so():
    with pytest.raises(InputError, match="list_id, a position and a propensity"):
        outcomes(log(ROWS[4:]), "view")


def test_another_ranker_shows_an_item_where_its_ranking_has_it():
    table = outcomes(log(ROWS), "view")
    rankings = {"l1": ["a", "c", "b"], "l2": ["b", "a"]}
    assert target_propensities(table, rankings, 2).tolist() == [1.0, 0.0, 1.0, 1.0]
    assert target_propensities(table, rankings, 1).tolist() == [1.0, 0.0, 1.0, 0.0]
    by_chance = Exploration(0.4)
    expected = [*by_chance.propensities(3, 2)[[0, 2], [0, 1]], *by_chance.propensities(2, 2)[[0, 1], [0, 1]]]
    np.testing.assert_allclose(target_propensities(table, rankings, 2, by_chance), expected)
    with pytest.raises(InputError, match="'l2' has no ranking"):
        target_propensities(table, {"l1": ["a"]}, 2)
