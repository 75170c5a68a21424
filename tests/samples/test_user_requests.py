"""Requests of users: exposures where the log has them, candidates elsewhere, and what is told of both."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.logs.clean_log import CleanLog
from assay.pages.samples import SamplesMade
from assay.samples.candidates import sources
from assay.samples.labels import KINDS, label
from assay.samples.splits import check_splits
from assay.samples.user_requests import UserRequests
from assay.task import BINARY
from tests.samples.conftest import DAY, Event, events_table, items_table, random_log, users_table

USERS, ITEMS, PERIODS = 12, 30, 16
SIZES = {"own": 6, "popular": 4, "category": 3, "user_knn": 3}
SECTION = SamplesSection(warm_up=3, validation=2, tuning=2, test=2, available=4, candidate_sizes=SIZES)
FIRST, TRAIN_END, TUNING = 3, 10, 12
EXPOSURE, CANDIDATE = KINDS.index("exposure"), KINDS.index("candidate")


def clean(log):
    rejected = events_table([]).drop_columns(["user_code", "item_code"])
    rejected = rejected.append_column("user_id", pa.array([], pa.string())).append_column("step", pa.array([], pa.string()))
    tables = {"events": events_table(log), "users": users_table(USERS), "items": items_table(ITEMS), "rejected": rejected}
    return CleanLog(lambda name, columns: tables[name].select(columns or tables[name].column_names))


def shop(seed, shown=()):
    """A log that goes on to the end of its last period; views of some periods are exposures."""
    log = [*random_log(seed, 700, USERS, ITEMS, PERIODS), Event(0, 0, "purchase", PERIODS * 7 * DAY - 60)]
    return [Event(**{**vars(e), "kind": "exposure" if e.kind == "view" and e.period in shown else e.kind}) for e in log]


def of(log, **changes):
    return UserRequests(SECTION.model_copy(update=changes), 7, clean(log))


def rows(keys):
    """(period, user, item) -> label, kind, weight."""
    names = ("period", "user_code", "item_code", "label", "weight")
    columns = [keys.column(name).to_pylist() for name in names]
    kind = [KINDS.index(one) for one in keys.column("kind").to_pylist()]
    out = {(p, u, i): (one, k, w) for p, u, i, one, w, k in zip(*columns, kind, strict=True)}
    assert len(out) == keys.num_rows
    assert list(out) == sorted(out)
    return out


def bought(log, begin=FIRST, end=PERIODS):
    return {(e.period, e.user, e.item) for e in log if e.kind == "purchase" and begin <= e.period < end}


def told(requests):
    """The account as the run keeps it."""
    chunk = requests.labelled()
    encoder = type("Encoder", (), {"blocks": ()})()
    account = {**chunk.account, **requests.account(chunk.keys, encoder, [])}
    account |= {"rows": {}, "share_of_positives": {}, "features": [], "columns": 0}
    return SamplesMade.model_validate(account)


def as_labelled(requests, keys, periods):
    """Assert that keys hold what `label` gives for some periods, each with weight 1."""
    expected = label(requests.past, periods, requests.section, 7)
    wanted = zip(expected.period.tolist(), expected.user.tolist(), expected.item.tolist(), strict=True)
    found = {key: row for key, row in rows(keys).items() if key[0] in periods}
    assert found == {
        key: (one, k, 1.0) for key, one, k in zip(wanted, expected.label.tolist(), expected.kind.tolist(), strict=True)
    }
    return expected.account


def test_exposures_in_every_period_are_the_samples():
    log = shop(1, range(FIRST, PERIODS))
    requests = of(log)
    account = as_labelled(requests, requests.labelled().keys, range(FIRST, PERIODS))
    assert account["negatives"]["exposure"] > 50
    said = told(requests)
    assert said.negatives == account["negatives"]
    assert (said.negatives_rate, said.by_source) == (None, None)
    assert [(stretch.periods, stretch.from_) for stretch in said.exposures] == [(PERIODS - FIRST, "1970-01-26")]
    assert said.ratio == pytest.approx(account["negatives"]["exposure"] / account["positives"], abs=1e-6)


def test_what_was_shown_is_what_is_ranked():
    log = shop(1, [*range(FIRST, PERIODS - 2), PERIODS - 1])
    requests = of(log)
    chunks = dict(requests.ranked())
    begin = requests.splits.span("tuning")[0]
    keys = chunks["candidates"].keys
    names = ("period", "user_code", "item_code")
    found = dict(
        zip(zip(*(keys.column(name).to_pylist() for name in names), strict=True), keys["label"].to_pylist(), strict=True)
    )
    assert list(found) == sorted(found)
    exposed = [*range(begin, PERIODS - 2), PERIODS - 1]
    expected = label(requests.past, exposed, requests.section, 7)
    of_labels = zip(
        expected.period.tolist(), expected.user.tolist(), expected.item.tolist(), expected.label.tolist(), strict=True
    )
    took = {(p, u) for p, u, _ in bought(log, begin)}
    assert {key: one for key, one in found.items() if key[0] in exposed} == {
        (p, u, i): one for p, u, i, one in of_labels if (p, u) in took
    }
    offered = requests._listing.all(begin, PERIODS)
    listed = dict(
        zip(
            zip(offered.period.tolist(), offered.user.tolist(), offered.item.tolist(), strict=True),
            offered.source.tolist(),
            strict=True,
        )
    )
    assert {key for key in found if key[0] == PERIODS - 2} == {key for key in listed if key[0] == PERIODS - 2}
    assert dict(zip(found, keys["source"].to_pylist(), strict=True)) == {key: listed.get(key, 0) for key in found}
    assert chunks["candidates"].describe().num_rows == keys.num_rows
    assert chunks["upcoming"].keys.num_rows > keys.num_rows / PERIODS


def test_candidates_are_the_samples_where_nothing_was_shown():
    log = shop(1)
    requests = of(log)
    keys = requests.labelled().keys
    found, offered = rows(keys), requests._listing.all(FIRST, PERIODS)
    candidates = set(zip(offered.period.tolist(), offered.user.tolist(), offered.item.tolist(), strict=True))
    assert {key for key, row in found.items() if row[0]} == candidates & bought(log)
    assert {key for key, row in found.items() if not row[0]} <= candidates - bought(log)
    assert {row[1] for row in found.values()} == {0, CANDIDATE}
    said = told(requests)
    for one, _, weight in found.values():
        assert weight == pytest.approx(1.0 if one else 1 / said.negatives_rate, rel=1e-5)
    training = [row for key, row in found.items() if key[0] < TRAIN_END]
    positives = sum(row[0] for row in training)
    assert len(training) - positives == pytest.approx(1.5 * positives, rel=0.25)
    labels = [row[0] for row in found.values()]
    assert (said.positives, said.negatives) == (sum(labels), {"candidate": len(labels) - sum(labels)})
    assert said.positives + said.positives_not_candidates == len(bought(log))
    assert said.ratio == pytest.approx(len(labels) / sum(labels) - 1, abs=1e-6)
    assert (said.exposures, said.candidate_sizes, said.candidate_steps) == (None, SIZES, [])
    source = keys.column("source").to_numpy()
    for k, name in enumerate(sources.NAMES):
        mine = (source >> k) & 1 == 1
        if mine.any():
            counts = said.by_source[name]
            assert (counts.positives, counts.negatives) == (np.array(labels)[mine].sum(), (1 - np.array(labels))[mine].sum())
        else:
            assert name not in said.by_source


@pytest.mark.parametrize("shown", [(4, 5, 9, 13), range(FIRST, TRAIN_END), range(TRAIN_END, PERIODS), (PERIODS - 1,)])
def test_exposures_in_some_periods_leave_candidates_to_the_others(shown):
    log = shop(2, shown)
    requests, others = of(log), [p for p in range(FIRST, PERIODS) if p not in shown]
    chunk = requests.labelled()
    shown_account = as_labelled(requests, chunk.keys, list(shown))
    found = rows(chunk.keys)
    for (period, *_), (one, kind, _) in found.items():
        assert kind == (0 if one else EXPOSURE if period in shown else CANDIDATE)
    offered = requests._listing.all(FIRST, PERIODS)
    keys = zip(offered.period.tolist(), offered.user.tolist(), offered.item.tolist(), strict=True)
    candidates = {key for key in keys if key[0] in others}
    assert {key for key, row in found.items() if row[0] and key[0] in others} == candidates & bought(log)
    said, kinds = told(requests), Counter(row[1] for row in found.values())
    assert said.positives == kinds[0]
    assert {kind: count for kind, count in said.negatives.items() if count} == {
        "exposure": kinds[EXPOSURE],
        "candidate": kinds[CANDIDATE],
    }
    assert said.positives_not_on_sale == shown_account["positives_not_on_sale"]
    in_others = {key for key in bought(log) if key[0] in others}
    assert said.positives_not_candidates == len(in_others) - len(in_others & candidates)
    assert said.ratio == pytest.approx((len(found) - kinds[0]) / kinds[0], abs=1e-6)
    assert 0 < said.negatives_rate < 1
    assert sum(stretch.periods for stretch in said.exposures) == len(shown)
    assert len(said.exposures) == 1 + sum(b - a > 1 for a, b in zip(list(shown), list(shown)[1:], strict=False))


def test_rows_of_both_are_described_in_their_order():
    """And the scores of sources are features of both."""
    requests = of(shop(2, (4, 5, 9, 13)))
    chunk = requests.labelled()
    user, item, period = (chunk.keys.column(name).to_numpy() for name in ("user_code", "item_code", "period"))
    found = chunk.describe()
    expected = requests._describer.describe(user, item, period)
    for name in expected.column_names:
        assert found.column(name).to_pylist() == expected.column(name).to_pylist(), name
    for name, scores in requests._listing.scores_of(user, item, period).items():
        assert found.column(f"score_{name}").to_pylist() == scores.tolist()


def test_drawn_negatives_are_what_they_were():
    log = shop(3, (5,))
    requests = of(log, negatives_from="drawn")
    account = as_labelled(requests, requests.labelled().keys, range(FIRST, PERIODS))
    assert account["negatives"]["popularity"] > 0
    assert told(requests).exposures[0].periods == 1


def test_a_labelled_row_knows_the_hour_of_its_request():
    log = shop(3)
    keys, first = of(log).labelled().keys, {}
    for e in sorted(log, key=lambda e: e.second):
        if e.kind == "purchase":
            first.setdefault((e.period, e.user), e.second // 3600 % 24)
    requests = zip(keys.column("period").to_pylist(), keys.column("user_code").to_pylist(), strict=True)
    assert keys.column("hour").to_pylist() == [first[request] for request in requests]


@pytest.mark.parametrize("shown", [(), (4, 5, 9, 13), range(PERIODS)])
def test_takings_mark_what_a_labelled_row_stands_for(shown):
    log = shop(4, shown)
    requests = of(log)
    keys = requests.labelled().keys
    table = requests.tables(keys)["takings"]
    names = ("moment", "user_code", "item_code")
    found = dict(
        zip(zip(*(table.column(n).to_pylist() for n in names), strict=True), table.column("sampled").to_pylist(), strict=True)
    )
    assert len(found) == table.num_rows
    assert set(found) == bought(log, 0, PERIODS + 1)
    assert {key for key, sampled in found.items() if sampled} == {key for key, row in rows(keys).items() if row[0]}


def test_requests_count_what_was_taken_and_what_of_it_was_new():
    log = shop(5)
    requests = of(log)
    table = requests.tables(requests.labelled().keys)["requests"]
    expected = {}
    for period, user, item in bought(log, TUNING):
        counts = expected.setdefault((period, user), [0, 0])
        counts[0] += 1
        counts[1] += not any((p, user, item) in bought(log, 0) for p in range(period))
    columns = (table.column(name).to_pylist() for name in ("period", "user_code", "truth_count", "new_count"))
    assert {(p, u): [count, new] for p, u, count, new in zip(*columns, strict=True)} == expected
    assert set(table.column("split").to_pylist()) == {"tuning", "test"}


def test_candidates_of_later_requests_and_of_everyone_after_the_log():
    log = shop(6)
    requests = of(log)
    (first, ranked), (second, upcoming) = requests.ranked()
    assert (first, second) == ("candidates", "upcoming")
    offered = requests._listing.all(TUNING, PERIODS)
    for name, column in (("user_code", offered.user), ("item_code", offered.item), ("label", offered.label)):
        assert ranked.keys.column(name).to_pylist() == column.tolist()
    assert set(ranked.keys.column("split").to_pylist()) == {"tuning", "test"}
    assert set(upcoming.keys.column("period").to_pylist()) == {PERIODS}
    assert set(upcoming.keys.column("user_code").to_pylist()) == {user for _, user, _ in bought(log, 0)}
    assert upcoming.describe().num_rows == upcoming.keys.num_rows
    assert len(set(ranked.keys.column("sample_id").to_pylist())) == ranked.keys.num_rows


def test_sizes_are_chosen_on_tuning_where_the_config_gives_none():
    """So what comes after tuning changes none of them."""
    log = shop(7)
    chosen = told(of(log, candidate_sizes={}, candidates=8))
    assert sum(chosen.candidate_sizes.values()) > 0
    assert chosen.candidate_steps[-1].candidates <= 8
    last = Event(0, 0, "purchase", PERIODS * 7 * DAY - 60)
    short = [e for e in log if e.period < TUNING + 2] + [last]
    again = told(of(short, candidate_sizes={}, candidates=8))
    assert again.candidate_sizes == chosen.candidate_sizes
    assert again.candidate_steps == chosen.candidate_steps


def test_later_events_change_no_sample_of_training():
    """Neither who is a candidate, nor whether it is drawn, nor its weight: sizes given, the share is that of training."""
    log = shop(8)
    last = Event(0, 0, "purchase", PERIODS * 7 * DAY - 60)
    early = [e for e in log if e.period < TRAIN_END] + [last]
    found, again = (
        {key: row for key, row in rows(of(each).labelled().keys).items() if key[0] < TRAIN_END} for each in (log, early)
    )
    assert found == again


def test_nothing_left_on_sale_is_a_split_without_rows():
    """The shop closes for longer than items stay on sale, and sells again at the very end: the error names the split."""
    log = [e for e in shop(1) if e.period < 5] + [Event(0, 0, "purchase", PERIODS * 7 * DAY - 60)]
    chunk = of(log).labelled()
    found = rows(chunk.keys)
    assert {period for period, _, _ in found} <= {3, 4}
    with pytest.raises(SplitError, match="validation"):
        check_splits(chunk.label, chunk.split, BINARY, "advice")


def test_a_user_whose_whole_past_is_off_sale_has_samples_all_the_same():
    """Of what the others take."""
    log = [e for e in shop(1) if e.user != 5 and e.item != 29]
    log += [Event(5, 29, "purchase", 60), Event(5, 3, "purchase", 9 * 7 * DAY)]
    mine = {key: row for key, row in rows(of(log, negatives=40.0).labelled().keys).items() if key[1] == 5}
    assert mine
    assert {period for period, _, _ in mine} == {9}
    assert (9, 5, 29) not in mine


def test_requests_without_positives_among_their_candidates_have_negatives():
    """A user whose every taking is new to the shop: nothing that could be ranked was taken, and that is said."""
    log = [e for e in shop(1) if e.user != 5]
    fresh = [Event(5, 20 + week, "purchase", week * 7 * DAY) for week in range(FIRST, 9)]
    log = [e for e in log if e.item is None or e.item < 20] + fresh
    requests = of(log, negatives=40.0)
    mine = {key: row for key, row in rows(requests.labelled().keys).items() if key[1] == 5}
    assert {period for period, _, _ in mine} == set(range(FIRST, 9))
    assert not any(row[0] for row in mine.values())
    assert told(requests).positives_not_candidates >= len(fresh)


def test_all_candidates_taken_leave_no_negatives():
    """Everyone takes everything, always: a split of one class is refused, and nothing breaks before."""
    log = [
        Event(user, item, "purchase", (week * 7 + 6) * DAY + 86_000)
        for user in range(3)
        for item in range(4)
        for week in range(16)
    ]
    chunk = of(log).labelled()
    assert chunk.label.all()
    assert chunk.account["negatives_rate"] == 1.0
    with pytest.raises(SplitError, match="train"):
        check_splits(chunk.label, chunk.split, BINARY, "advice")


def test_ties_everywhere_fall_to_the_lower_item():
    """Everything sells alike: each list begins with the lowest items, so the samples are the same in every order of the log."""
    log = [
        Event(user, item, "purchase", (week * 7 + 6) * DAY + 86_000)
        for user in range(6)
        for item in range(12)
        for week in range(16)
    ]
    log = [e for e in log if (e.item + e.user + e.period) % 6 == 0]
    keys, again = (of(each).labelled().keys for each in (log, log[::-1]))
    assert keys.equals(again)
