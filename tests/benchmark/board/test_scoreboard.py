from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError
from tests.benchmark.boards import made


def same(a: Scoreboard, b: Scoreboard) -> bool:
    return (
        a.request.equals(b.request)
        and np.array_equal(a.user, b.user)
        and (a.systems, a.families, a.measures) == (b.systems, b.families, b.measures)
        and all(np.array_equal(a.of(name), b.of(name)) for name in a.measures)
        and {name: column.to_pylist() for name, column in a.attributes.items()}
        == {name: column.to_pylist() for name, column in b.attributes.items()}
    )


@given(
    h.integers(1, 5),
    h.lists(
        h.tuples(h.text(max_size=3), h.one_of(h.none(), h.text(max_size=2))), min_size=1, max_size=6, unique_by=lambda r: r[0]
    ),
    h.data(),
)
@settings(max_examples=40, deadline=None)
def test_a_table_and_back(systems, requests, data):
    number = h.floats(allow_nan=False, allow_infinity=False)
    cells = data.draw(h.lists(number, min_size=systems * len(requests), max_size=systems * len(requests)))
    user = data.draw(h.lists(h.integers(-3, 3), min_size=len(requests), max_size=len(requests)))
    board = Scoreboard(
        pa.array([name for name, _ in requests], pa.string()),
        np.array(user),
        tuple(f"s{i}" for i in range(systems)),
        tuple("ab"[i % 2] for i in range(systems)),
        {"mine": np.array(cells).reshape(systems, -1)},
        {"of": pa.array([label for _, label in requests], pa.string())},
    )
    assert same(Scoreboard.from_table(board.to_table()), board)


def test_rows_of_the_table_in_any_order():
    board = made(measures=("ndcg@10", "mrr@10"))
    table = board.to_table()
    shuffled = Scoreboard.from_table(table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows))))
    back = shuffled.take_systems(board.systems)
    order = np.argsort(back.request.to_numpy())
    assert same(back.take_requests(order), board)


def test_a_file_and_back(tmp_path):
    board = made()
    board.write(tmp_path / "scores.parquet")
    assert same(Scoreboard.read(tmp_path / "scores.parquet"), board)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no scoreboard"):
        Scoreboard.read(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="cannot be read as a scoreboard"):
        Scoreboard.read(tmp_path / "none.parquet")


def test_taking():
    board = made()
    part = board.take_systems(["s2", "s0"]).take_requests([5, 3])
    assert part.systems == ("s2", "s0")
    assert part.families == ("f1", "f0")
    np.testing.assert_array_equal(part.of("ndcg@10"), board.of("ndcg@10")[[2, 0]][:, [5, 3]])
    assert part.request.to_pylist() == [105, 103]
    assert part.attributes["device"].to_pylist() == [board.attributes["device"][5].as_py(), board.attributes["device"][3].as_py()]
    phone = board.take_requests(np.array(board.attributes["device"].to_pylist()) == "phone")
    assert set(phone.attributes["device"].to_pylist()) == {"phone"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"mrr@10": np.full((2, 2), np.nan)}}, "mrr@10 of system 'a' on request 1 is nan .4 such"),
        ({"scores": {"mrr@10": np.ones((2, 3))}}, r"mrr@10 has shape \(2, 3\)"),
        ({"systems": ("a", "a")}, "system 'a' is there twice"),
        ({"families": ("a",)}, "1 families for 2 systems"),
        ({"request": [4, 4]}, "request 4 is there twice"),
        ({"request": [4, None]}, "a request id is null"),
        ({"user": [4, 4, 4]}, "user has 3 entries for 2 requests"),
        ({"attributes": {"hour": [1]}}, "attribute 'hour' has 1 entries"),
        ({"scores": {}}, "no systems or no measures"),
        ({"request": [], "user": []}, "no requests"),
    ],
)
def test_refuses(change, message):
    good = {
        "request": [1, 2],
        "user": [0, 1],
        "systems": ("a", "b"),
        "families": ("a", "b"),
        "scores": {"mrr@10": np.ones((2, 2))},
    }
    with pytest.raises(InputError, match=message):
        Scoreboard(**(good | change))


def test_a_table_with_a_score_missing_or_twice():
    table = made().to_table()
    with pytest.raises(InputError, match="system 's0' has 0 scores on request 100"):
        Scoreboard.from_table(table.slice(1))
    with pytest.raises(InputError, match="system 's0' has 2 scores on request 100"):
        Scoreboard.from_table(pa.concat_tables([table, table.slice(0, 1)]))


def test_names_that_are_not_there():
    board = made()
    with pytest.raises(InputError, match="did you mean 'ndcg@10'"):
        board.of("ndgc@10")
    with pytest.raises(InputError, match="system 'zz' is not on this scoreboard; there are s0"):
        board.take_systems(["zz"])
    with pytest.raises(InputError, match=r"1 system\(s\): a comparison needs at least 2"):
        board.take_systems(["s1"]).several()
    assert replace(board, families=tuple("abcd")).several() is not board


def test_boards_of_the_same_requests_are_joined():
    both = made(systems=4, measures=("ndcg@10", "mrr@10"))
    one, two = both.take_systems(["s0", "s2"]), both.take_systems(["s3", "s1"])
    order = np.random.default_rng(0).permutation(len(both.request))
    joined = one.join(two.take_requests(order))
    assert same(joined, both.take_systems(["s0", "s2", "s3", "s1"]))
    single = replace(two, scores={"mrr@10": two.of("mrr@10")})
    assert one.join(single).measures == ("mrr@10",)


def test_boards_that_cannot_be_joined():
    board = made()
    with pytest.raises(InputError, match="results of no kept benchmark and of b 2 cannot be compared"):
        board.join(replace(board, systems=("x", "y", "z", "w"), benchmark="b 2"))
    with pytest.raises(InputError, match="system 's0' is there twice"):
        board.join(board)
    other = replace(board, systems=("x", "y", "z", "w"))
    with pytest.raises(InputError, match="'x' was scored on 10 requests"):
        board.join(other.take_requests(np.arange(10)))
    with pytest.raises(InputError, match="no measure in common: ndcg@10 and auc"):
        board.join(replace(other, scores={"auc": other.of("ndcg@10")}))


@pytest.mark.parametrize("name", ["user", "family", "system", "request_id", "ndcg@10"])
def test_an_attribute_may_not_take_the_place_of_scores(name):
    board = made()
    with pytest.raises(InputError, match=f"attribute '{name}' of the requests has the name of a column or measure"):
        replace(board, attributes={name: board.attributes["device"]})
