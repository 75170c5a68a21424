import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.judged.asking import _AMONG, Judging
from assay.benchmark.judged.pool import Pool
from assay.benchmark.judged.record import PairJudged
from assay.benchmark.keep.contents import Benchmark
from assay.errors import InputError
from assay.testing.judging import HIGHEST, ToJudge, make_to_judge


@pytest.fixture(scope="module")
def made() -> ToJudge:
    return make_to_judge()


def judge(made: ToJudge, folder, **options) -> Judging:
    settings = {"label": "made version 1", "highest": HIGHEST, **options}
    return Judging(made.benchmark, made.predictions, folder, **settings)


def answer(judging: Judging, name: str, made: ToJudge, most: int = 10_000) -> list[tuple[str, str]]:
    """The pairs that a judge is asked, `most` at most, each answered by its true grade."""
    asked = []
    while len(asked) < most and (question := judging.next(name)) is not None:
        pair = (question.request, question.item)
        judging.grade(name, *pair, made.grades[pair])
        asked.append(pair)
    return asked


def difference(made: ToJudge, measure: str) -> float:
    """Weighted mean of better's minus worse's scores when the truth names every pair, scored as any benchmark is."""
    rows = [(request, item, float(grade)) for (request, item), grade in made.grades.items()]
    rows += [(request, "bought before", 1.0) for request in made.benchmark.requests.column("request_id").to_pylist()]
    truth = pa.table(dict(zip(("request_id", "item_id", "grade"), zip(*rows, strict=True), strict=True)))
    board = Benchmark.of(truth, requests=made.benchmark.requests, measures=[measure]).score(made.predictions)
    weight = made.benchmark.requests.column("weight").to_numpy()
    worse, better = (board.of(measure)[list(board.systems).index(name)] for name in ("worse", "better"))
    return float(weight @ (better - worse))


def pool_of(made: ToJudge, measure: str = "ndcg@10") -> Pool:
    return Pool.of(made.benchmark, made.predictions, measure=measure, highest=HIGHEST)


def test_recall_judged_in_full_is_what_the_board_says_of_the_judged(made):
    """Items that no list holds stay unknown to recall; so the pool's recall is the board's where truth names the pool alone."""
    pool = pool_of(made, "recall@5")
    judged = {pair: made.grades[pair] for pair in pool.at}
    part = made._replace(grades=judged)
    assert pool.open(judged).mean == pytest.approx(difference(part, "recall@5"), abs=1e-12)


def test_ndcg_judged_in_full_is_what_the_board_says_of_the_judged(made):
    pool = pool_of(made)
    judged = {pair: made.grades[pair] for pair in pool.at}
    part = made._replace(grades=judged)
    found = pool.open(judged)
    assert found.mean == pytest.approx(difference(part, "ndcg@10"), abs=1e-12)
    assert found.deviation == 0


def test_what_is_asked_is_among_the_pairs_that_matter_most(made, tmp_path):
    judging, pool, judged = judge(made, tmp_path, overlap=0), pool_of(made), {}
    for _ in range(25):
        question = judging.next("Ada")
        sd = pool.open(judged).sd
        best = np.sort(sd)[::-1][_AMONG - 1]
        pair = (question.request, question.item)
        assert sd[pool.at[pair]] >= best
        judging.grade("Ada", *pair, made.grades[pair])
        judged[pair] = made.grades[pair]


def test_all_that_matters_is_asked_once_and_nothing_else(made, tmp_path):
    asked = answer(judging := judge(made, tmp_path), "Ada", made)
    pool = pool_of(made)
    share = pool.open({}).share
    assert sorted(asked) == sorted(pair for pair, n in pool.at.items() if share[n] != 0)
    progress = judging.progress("Ada")
    assert progress.own == progress.judged == progress.of == len(asked)
    assert progress.confidence == 1.0
    assert judging.next("Ada") is None


def test_pairs_that_the_truth_knows_are_not_asked(made, tmp_path):
    columns = zip(*[(*pair, grade) for pair, grade in made.grades.items()], strict=True)
    truth = pa.table(dict(zip(("request_id", "item_id", "grade"), columns, strict=True)))
    known = made._replace(benchmark=Benchmark.of(truth, requests=made.benchmark.requests))
    judging = judge(known, tmp_path)
    assert judging.next("Ada") is None
    assert judging.results().open.confidence == 1.0


def test_a_share_of_the_pairs_is_asked_of_two_judges(made, tmp_path):
    judging = judge(made, tmp_path, overlap=0.25)
    for _ in range(60):
        for name in ("Ada", "李雷"):
            answer(judging, name, made, 1)
    by = judging.record.standing.pairs
    doubled = sum(len(judges) == 2 for judges in by.values())
    assert doubled == pytest.approx(0.25 * len(by), abs=1)
    assert sum(map(len, by.values())) == 120
    results = judging.results()
    assert results.agreement.units == doubled
    assert results.agreement.alpha == pytest.approx(1.0)
    assert results.judges == {"Ada": 60, "李雷": 60}


def test_one_judge_who_cannot_tell_leaves_the_pair_to_the_next(made, tmp_path):
    judging = judge(made, tmp_path, overlap=0)
    first = judging.next("Ada")
    judging.grade("Ada", first.request, first.item, None)
    assert judging.next("Ada") != first
    asked = answer(judging, "Bo", made)
    assert (first.request, first.item) in asked


def test_judges_get_another_order_each_and_the_same_again(made, tmp_path):
    def order(folder, name):
        folder.mkdir()
        return answer(judge(made, folder), name, made, 12)

    ada, again, bo = order(tmp_path / "a", "Ada"), order(tmp_path / "b", "Ada"), order(tmp_path / "c", "Bo")
    assert ada == again
    assert ada != bo


def test_a_changed_mind_counts_once_and_undoes(made, tmp_path):
    judging = judge(made, tmp_path)
    question = judging.next("Ada")
    judging.grade("Ada", question.request, question.item, 3)
    before = judging.results().open.mean
    judging.grade("Ada", question.request, question.item, 0)
    assert judging.results().open.mean != before
    assert judging.progress("Ada").own == 1


def test_lists_are_shuffled_per_judge_and_the_winner_is_known(made, tmp_path):
    judging = judge(made, tmp_path, overlap=0)
    lists = dict(zip(judging.pool.systems, judging.pool.lists, strict=True))
    sides = []
    for _ in range(len(judging.pool.requests)):
        question = judging.next("Ada", "lists")
        r = judging.pool.requests.index(question.request)
        on_left = list(question.left) == lists["better"][r]
        assert list(question.left if on_left else question.right) == lists["better"][r]
        judged = judging.choose("Ada", question.request, "left" if on_left else "right")
        assert judged.winner == "better"
        sides.append(on_left)
    assert judging.next("Ada", "lists") is None
    assert 5 < sum(sides) < 25
    preference = judging.results().preference
    assert preference.wins == (0, 30)
    assert preference.share == 1.0
    assert preference.low < 0.95
    assert judging.progress("Ada", "lists").judged == 30
    weights = [judging.pool.weight[judging.pool.requests.index(key[0])] for key in judging.record.standing.lists]
    assert weights == sorted(weights, reverse=True)  # those that weigh most come first


@settings(max_examples=25, deadline=None)
@given(h.lists(h.tuples(h.sampled_from(["Ada", "Bo", "Ci"]), h.none() | h.integers(0, HIGHEST)), min_size=1, max_size=30))
def test_whatever_judges_say_nobody_is_asked_twice_and_results_hold(tmp_path_factory, made, said):
    judging = judge(made, tmp_path_factory.mktemp("judged"))
    asked = {}
    for name, grade in said:
        question = judging.next(name)
        assert (name, question.request, question.item) not in asked
        asked[name, question.request, question.item] = grade
        judging.grade(name, question.request, question.item, grade)
    results = judging.results()
    assert results.pairs == len({key[1:] for key, grade in asked.items() if grade is not None})
    assert 0.5 <= results.open.confidence <= 1
    assert judging.progress("Ada").judged <= judging.progress("Ada").of


def test_judges_may_work_at_the_same_time(made, tmp_path):
    judging, faults = judge(made, tmp_path), []

    def work(name):
        try:
            assert len(answer(judging, name, made, 30)) == 30
            judging.results()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(f"judge {n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert set(judging.results().judges.values()) == {30}


def test_another_scale_in_the_same_file_is_refused_or_left_out(made, tmp_path):
    judging = judge(made, tmp_path)
    question = judging.next("Ada")
    judging.record.append(PairJudged(judge="Bo", benchmark="b", request=question.request, item=question.item, grade=1, highest=1))
    assert judging.results().pairs == 0
    with pytest.raises(InputError, match="was judged on the scale 0 to 1, and 0 to 3 is wanted now"):
        judge(made, tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measure": "map@10"}, "worked out for ndcg@k and recall@k"),
        ({"highest": 10}, "must be 1 to 9"),
        ({"overlap": 1.5}, "overlap is 1.5"),
    ],
)
def test_what_cannot_be_judged_is_refused(made, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        judge(made, tmp_path, **options)


def test_answers_to_nothing_that_was_asked_are_refused(made, tmp_path):
    judging = judge(made, tmp_path)
    question = judging.next("Ada")
    with pytest.raises(InputError, match="no list holds this item"):
        judging.grade("Ada", question.request, "another", 1)
    with pytest.raises(InputError, match="grade 4 is none of 0 to 3"):
        judging.grade("Ada", question.request, question.item, 4)
    with pytest.raises(InputError, match="no such request"):
        judging.choose("Ada", "another", "left")
    assert judging.record.lines == 0


def test_one_system_is_no_choice(made, tmp_path):
    with pytest.raises(InputError, match="1 system"):
        judge(made._replace(predictions={"better": made.predictions["better"]}), tmp_path)


def steps(pool: Pool, true, seed: int | None) -> int:
    """Judgements until the verdict has a confidence of .95: the pair that matters most next, or, with a seed, any."""
    pairs, judged = list(pool.at), {}
    shuffled = None if seed is None else np.random.default_rng(seed).permutation(len(pairs)).tolist()
    while (now := pool.open(judged)).confidence < 0.95:
        n = int(np.argmax(now.sd)) if shuffled is None else shuffled[len(judged)]
        judged[pairs[n]] = true[pairs[n]]
    return len(judged)


def test_it_takes_far_fewer_judgements_than_in_random_order():
    first, chance = [], []
    for seed in range(5):
        made = make_to_judge(16, seed=seed)
        pool = pool_of(made)
        first.append(steps(pool, made.grades, None))
        chance.append(steps(pool, made.grades, seed))
    assert np.median(first) < 0.5 * np.median(chance)
