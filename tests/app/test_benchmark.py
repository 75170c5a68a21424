"""`assay benchmark` from the command line: on a run, on tables, on TREC files; what it refuses, with exit code 2."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from assay.app import card, cli
from assay.benchmark import compare as compared
from assay.benchmark import policy_value
from assay.benchmark.keep.folder import freeze, open_kept
from assay.benchmark.plan.build import build as build_benchmark
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.benchmark_commands import asked, called

POOL = make_benchmark(requests=200)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The pool's tables as files: truth, requests, candidates, and predictions of systems by name."""
    folder = tmp_path_factory.mktemp("tables")
    for name in ("truth", "requests", "candidates"):
        pq.write_table(getattr(POOL, name), folder / f"{name}.parquet")
    for k in range(8):
        csv.write_csv(predictions(POOL, k), folder / f"s{k}.csv")
    return folder


def tables(folder, systems=6):
    out = [part for name in ("truth", "requests", "candidates") for part in (f"--{name}", str(folder / f"{name}.parquet"))]
    for k in range(systems):
        out += ["--system", f"系统 {k}={folder / f's{k}.csv'}", "--family", f"系统 {k}=family {k % 3}"]
    return out


def boards(arguments):
    """Without the options that only a benchmark's making takes."""
    at = [k for k, word in enumerate(arguments) if word in ("--requests", "--candidates")]
    return [word for k, word in enumerate(arguments) if k not in at and k - 1 not in at]


def test_from_tables_to_an_estimate_and_back(files, tmp_path, capsys):
    made = asked(capsys, "build", *tables(files), "--difference", "0.08", "--name", "店", "--out", tmp_path / "v1")
    kept = open_kept(tmp_path / "v1")
    assert made["benchmark"] == kept.label
    assert len(kept.benchmark) == made["about"]["size"] < 200
    called(capsys, "compact", tmp_path / "v1", "--budget", "40", "--redraws", "20", "--out", tmp_path / "c1")
    small = open_kept(tmp_path / "c1").benchmark

    new = predictions(POOL, 7)
    for benchmark, path in ((kept.benchmark, "whole.parquet"), (small, "small.parquet")):
        ids = benchmark.requests.column("request_id").combine_chunks()
        pq.write_table(new.filter(pc.is_in(new.column("request_id"), ids)), tmp_path / path)
    scored = asked(capsys, "score", tmp_path / "v1", "--system", f"🆕={tmp_path / 'whole.parquet'}")
    found = asked(capsys, "estimate", tmp_path / "c1", "--system", f"🆕={tmp_path / 'small.parquet'}")["systems"]["🆕"]
    truth = scored["means"]["🆕"]["ndcg@10"]
    assert found["low"] < truth < found["high"]
    assert abs(found["value"] - truth) < 0.05

    board = asked(capsys, "compare", tmp_path / "v1", "--against", "🆕")["boards"]["ndcg@10"]
    assert {line["system"] for line in board} == {"🆕", *(f"系统 {k}" for k in range(6))}
    assert "🆕" in called(capsys, "compare", tmp_path / "v1")
    now = asked(capsys, "status", tmp_path / "v1", "--traffic", files / "requests.parquet")
    assert (now["uses"], now["systems"], now["renew"]) == ({"score": 1, "compare": 2}, 7, [])
    assert {line["attribute"] for line in now["drift"]} == {"device", "price"}
    assert "estimate 1" in called(capsys, "status", tmp_path / "c1")


def test_predictions_for_more_requests_are_cut_and_it_says_so(files, tmp_path, capsys):
    """Of everything that a kept benchmark judges; with truth of one's own they are refused, as they always were."""
    kept, small = freeze(POOL.take(range(120)), tmp_path / "b", name="b"), tmp_path / "c"
    called(capsys, "compact", tmp_path / "b", "--budget", "30", "--redraws", "10", "--out", small)
    told = "新: {} requests that the benchmark does not have were left out\n"
    whole = ["--system", f"新={files / 's7.csv'}"]
    assert cli.main(["benchmark", "compare", str(tmp_path / "b"), *whole, "--json"]) == 0
    found = capsys.readouterr()
    assert found.err == told.format(80)
    systems = json.loads(found.out)["boards"]["ndcg@10"]
    expected = kept.benchmark.score(kept.benchmark.cut({"新": files / "s7.csv"})[0]).means("ndcg@10")[0]
    assert [line["value"] for line in systems if line["system"] == "新"] == [pytest.approx(expected)]
    assert {line["system"] for line in systems} == {"新", *(f"system {k}" for k in range(6))}
    assert kept.uses()[-1]["what"] == "compare"
    assert not (tmp_path / "b" / "results").exists()
    for command, folder, others in (("score", tmp_path / "b", 80), ("estimate", small, 170)):
        assert cli.main(["benchmark", command, str(folder), *whole]) == 0
        assert capsys.readouterr().err == told.format(others)
    again = ["--system", f"system 5={files / 's7.csv'}"]  # a file takes the place of what was scored under its name
    boards = asked(capsys, "compare", tmp_path / "b", *again)["boards"]["ndcg@10"]
    assert [line["value"] for line in boards if line["system"] == "system 5"] == [pytest.approx(expected)]
    pq.write_table(kept.benchmark.truth, tmp_path / "truth.parquet")
    said = called(capsys, "compare", "--truth", tmp_path / "truth.parquet", *whole, code=2)
    assert "answers 80 requests that truth does not name" in said


def test_the_card_is_a_page_that_needs_nothing_else(files, tmp_path, capsys):
    out = called(capsys, "build", *tables(files), "--size", "50", "--out", tmp_path / "b")
    page = (tmp_path / "b" / "card.html").read_text(encoding="utf-8")
    assert "card" in out
    assert 'id="what"' in page
    assert 'id="kinds"' in page
    assert "מחשב" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    open_kept(tmp_path / "b")  # the card is no part of the fingerprint


def test_names_are_escaped_on_the_card(tmp_path):
    made = make_benchmark(requests=40, systems=2)
    hostile = "<script>alert('x')</script> & \"y\""
    requests = made.requests.set_column(2, "device", pa.array([hostile] * 20 + ["b"] * 20))
    kept = freeze(build_benchmark(replace(made, requests=requests), size=20), tmp_path / "b", name=hostile)
    page = card.write(kept).read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("design", ["neyman", "stratified", "simple", "greedy", "kmeans"])
def test_every_design_can_be_kept_and_asked(files, tmp_path, capsys, design):
    called(capsys, "compact", *tables(files), "--budget", "30", "--design", design, "--redraws", "10", "--out", tmp_path / "c")
    small = open_kept(tmp_path / "c").benchmark
    new = predictions(POOL, 7)
    ids = small.requests.column("request_id").combine_chunks()
    pq.write_table(new.filter(pc.is_in(new.column("request_id"), ids)), tmp_path / "new.parquet")
    out = called(capsys, "estimate", tmp_path / "c", "--system", f"new={tmp_path / 'new.parquet'}")
    assert ("no interval is valid" in " ".join(out.split())) == (design in ("greedy", "kmeans"))


def test_comparisons_are_those_of_python(files, capsys):
    found = asked(capsys, "compare", *boards(tables(files)), "--measure", "mrr@10", "--test", "randomisation")
    board = POOL.score({f"系统 {k}": predictions(POOL, k) for k in range(6)})
    plain = replace(board, user=np.arange(200))  # without the table of requests each is one user's
    for mine, theirs in zip(found["comparisons"], compared(plain, ["mrr@10"], test="randomisation").to_pylist(), strict=True):
        assert mine == {k: pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for k, v in theirs.items()}
    sliced = asked(capsys, "compare", *boards(tables(files))[2:], "--truth", files / "truth.parquet", "--measure", "ndcg@10")
    assert {line["measure"] for line in sliced["comparisons"]} == {"ndcg@10"}


def test_a_measure_asked_twice_is_one(files, capsys):
    once, twice = (asked(capsys, "compare", *boards(tables(files, 3)), *["--measure", "mrr@10"] * times) for times in (1, 2))
    assert once == twice


def test_only_what_was_answered_counts_as_a_use(files, tmp_path, capsys):
    called(capsys, "build", *tables(files, 3), "--out", tmp_path / "b")
    called(capsys, "compare", tmp_path / "b", "--measure", "zz", code=2)
    called(capsys, "compare", tmp_path / "b", "--against", "nobody", code=2)
    called(capsys, "measures", tmp_path / "b")
    called(capsys, "plan", tmp_path / "b", "--within", "0.2")
    assert asked(capsys, "status", tmp_path / "b")["uses"] == {"measures": 1, "plan": 1}


def test_one_file_of_requests_serves_build_and_audit(files, tmp_path, capsys):
    when = np.datetime64("2025-01-01") + np.arange(200) * np.timedelta64(3_600, "s")
    requests = pq.read_table(files / "requests.parquet").append_column("timestamp", pa.array(when))
    requests = requests.append_column("since", pa.array(when.astype("datetime64[D]")))
    pq.write_table(requests, tmp_path / "r.parquet")
    given = ["--truth", files / "truth.parquet", "--requests", tmp_path / "r.parquet"]
    about = asked(capsys, "build", *given, "--size", "40", "--out", tmp_path / "b")["about"]
    assert {line["attribute"] for line in about["distances"]} == {"device", "price", "since"}
    found = asked(capsys, "audit", *given, "--traffic", tmp_path / "r.parquet")
    assert {"shares", "listed_twice"} <= set(found["checked"])
    pq.write_table(requests.select(["request_id", "user_id", "timestamp"]), tmp_path / "bare.parquet")
    given = ["--truth", files / "truth.parquet", "--requests", tmp_path / "bare.parquet"]
    assert asked(capsys, "build", *given, "--size", "40", "--out", tmp_path / "bare")["about"]["distances"] == []


def test_groups_of_a_kept_benchmark(files, tmp_path, capsys):
    called(capsys, "build", *tables(files), "--out", tmp_path / "b")
    found = asked(capsys, "compare", tmp_path / "b", "--group", "device", "--against", "系统 0")
    assert {line["group"] for line in found["comparisons"]} == {"phone", "桌面", "📺", "מחשב"}
    assert "phone" in called(capsys, "compare", tmp_path / "b", "--group", "device", "--against", "系统 0")


def test_measures_and_plan_of_trec_files(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with (tmp_path / "t.qrels").open("w") as qrels:
        for q in range(60):
            qrels.writelines(f"q{q} 0 d{d} 1\n" for d in rng.permutation(20)[:3])
    runs = []
    for name in ("one", "two", "three"):
        with (tmp_path / f"{name}.run").open("w") as run:
            for q in range(60):
                run.writelines(f"q{q} Q0 d{d} 1 {rng.random()} {name}\n" for d in range(20))
        runs += ["--system", tmp_path / f"{name}.run"]
    found = asked(capsys, "measures", "--truth", tmp_path / "t.qrels", *runs)
    assert found["decide"] in found["report"]
    assert found["decide"] in called(capsys, "measures", "--truth", tmp_path / "t.qrels", *runs)
    size = asked(capsys, "plan", "--truth", tmp_path / "t.qrels", *runs, "--difference", "0.2")["size"]
    assert 10 <= size <= 60
    assert "cannot give" in called(capsys, "plan", "--truth", tmp_path / "t.qrels", *runs, "--difference", "0.0001")


def test_policies_of_a_log_of_exposures(tmp_path, capsys):
    rng = np.random.default_rng(0)
    shown, other = rng.uniform(0.1, 0.9, 2_000), rng.uniform(0.0, 0.9, 2_000)
    clicks = (rng.random(2_000) < 0.2).astype(float)
    user = rng.integers(300, size=2_000)
    table = {
        "user_id": user,
        "reward": clicks,
        "propensity": shown,
        "新": other,
        "guess": np.full(2_000, 0.2),
        "guess_新": 0.2 + 0 * other,
    }
    pq.write_table(pa.table(table), tmp_path / "log.parquet")
    found = asked(capsys, "policies", tmp_path / "log.parquet", "--policy", "新", "--model", "guess")
    assert [line["estimator"] for line in found] == ["ips", "snips", "doubly_robust"]
    exact = policy_value(clicks, shown, other, user=user).to_dict()
    assert found[1] == {"policy": "新"} | {k: pytest.approx(v) if isinstance(v, float) else v for k, v in exact.items()}
    assert "effective rows" in called(capsys, "policies", tmp_path / "log.parquet", "--policy", "新")
    pq.write_table(pa.table(table | {"propensity": 0 * shown}), tmp_path / "zero.parquet")
    assert "propensity of row 0 is 0: it is not in (0, 1]" in called(
        capsys, "policies", tmp_path / "zero.parquet", "--policy", "新", code=2
    )
    assert "no policies" in called(capsys, "policies", tmp_path / "log.parquet", code=2)
    assert "no column 'neu'" in called(capsys, "policies", tmp_path / "log.parquet", "--policy", "neu", code=2)


def test_without_a_command_the_commands_are_listed(capsys):
    listed = called(capsys)
    assert all(command in listed for command in ("build", "audit", "compact", "estimate", "status", "protocols"))


def test_results_of_two_versions_are_not_compared_without_a_word(files, tmp_path, capsys):
    for version, more in (("v1", []), ("v2", ["--replaces", tmp_path / "v1"])):
        called(capsys, "build", *tables(files, 0), *more, "--size", "100", "--out", tmp_path / version, "--seed", version[1])
    results = []
    for version, name in (("v1", "a"), ("v2", "b")):
        kept = open_kept(tmp_path / version)
        ids = kept.benchmark.requests.column("request_id").combine_chunks()
        new = predictions(POOL, 3)
        pq.write_table(new.filter(pc.is_in(new.column("request_id"), ids)), tmp_path / f"{name}.parquet")
        called(capsys, "score", tmp_path / version, "--system", tmp_path / f"{name}.parquet")
        results += (tmp_path / version / "results").glob("*.parquet")
    assert open_kept(tmp_path / "v2").version == 2
    said = called(capsys, "compare", *results, code=2)
    assert re.search(r"results of v1 version 1 .* and of v1 version 2 .* cannot be compared", said)


def changed_by_hand(files, tmp_path, capsys):
    called(capsys, "build", *tables(files, 2), "--size", "30", "--out", tmp_path / "b")
    pq.write_table(pq.read_table(tmp_path / "b" / "truth.parquet").slice(1), tmp_path / "b" / "truth.parquet")
    return ["compare", tmp_path / "b"]


def other_requests(files, tmp_path, capsys):
    table = predictions(POOL, 1)
    strange = table.set_column(0, "request_id", pc.binary_join_element_wise(table.column("request_id"), pa.scalar("x"), ""))
    pq.write_table(strange, tmp_path / "strange.parquet")
    return ["compare", "--truth", files / "truth.parquet", "--system", tmp_path / "strange.parquet"]


def all_equal(files, tmp_path, capsys):
    table = predictions(POOL, 1)
    pq.write_table(table.set_column(2, "score", pa.array(np.ones(table.num_rows))), tmp_path / "flat.parquet")
    return ["compare", "--truth", files / "truth.parquet", "--system", tmp_path / "flat.parquet"]


def nested_ids(files, tmp_path, capsys):
    truth = pa.table({"request_id": [[1], [2]], "item_id": ["a", "b"], "grade": [1, 1]})
    pq.write_table(truth, tmp_path / "nested.parquet")
    return ["compare", "--truth", tmp_path / "nested.parquet", "--system", files / "s1.csv"]


def latin_1(files, tmp_path, capsys):
    (tmp_path / "l1.csv").write_bytes("request_id,item_id,score\nq,caf\xe9,1\n".encode("latin-1"))
    return ["compare", "--truth", files / "truth.parquet", "--system", tmp_path / "l1.csv"]


def of_other_ids(files, tmp_path, capsys):
    table = pq.read_table(files / "candidates.parquet")
    pq.write_table(table.set_column(1, "item_id", pa.array(range(table.num_rows))), tmp_path / "c.parquet")
    return ["build", "--truth", files / "truth.parquet", "--candidates", tmp_path / "c.parquet", "--out", tmp_path / "b"]


def a_link_to_nowhere(files, tmp_path, capsys):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    return ["build", *tables(files, 0), "--size", "20", "--out", tmp_path / "link"]


def no_scoreboard(files, tmp_path, capsys):
    table = pa.table({"system": ["a"]}).replace_schema_metadata({"assay.scoreboard": "[]"})
    pq.write_table(table, tmp_path / "odd.parquet")
    return ["compare", tmp_path / "odd.parquet"]


def one_exposure(files, tmp_path, capsys):
    pq.write_table(pa.table({"reward": [1.0], "propensity": [0.5], "p": [0.5]}), tmp_path / "one.parquet")
    return ["policies", tmp_path / "one.parquet", "--policy", "p"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (nested_ids, r"truth: request_id holds list<element: int64>; give integers or text"),
        (latin_1, r"item_id holds binary; give integers or text \(in UTF-8\)"),
        (of_other_ids, "candidates hold no relevant item of any request"),
        (a_link_to_nowhere, "link: is there already, and a benchmark is never written over"),
        (no_scoreboard, "odd.parquet: the table is no scoreboard of format 2"),
        (one_exposure, "one.parquet has 1 rows; an interval needs 2 at least"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--measure", "ndcg@٣"], "has no cut-off; write ndcg@10"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--measure", f"ndcg@{10**20}"], "has no cut-off; write ndcg@10"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--system", f"={f / 's1.csv'}"], "names no system; write NAME=FILE"),
        (changed_by_hand, "truth.parquet changed since the benchmark was frozen"),
        (other_requests, "answers 200 requests that truth does not name .* truth names 200 that it does not answer"),
        (all_equal, "it ranks nothing"),
        (lambda f, t, c: ["compare"], "nothing given: name a run, a benchmark or a scoreboard"),
        (lambda f, t, c: ["compare", t / "none"], "no such file or folder"),
        (lambda f, t, c: ["compare", t], "holds neither a run nor a benchmark"),
        (lambda f, t, c: ["compare", "--truth", f / "truth.parquet"], "no systems: give --system NAME=FILE"),
        (lambda f, t, c: ["compare", *boards(tables(f, 1))], r"1 system\(s\): a comparison needs at least 2"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--measure", "ndgc@10"], "did you mean 'ndcg'"),
        (lambda f, t, c: ["compare", t, "--truth", f / "truth.parquet"], "are both given"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--system", f"系统 0={f / 's1.csv'}"], "'系统 0' is given twice"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--group", "colour"], "'colour' is no attribute"),
        (lambda f, t, c: ["compare", *boards(tables(f, 2)), "--test", "u"], "test is 'u'; give one of t, randomisation"),
        (lambda f, t, c: ["compact", *tables(f), "--budget", "201", "--out", t / "c"], "budget is 201, but there are 200"),
        (lambda f, t, c: ["compact", *tables(f), "--out", t / "c"], "give a budget"),
        (
            lambda f, t, c: ["build", *tables(f), "--difference", "0.0001", "--out", t / "b"],
            "Ask for less, or bring a longer log",
        ),
        (lambda f, t, c: ["build", t, f, "--out", t / "b"], "2 inputs are given; give one"),
        (lambda f, t, c: ["plan", *boards(tables(f, 2))], "give --difference or --within, one of them"),
        (lambda f, t, c: ["estimate", t / "none", "--system", f / "s1.csv"], "holds no benchmark"),
        (lambda f, t, c: ["build", t / "none", "--out", t], "is there already, and a benchmark is never written over"),
        (lambda f, t, c: ["audit", t], "audit takes one run's folder"),
        (lambda f, t, c: ["audit", "--truth", f / "truth.parquet"], "requests has no column 'user_id'"),
    ],
)
def test_what_is_refused_in_one_line(files, tmp_path, capsys, arguments, match):
    said = called(capsys, *arguments(files, tmp_path, capsys), code=2)
    assert re.search(match, said)
    assert said.count("\n") == 1
