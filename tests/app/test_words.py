import json

import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.app import plots, terminal, words
from assay.pages.evaluation import Selected
from assay.pages.log import Cleaned
from assay.pages.samples import FeaturesKept, SamplesMade
from assay.runs.section import Row, Series


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.count(1469307), "1,469,307"),
        (words.count(float("nan")), words.NONE),
        (words.figure(0.70114), "0.7011"),
        (words.figure(-0.00001234, sign=True), "−0.00001"),
        (words.figure(0.000049), "0.00005"),
        (words.figure(1e-12), "0.0000"),
        (words.figure(-0.0), "0.0000"),
        (words.estimate(0.5, 0.4, 0.6), "0.5000 (0.4000 to 0.6000)"),
        (words.estimate(0.5, None, None), "0.5000"),
        (words.percent(0.0214), "2.1 %"),
        (words.percent(1), "100 %"),
        (words.duration(62.44), "62.4 s"),
        (words.duration(206), "3 min 26 s"),
        (words.memory(3904.3), "3.8 GB"),
        (words.day("2017-01-01T11:53:26+00:00"), "2017-01-01"),
        (words.short(1_000_000), "1M"),
    ],
)
def test_numbers_in_words(text, expected):
    assert text == expected


@given(h.floats(allow_nan=True, allow_infinity=True) | h.none() | h.booleans() | h.text(max_size=3))
def test_no_value_breaks_a_word(value):
    for say in (words.count, words.figure, words.percent, words.duration, words.memory, words.plain):
        assert isinstance(say(value), str)


def change(value, half=0.001):
    return {"value": value, "low": value - half, "high": value + half, "p": 0.01}


@pytest.mark.parametrize(
    ("auc", "log_loss", "tone", "says"),
    [
        (0.01, -0.01, "good", "It helps."),
        (0.0, -0.01, "good", "It helps."),
        (0.01, 0.01, "bad", "The result is mixed"),
        (-0.01, 0.0, "bad", "It hurts: keep all samples."),
        (0.0, 0.0001, "even", "No difference beyond chance"),
    ],
)
def test_a_finding_says_what_the_intervals_say(auc, log_loss, tone, says):
    difference = {"auc": change(auc), "log_loss": change(log_loss)}
    entry = Selected(valuer="influence", removed_fraction=0.02, test={}, difference=difference)
    found = words.finding("logistic", entry, "half weight for the lowest 2 % by influence")
    assert found[0] == tone
    assert says in found[1]
    assert found[1].startswith("Half weight for the lowest 2 % by influence: logistic changed")
    assert words.finding("logistic", entry)[1].startswith("Without the 2 % of training samples picked by influence")


@pytest.mark.parametrize(("value", "says"), [(-0.01, "it helped lightgbm too"), (0.0, "it was no gain to lightgbm")])
def test_a_model_that_did_not_choose_says_what_tuning_said(value, says):
    given = {"valuer": "influence", "removed_fraction": 0.02, "test": {}, "difference": {"log_loss": change(0.0)}}
    entry = Selected(**given, tuning={"log_loss": change(value)})
    assert words.finding("lightgbm", entry)[1].endswith(
        f"{says} (log_loss {words.estimated(entry.tuning['log_loss'], sign=True)})."
    )
    assert "tuning" not in words.finding("lightgbm", Selected(**given))[1]


def test_below_the_planned_size_there_is_no_verdict():
    difference = {"auc": change(0.44) | {"needs": 4000}, "log_loss": change(-0.01) | {"needs": 4000}}
    entry = Selected(valuer="influence", removed_fraction=0.02, test={}, difference=difference)
    tone, text = words.finding("logistic", entry)
    assert tone == "even"
    assert "auc +0.4400 (+0.4390 to +0.4410);" in text
    assert text.endswith("Too few to tell: it would take some 4,000 requests.")
    nothing = {"auc": {"value": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "needs": 30}}
    _, text = words.finding("logistic", Selected(valuer="influence", removed_fraction=0, test={}, difference=nothing))
    assert text.endswith("Too few to tell: it would take some 30 requests.")
    assert [verdict for verdict, _ in words.changes(entry.difference)] == ["few", "few"]


def test_nothing_to_remove_is_said_as_good_news():
    tone, text = words.finding("logistic", Selected(valuer="influence", removed_fraction=0, test={}, difference={}))
    assert tone == "even"
    assert text.startswith("Nothing to remove for logistic")


def test_feature_selection_in_a_sentence():
    kept = {"method": "l1", "kept": ["a"], "hidden": ["b", "c"], "columns": {"all": 7379, "kept": 90}}
    kept |= {"entries_a_row": {"all": 22.0, "kept": 5.0}, "difference": {"auc": change(-0.01)}}
    text = words.features(FeaturesKept.model_validate(kept | {"tuning": {}}))
    assert text.startswith("1 of 3 features kept by l1: 7,379 columns became 90, 22 entries per row 5;")
    assert "a loss" in text


@pytest.mark.parametrize(("end", "left_over"), [("2018-01-07", False), ("2018-01-08", True)])
def test_events_after_the_last_whole_period_are_said_to_be_left_out(end, left_over):
    counts = {"rows_read": 5, "events": 5, "users": 1, "items": 1, "rejected": 0, "reduced_by_returns": 0}
    times = {"from": "2017-01-01T11:53:26+00:00", "to": f"{end}T00:10:20+00:00"}
    log = Cleaned.model_validate(counts | times | {"items_without_description": 0, "steps": []})
    made = {"rows": {}, "share_of_positives": {}, "features": [], "constant_features_left_out": [], "columns": 0}
    made |= {"splits": {"test": {"periods": 1, "from": "2018-01-01", "to": "2018-01-07"}}}
    text = words.left_over(SamplesMade.model_validate(made), log)
    assert bool(text) == left_over
    assert text is None or ("after 2018-01-07" in text and "ends on 2018-01-08" in text)
    assert words.left_over(None, log) is None


@pytest.mark.parametrize("shown", [None, [3], [1, 2]])
def test_exposures_of_some_periods_are_said_and_those_of_all_are_not(shown):
    made = {"rows": {}, "share_of_positives": {}, "features": [], "constant_features_left_out": [], "columns": 0}
    periods = {"from": "2018-01-01", "to": "2018-01-07"}
    made |= {"splits": {"train": {"periods": 3, **periods}, "test": {"periods": 1, **periods}}}
    stretches = [{"periods": count, **periods} for count in shown or []]
    text = words.exposures(SamplesMade.model_validate(made | {"exposures": stretches or None, "negatives_rate": 0.1}))
    if shown is None:
        assert text is None
        return
    every = words.exposures(SamplesMade.model_validate(made | {"exposures": [{"periods": 4, **periods}]}))
    assert every is None
    assert "in 3 of 4 periods (2018-01-01 to 2018-01-07" in text
    assert text.endswith("a sample of candidates.")
    assert words.exposures(SamplesMade.model_validate(made | {"exposures": stretches})).endswith("a sample of drawn items.")


@given(h.lists(h.floats(-1e12, 1e12), max_size=20), h.booleans(), h.booleans())
def test_plots_take_any_numbers(values, stem, zero):
    lines = [Row(f"<{k}>", value, value - 1, value + 1) for k, value in enumerate(values)]
    drawn = plots.rows("x", lines, stem=stem, zero=zero)
    assert "<0>" not in drawn
    assert "nan" not in drawn.lower()
    axis = plots.scale(values)
    assert axis.low < axis.high
    assert list(axis.ticks) == sorted(axis.ticks)
    assert all(0 <= axis.at(value) <= 100 for value in values)
    if values:
        series = [Series("a", [(k, v, None, None) for k, v in enumerate(values)])]
        assert "nan" not in plots.curve("c", list(map(str, values)), series, x_title="x", y_title="y").lower()


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [5.0, 5.0], [float("nan")], [1e-300, 2e-300], [5e-324]])
def test_an_axis_stands_on_one_value_or_none(values):
    axis = plots.scale(values, pad=0.0)
    assert axis.low < axis.high


def test_a_histogram_and_a_calibration_draw_every_bin():
    drawn = plots.histogram("h", [-1.0, 0.0, 1.0, 2.0], [5, 0, 1], x_title="value", factor=1.0)
    assert drawn.count("<rect") == 2
    assert 'class="harmful"' in drawn
    assert plots.calibration("c", [(0.1, 0.2, 5), (float("nan"), 0.1, 0)]).count("<circle") == 1


def test_the_closing_table_fits_and_its_facts_are_json(run, capsys):
    terminal.show(run)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert "1,469,307 events" in out
    found = terminal.facts(run)
    assert set(found) == {"folder", "report", "summary", "cost", "chosen", "features", "gaps", "position_bias"}
    json.dumps(found, allow_nan=False)
