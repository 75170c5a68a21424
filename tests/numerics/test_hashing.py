import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as h
from scipy import stats

from assay.numerics.hashing import hash_ids, mix, uniform

MASK = 2**64 - 1
TEXT = h.text(h.characters(codec="utf-8"), max_size=30)
WORD = h.integers(0, MASK)


def splitmix(state):
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def fnv1a(data):
    found = 0xCBF29CE484222325
    for byte in data:
        found = ((found ^ byte) * 0x100000001B3) & MASK
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("b", 0xAF63DF4C8601F1A5), ("foobar", 0x85944171F73967E8)],
)
def test_the_published_vectors_of_fnv1a(text, expected):
    assert fnv1a(text.encode()) == expected
    assert hash_ids(pa.array([text]))[0] == splitmix(expected)


def test_the_published_sequence_of_splitmix64():
    state, sequence = 1234567, []
    for _ in range(5):
        sequence.append(splitmix(state))
        state = (state + 0x9E3779B97F4A7C15) & MASK
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert sequence == published
    assert mix(1234567)[0] == published[0]


@given(h.lists(TEXT, max_size=20))
def test_text_is_hashed_over_its_utf8(texts):
    expected = [splitmix(fnv1a(text.encode())) for text in texts]
    assert hash_ids(pa.array(texts, pa.string())).tolist() == expected
    assert hash_ids(pa.array(texts, pa.large_string())).tolist() == expected
    assert hash_ids(pa.array(texts, pa.string()).dictionary_encode()).tolist() == expected
    assert hash_ids(pa.chunked_array([texts[:3], texts[3:]], pa.string())).tolist() == expected
    assert hash_ids(pa.array(["x", *texts], pa.string()).slice(1)).tolist() == expected


@given(h.lists(h.integers(-(2**63), 2**63 - 1), max_size=20))
def test_an_integer_and_its_text_hash_alike(numbers):
    expected = hash_ids(pa.array([str(n) for n in numbers], pa.string())).tolist()
    assert hash_ids(pa.array(numbers, pa.int64())).tolist() == expected
    assert hash_ids(np.array(numbers, np.int64)).tolist() == expected


def test_long_ids_and_other_normal_forms_stay_apart():
    ids = ["x" * 10_000, "x" * 9_999, "é", "e\u0301", "A", "a", " a", "00123", "123"]
    assert len(set(hash_ids(pa.array(ids)).tolist())) == len(ids)


@pytest.mark.parametrize("ids", [pa.array(["a", None]), pa.array([1, None]), pa.array(["a", None]).dictionary_encode()])
def test_a_null_id_is_refused(ids):
    with pytest.raises(ValueError, match="null"):
        hash_ids(ids)


@given(h.lists(WORD, min_size=1, max_size=10), WORD)
def test_mix_is_splitmix_over_the_parts_in_their_order(words, other):
    found = mix(np.array(words, np.uint64), other)
    assert found.tolist() == [splitmix(splitmix(word) ^ other) for word in words]
    assert found.tolist() == [int(mix(word, other)[0]) for word in words]


def test_the_order_of_the_parts_matters():
    a, b = np.arange(1_000), np.arange(1_000, 2_000)
    assert not np.any(mix(a, b) == mix(b, a))
    assert np.flatnonzero(mix(a, 5) == mix(5, a)).tolist() == [5]


def test_negative_integers_count_modulo_two_to_the_64():
    assert mix(-1)[0] == mix(MASK)[0] == mix(np.array([-1]))[0]


def test_no_rows_and_unequal_lengths():
    assert mix(np.empty(0, np.int64), 3).shape == (0,)
    assert hash_ids(pa.array([], pa.string())).shape == (0,)
    with pytest.raises(ValueError, match="different lengths"):
        mix(np.arange(3), np.arange(4))


def test_inputs_are_left_alone():
    part = np.arange(5, dtype=np.uint64)
    mix(part, 1)
    np.testing.assert_array_equal(part, np.arange(5))


@given(h.lists(TEXT, min_size=1, max_size=20), h.randoms())
def test_a_permutation_of_the_ids_permutes_the_hashes(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    found = mix(7, hash_ids(pa.array(texts)))
    np.testing.assert_array_equal(mix(7, hash_ids(pa.array([texts[i] for i in order]))), found[order])


def test_uniform_numbers_lie_in_the_half_open_unit_interval():
    edges = uniform(np.array([0, 2**11 - 1, 2**11, MASK], np.uint64))
    np.testing.assert_array_equal(edges, [0.0, 0.0, 2.0**-53, 1.0 - 2.0**-53])


@pytest.mark.parametrize("ids", [pa.array(range(50_000)), pa.array([f"user-{k}" for k in range(50_000)])])
def test_consecutive_ids_are_spread_evenly(ids):
    numbers = uniform(mix(7, hash_ids(ids)))
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    other = uniform(mix(8, hash_ids(ids)))
    assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.02
