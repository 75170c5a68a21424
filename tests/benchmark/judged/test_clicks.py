"""Judgements of a run's clicks: recounted by hand, nearer to known relevance than COEC, and refused where nothing can be told."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

import assay
from assay.errors import InputError
from assay.numerics.position_bias import harvested
from assay.testing.search import SearchLog, make_search_log, search_config
from tests.conftest import shop_config, write_shop
from tests.test_timings import benchmark

timing = benchmark("judgements")


def cleaned(log: SearchLog, folder: Path, **sections) -> assay.Run:
    return assay.run(search_config(folder / "shop", log, **sections), folder=folder / "run", until="clean")


@pytest.fixture(scope="module")
def log() -> SearchLog:
    return make_search_log(users=40, weeks=13)


@pytest.fixture(scope="module")
def run(log: SearchLog, tmp_path_factory: pytest.TempPathFactory) -> assay.Run:
    return cleaned(log, tmp_path_factory.mktemp("judged"))


def recounted(log: SearchLog, event: str) -> dict[tuple[str, str], list[tuple[int, bool]]]:
    """(place, clicked) of every time a query showed an item, row by row from the raw events; each search is a session."""
    rows = log.events.to_pylist()
    clicked = {(row["session_id"], row["item_id"]) for row in rows if row["event"] == event}
    shown: dict[tuple[str, str], list[tuple[int, bool]]] = {}
    for row in rows:
        if row["event"] == "exposure":
            times = shown.setdefault((row["query"], row["item_id"]), [])
            times.append((row["position"], (row["session_id"], row["item_id"]) in clicked))
    return shown


@pytest.mark.parametrize("by", ["view", "purchase"])
def test_pairs_are_counted_as_by_hand(log, run, by):
    made = assay.judgements(run, by=by)
    shown, viewed = recounted(log, by), recounted(log, "view")
    rows = made.table.to_pylist()
    assert [(row["query"], row["item_id"]) for row in rows] == sorted(shown)
    flat = [(n, place, click) for n, times in enumerate(viewed.values()) for place, click in times]
    pair, place, click = map(np.array, zip(*flat, strict=True))
    examination = harvested(pair, place, click).examination  # of clicks, whatever is judged by
    np.testing.assert_allclose(made.account["examination"], examination, atol=1e-3)
    prior = made.account["prior"]
    for row in rows:
        times = shown[row["query"], row["item_id"]]
        looks, clicks = sum(made.account["examination"][place - 1] for place, _ in times), sum(click for _, click in times)
        assert (row["impressions"], row["clicks"]) == (len(times), clicks)
        assert row["looks"] == pytest.approx(looks, rel=1e-4)
        law = stats.gamma(prior["clicks"] + clicks, scale=1 / (prior["looks"] + row["looks"]))
        assert [row["estimate"], row["low"], row["high"]] == pytest.approx([law.mean(), law.ppf(0.025), law.ppf(0.975)], rel=1e-6)


@pytest.mark.parametrize("grades", [1, 4])
def test_grades_follow_the_rule(run, grades):
    made = assay.judgements(run, grades=grades)
    prior = made.account["prior"]["looks"]
    by_query: dict[str, list[dict]] = {}
    for row in made.table.to_pylist():
        by_query.setdefault(row["query"], []).append(row)
    for rows in by_query.values():
        sure = [row for row in rows if row["looks"] >= prior]
        best = max((row["estimate"] for row in sure), default=0)
        for row in rows:
            cut = [min(int(row[name] / best * (grades + 1)), grades) if best else 0 for name in ("low", "estimate", "high")]
            told = row in sure and any(other["clicks"] for other in sure) and cut[2] - cut[0] <= grades / 2
            assert row["grade"] == (cut[1] if told else None)
    account = made.account
    assert account["graded"] + account["too_few"] == account["pairs"] == len(made.table)
    assert sum(account["grades"].values()) == account["graded"] == made.graded().num_rows
    assert account["graded"] > 0
    assert account["too_few"] > 0


@pytest.mark.parametrize("noise", [0.05, 0.25])
def test_the_estimate_ranks_better_than_coec_where_rankings_are_good(noise):
    """Clicks by place are of good items at the top: COEC expects too much of these. Of the items that fit, which differ."""
    figures = np.array([row["items that fit"] for row in timing.measured(4, {"noise": noise})])
    assert (figures[:, 2] > figures[:, 0]).all()
    assert figures[:, 2].mean() > figures[:, 0].mean() + 0.1


def test_where_places_say_nothing_of_relevance_coec_and_the_estimate_order_alike():
    """With a ranker that orders by chance alone, COEC has no bias: the difference is small."""
    figures = np.array([row["items that fit"] for row in timing.measured(3, {"noise": 50.0, "weeks": 40})]).mean(axis=0)
    assert abs(figures[2] - figures[0]) < 0.1


def test_coec_of_a_hand_made_log():
    """Two searches: a at place 1 clicked, b at 2; then b at 1, a at 2 clicked. Place 1: 1 click of 2, place 2: 1 of 2."""
    rows = [("s1", "a", "exposure", 1), ("s1", "b", "exposure", 2), ("s1", "a", "view", None)]
    rows += [("s2", "b", "exposure", 1), ("s2", "a", "exposure", 2), ("s2", "a", "view", None)]
    names = ("session_id", "item_id", "event", "position")
    events = pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    events = events.append_column("query", pa.array(["tea"] * 6))
    made = SearchLog(events, pa.table({}), np.ones(2), np.ones((1, 2)), ["tea"])
    assert timing.coec(made) == {("tea", "a"): 2.0, ("tea", "b"): 0.0}


def test_the_measure_is_kendalls_tau_without_ties_in_truth():
    truth, score = np.array([3.0, 2.0, 1.0, 1.0]), np.array([5.0, 5.0, 1.0, 9.0])
    # pairs that differ in truth: (3,2) tied, (3,1) +, (3,1') -, (2,1) +, (2,1') -
    assert timing.somers(truth, score) == pytest.approx(0.0)
    assert timing.somers(truth, truth**2) == pytest.approx(1.0)
    assert timing.somers(truth, -truth) == pytest.approx(-1.0)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_true_relevance(tmp_path, seed):
    """95 % and more of all pairs: clicks of single shows vary less than Poisson's, for which the intervals are made."""
    table = timing.pairs_of(make_search_log(seed=seed), tmp_path)
    assert timing.coverage(table) >= 0.95
    fit = timing.parts(table)["items that fit"]
    assert timing.coverage(fit) >= 0.85  # the best are drawn down
    width = pc.subtract(fit.column("high"), fit.column("low")).to_numpy()
    assert np.median(width) < 0.6  # they hold it not by being wide


def test_a_run_that_has_learnt_its_places_is_taken_at_its_word(log, tmp_path):
    sections = {"samples": {"request": "query", "target": "view", "warm_up": 3, "validation": 2, "tuning": 2, "test": 2}}
    sections["samples"]["position_bias"] = "logged"
    run = assay.run(search_config(tmp_path / "shop", log, **sections), folder=tmp_path / "run", until="samples")
    account = assay.judgements(run).account
    assert account["correction"] == "randomised places"
    assert account["learnt_from"] == "the run's training searches"
    assert account["examination"] == run.read_json("samples/account.json")["position_bias"]["examination"]


def test_impressions_without_a_place_do_not_count(log, tmp_path):
    position = log.events.column("position").to_numpy().astype(float)
    position[position == 8] = np.nan
    column = pa.array([None if np.isnan(p) else int(p) for p in position], pa.int32())
    events = log.events.set_column(log.events.column_names.index("position"), "position", column)
    made = assay.judgements(cleaned(SearchLog(events, log.items, log.examination, log.relevance, log.queries), tmp_path))
    searches = pc.sum(pc.equal(log.events.column("event"), "search")).as_py()
    assert made.account["without_position"] == searches
    assert made.account["impressions"] == 7 * searches


def test_what_is_written_is_what_is_graded(run, tmp_path):
    made = assay.judgements(run)
    assert made.write(tmp_path / "j.csv") == [tmp_path / "j.csv"]
    again = assay.read_judgements(tmp_path / "j.csv")
    assert again.select(["query", "item_id"]).equals(made.graded().select(["query", "item_id"]))
    assert again.column("grade").to_pylist() == made.graded().column("grade").to_pylist()


def test_a_log_too_short_for_any_grade_writes_nothing(tmp_path):
    made = assay.judgements(cleaned(make_search_log(users=6, weeks=1, seed=1), tmp_path))
    assert made.account["graded"] == 0
    with pytest.raises(InputError, match="bring a longer log"):
        made.write(tmp_path / "j.csv")


def without(log: SearchLog, *kinds: str, column: str | None = None) -> SearchLog:
    """The log without events of some kinds, or with a column that is null."""
    events = log.events.filter(pc.invert(pc.is_in(log.events.column("event"), pa.array(kinds, pa.string()))))
    if column is not None:
        at = events.column_names.index(column)
        events = events.set_column(at, column, pa.nulls(len(events), events.schema.field(at).type))
    return SearchLog(events, log.items, log.examination, log.relevance, log.queries)


@pytest.mark.parametrize(
    ("kinds", "column", "options", "message"),
    [
        (("search",), "query", {}, "no search with a query; map a query column"),
        (("exposure",), None, {}, "no search has a list with positions on record"),
        ((), "position", {}, "no search has a list with positions on record"),
        (("view", "purchase"), None, {}, "no shown item led to a 'view' event"),
        ((), None, {"by": "cart"}, "no shown item led to a 'cart' event"),
        ((), None, {"by": "vew"}, "by 'vew' is not known; did you mean 'view'"),
        ((), None, {"grades": 0}, "grades = 0: the highest grade is 1 to 100"),
    ],
)
def test_what_is_missing_is_said(log, tmp_path, kinds, column, options, message):
    with pytest.raises(InputError, match=message):
        assay.judgements(cleaned(without(log, *kinds, column=column), tmp_path), **options)


def test_a_run_without_searches_is_refused(tmp_path):
    write_shop(tmp_path / "log.csv", users=10, items=20, weeks=4)
    run = assay.run(shop_config(tmp_path / "log.csv"), folder=tmp_path / "run", until="clean")
    with pytest.raises(InputError, match="no search with a query"):
        assay.judgements(run)
    with pytest.raises(InputError, match="no such folder"):
        assay.judgements(tmp_path / "elsewhere")


def test_a_run_that_has_not_cleaned_is_told_to(log, tmp_path):
    run = assay.run(search_config(tmp_path / "shop", log), folder=tmp_path / "run", until="collect")
    with pytest.raises(InputError, match="has no clean log yet"):
        assay.judgements(run)
