"""Columns in words: every column of ours has its own, and no column of anybody's breaks a sentence."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as h

from assay.config import Encode, parse
from assay.findings.labels import Wording, kind, label, matrix_column, title
from assay.findings.rules import explain
from assay.findings.segments import attributes
from assay.runs.store import Folder, write_json
from assay.samples import labels, shown
from assay.samples.candidates.listing import SCORE
from assay.samples.candidates.sources import NAMES
from assay.samples.describe import families
from assay.samples.encoder import LOG_ENCODING, TableEncoder
from assay.samples.match import FEATURES
from assay.samples.session_features import FEATURES as OF_SESSIONS
from assay.samples.table import Samples
from assay.task import Task
from assay.testing.data import make_samples

GROCER = Wording(Task(user="household"), "$")
KEYS = {"user_code", "item_code", "query_code", "category", "name", "brand", "period"}
OURS = {
    name
    for family in families()
    for name in sqlglot.parse_one(family.select, dialect="duckdb").named_selects
    if name not in KEYS
} | {*FEATURES, "pair_price_gap", "text_fused", *(SCORE.format(name) for name in NAMES), *OF_SESSIONS}  # fmt: skip


@pytest.mark.parametrize("column", sorted(OURS))
def test_every_column_of_ours_has_words_of_its_own(column):
    own, plain = label(column, GROCER), label(column, Wording(of_log=False))
    for says in (own.says([(0.1, None)]), own.says([(None, 3.0)]), own.says([(0.25, 0.75), (2.0, None)], unknown=True)):
        assert column.replace("_", " ") not in says
        assert not {"{", "}", "@", "_"} & set(says)
    assert plain.says([(0.5, None)]) == f"{column.replace('_', ' ')} is above 0.5"


@pytest.mark.parametrize(
    ("column", "spans", "unknown", "sentence"),
    [
        ("item_buyers_16", [(146.0, None)], False, "bought by more than 146 households in the last 16 weeks"),
        ("item_buyers_16", [(None, 1.0)], False, "bought by at most 1 household in the last 16 weeks"),
        ("item_buyers_1", [(None, 0.0)], False, "bought by no households in the last week"),
        ("item_buyers_4", [(3.2, 20.8)], False, "bought by 4 to 20 households in the last 4 weeks"),
        ("item_buyers_4", [(2.0, 3.0)], False, "bought by 3 households in the last 4 weeks"),
        ("item_price", [(249.0, None)], False, "price is above $2.49"),
        ("item_price", [(None, 99.0), (123456.0, None)], True, "price is at most $0.99 or above $1,234.56 or unknown"),
        ("item_price", [(99.0, 249.0)], False, "price is above $0.99 and at most $2.49"),
        ("item_price", [], True, "price is unknown"),
        (
            "item_trend", [(math.log(2), None)], False,
            "rate of purchases in the last 4 weeks is more than 2 times that in the last 16 weeks",
        ),
        ("item_trend", [(0.0, None)], False, "rate of purchases in the last 4 weeks is more than that in the last 16 weeks"),
        ("pair_due", [(None, 1.0)], False, "last bought by the household at most the usual gap ago"),
        ("item_repeat_share", [(0.3, None)], False, "more than 30 % of its purchases are by households who had it before"),
        ("pair_times_bought", [(None, 0.0)], False, "never bought by the household before"),
        ("pair_times_bought", [(1.0, None)], False, "bought by the household in more than 1 week before"),
        (
            "pair_periods_since", [(3.0, None)], True,
            "last bought by the household more than 3 weeks ago or never bought by the household before",
        ),
        (
            "pair_price_gap", [(None, math.log(0.5))], False,
            "price is at most 0.5 times what the household usually pays in the category",
        ),
        ("user_purchases_4", [(10.0, None)], False, "more than 10 purchases of the household in the last 4 weeks"),
        ("user_spend_8", [(None, 5000.0)], False, "the household's spending in the last 8 weeks is at most $50.00"),
        ("own_feature", [(19370.4, None)], False, "own feature is above 19,370"),
        ("own_feature", [(1.0, 3.0)], True, "own feature is above 1 and at most 3 or unknown"),
    ],
)  # fmt: skip
def test_sentences(column, spans, unknown, sentence):
    assert label(column, GROCER).says(spans, unknown=unknown) == sentence


@pytest.mark.parametrize(
    ("wording", "sentence"),
    [
        (Wording(Task("view", 1)), "viewed by more than 5 users in the last 4 days"),
        (Wording(Task(period_days=3)), "bought by more than 5 users in the last 4 periods of 3 days"),
        (Wording(of_log=False), "item buyers 4 is above 5"),
    ],
)
def test_words_are_those_of_the_log(wording, sentence):
    assert label("item_buyers_4", wording).says([(5.0, None)]) == sentence


def test_money_is_written_with_its_currency():
    assert [Wording(currency=sign).money(249) for sign in ("", "$", "€", "EUR", "kr")] == [
        "2.49",
        "$2.49",
        "€2.49",
        "2.49 EUR",
        "2.49 kr",
    ]
    assert Wording(currency="¥", minor_units=0).money(1234) == "¥1,234"
    assert Wording(currency="$").money(-5) == "−$0.05"


def test_the_wording_of_a_run(tmp_path):
    log = {"events": [{"path": "x.csv", "columns": {}}]}
    config = parse({"log": log, "samples": {"target": "view", "period_days": 1}, "show": {"currency": "kr"}})
    assert not Wording.of(Folder(tmp_path), config).of_log
    write_json(tmp_path / "clean/log.json", {"time_zone": "UTC", "minor_units": 0})
    assert Wording.of(Folder(tmp_path), config) == Wording(Task("view", 1), "kr", 0)


NAMES = h.text(max_size=12) | h.sampled_from(
    [*sorted(OURS), "item_buyers_16 > 3", "a x b <= 1, > 2", "@", "{user}", "x=", ": rare"]
)
ENDS = h.none() | h.floats(allow_nan=False)
WORDINGS = h.builds(
    Wording,
    h.builds(Task, period_days=h.integers(1, 40)),
    currency=h.text(max_size=2),
    minor_units=h.integers(0, 6),
    of_log=h.booleans(),
)


@given(NAMES, WORDINGS, h.lists(h.tuples(ENDS, ENDS), max_size=3), h.booleans(), h.floats())
def test_no_column_breaks_a_sentence(name, wording, spans, unknown, value):
    says = label(name, wording)
    assert isinstance(says.says(spans, unknown=unknown), str)
    assert says.value(value)
    assert says.title or not name
    assert isinstance(title(name, wording), str)
    assert matrix_column(f"{name} > {value:.4g}", wording)
    assert isinstance(matrix_column(name, wording), str)
    for span in spans:
        assert says.level(span)


@pytest.mark.parametrize(
    ("name", "words"),
    [("positive", "a click"), ("exposure", "shown and not clicked"), ("history", "drawn from the user's past"), ("own", "own")],
)
def test_where_a_sample_comes_from_is_said(name, words):
    assert kind(name, Wording(Task("view", of_searches=True))) == words


def test_every_kind_of_sample_has_words():
    for name in (*labels.KINDS, *shown.KINDS):
        assert kind(name, Wording()) != name


def test_columns_of_the_matrix_in_words():
    samples = make_samples(4_000)
    price = pa.array(np.arange(len(samples), dtype=np.float32))
    features = samples.features.append_column("item_price", price).append_column("user_price_level_16", price)
    encoding = replace(LOG_ENCODING, one_hot=("category",), standard=("user_price_level_16",))
    names = TableEncoder.fit(features, encoding, Encode(rare=20, bins=4)).names
    told = {name: matrix_column(name, GROCER) for name in names}
    assert told["item_price <= 999"] == "price is at most $9.99"
    assert told["item_price > 2999"] == "price is above $29.99"
    assert told["item_price unknown"] == "price is unknown"
    assert told["category=milk"] == "category is milk"
    assert told["user_price_level_16"].startswith("the household's price level")
    assert told["intercept"] == "intercept"
    crossed = next(name for name in names if " x " in name and "unknown" not in name and "rare" not in name)
    assert "bought by the household" in told[crossed]
    assert not any("_" in words for words in told.values())


def test_a_rule_speaks_of_money_and_households():
    samples = make_samples(6_000, features=["noise"])
    price = np.random.default_rng(0).integers(50, 1_000, len(samples)).astype(np.float32)
    buyers = np.random.default_rng(1).integers(0, 300, len(samples)).astype(np.float32)
    features = samples.features.append_column("item_price", pa.array(price)).append_column("item_buyers_16", pa.array(buyers))
    told = attributes(Samples(samples.keys, features, samples.encoder), GROCER)
    edges = {a.name: a.edges[-1] for a in told if a.edges}
    dear = (price > edges["item_price"]) & (buyers > edges["item_buyers_16"])
    rule, covers, precision = explain(dear, told)
    assert covers == precision == 1
    assert sorted(rule.sentence.split(" and ")) == [
        f"bought by more than {math.floor(edges['item_buyers_16'])} households in the last 16 weeks",
        f"price is above ${edges['item_price'] / 100:.2f}",
    ]
