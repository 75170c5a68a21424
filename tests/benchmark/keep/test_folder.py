import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.benchmark.compact.designs import anchors, compact
from assay.benchmark.compact.estimation import estimate
from assay.benchmark.compact.shrink import shrink
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.keep.folder import MANIFEST, USES, freeze, open_kept
from assay.errors import InputError
from assay.testing.benchmarks import make_benchmark, predictions


def test_what_is_frozen_is_read_back(tmp_path):
    made = make_benchmark(requests=40)
    kept = freeze(made, tmp_path / "基準 📏", name="shop")
    again = open_kept(tmp_path / "基準 📏")
    assert (again.label, again.version, again.replaces) == (kept.label, 1, None)
    for name in ("requests", "truth", "candidates"):
        assert getattr(again.benchmark, name).equals(getattr(made, name))
    np.testing.assert_array_equal(again.benchmark.scores.of("ndcg@10"), made.scores.of("ndcg@10"))
    assert (again.benchmark.measures, dict(again.benchmark.about)) == (made.measures, dict(made.about))


def test_what_measures_beyond_accuracy_need_is_frozen_too(tmp_path):
    made = make_benchmark(requests=40)
    names, own = ("ndcg@10", "coverage@5", "novelty@5", "popularity_lift@5"), ["request_id", "user_id"]
    train = pa.table({"user_id": made.requests["user_id"], "item_id": made.candidates["item_id"].slice(0, 40)})
    known = Benchmark.of(made.truth, requests=made.requests.select(own), candidates=made.candidates, measures=names, train=train)
    freeze(known, tmp_path / "b")
    again = open_kept(tmp_path / "b").benchmark
    assert again.items.equals(known.items)
    assert again.requests.column_names == [*own, "past_popularity"]
    one = {"one": predictions(made, 1)}
    for name in names:
        np.testing.assert_array_equal(again.score(one).of(name), known.score(one).of(name))


def test_the_fingerprint_is_of_the_content_alone(tmp_path):
    made = make_benchmark(requests=40)
    one, two = (freeze(made, tmp_path / name) for name in ("one", "two"))
    other = freeze(make_benchmark(requests=40, seed=1), tmp_path / "other")
    assert one.fingerprint == two.fingerprint != other.fingerprint


@pytest.mark.parametrize("file", ["requests.parquet", "truth.parquet", "candidates.parquet", "scores.parquet", "card.json"])
def test_a_file_changed_by_hand_is_named(tmp_path, file):
    freeze(make_benchmark(requests=40), tmp_path / "b")
    path = tmp_path / "b" / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match=f"{file} changed since the benchmark was frozen.*restore it, or freeze"):
        open_kept(tmp_path / "b")
    path.unlink()
    with pytest.raises(InputError, match=f"{file} changed"):
        open_kept(tmp_path / "b")


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "0" * 64},
        {"name": "zz"},
        {"version": 7},
        {"measures": ["mrr@10"]},
        {"artefacts": None},
        {"artefacts": {}},
        {"seal": ""},
    ],
)
def test_a_manifest_changed_by_hand_is_named(tmp_path, change):
    freeze(make_benchmark(requests=40), tmp_path / "b")
    path = tmp_path / "b" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=f"{MANIFEST} changed"):
        open_kept(tmp_path / "b")


def test_a_manifest_that_is_none_is_said(tmp_path):
    freeze(make_benchmark(requests=40), tmp_path / "b")
    path = tmp_path / "b" / MANIFEST
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        open_kept(tmp_path / "b")
    for text in ("{", "3", "null"):
        path.write_text(text)
        with pytest.raises(InputError, match="holds no benchmark"):
            open_kept(tmp_path / "b")
    del about["name"]
    path.write_text(json.dumps(about))
    with pytest.raises(InputError, match=f"{MANIFEST} changed"):
        open_kept(tmp_path / "b")


def test_nothing_is_written_over(tmp_path):
    made = make_benchmark(requests=40)
    freeze(made, tmp_path / "b")
    with pytest.raises(InputError, match="is there already"):
        freeze(made, tmp_path / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        freeze(made, tmp_path / "file" / "b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "file"]


def test_a_version_follows_the_one_it_replaces(tmp_path):
    first = freeze(make_benchmark(requests=40), tmp_path / "v1", name="shop")
    second = freeze(make_benchmark(requests=50), tmp_path / "v2", replaces=tmp_path / "v1")
    assert (second.name, second.version, second.replaces) == ("shop", 2, first.fingerprint)


def test_results_stay_with_the_benchmark_and_are_counted(tmp_path):
    made = make_benchmark(requests=60, systems=2)
    kept = freeze(made, tmp_path / "b")
    assert kept.uses() == []
    ranked = {"新系统": predictions(made, 3), "a/b: c": predictions(made, 4)}
    scored = kept.score(ranked, {"新系统": "new"})
    assert scored.benchmark == kept.label
    board = open_kept(tmp_path / "b").board()
    assert set(board.systems) == {"system 0", "system 1", *ranked}
    assert dict(zip(board.systems, board.families, strict=True))["新系统"] == "new"
    np.testing.assert_array_equal(board.of("map@10")[board.number("a/b: c")], scored.of("map@10")[1])
    assert "device" in board.attributes
    with pytest.raises(InputError, match="system '新系统' has been scored already"):
        kept.score({"新系统": predictions(made, 3)})
    with pytest.raises(InputError, match="system 'system 0' has been scored already"):
        kept.score({"system 0": predictions(made, 0)})
    assert [(use["what"], use["systems"]) for use in kept.uses()] == [("score", list(ranked))]


def test_a_line_that_a_kill_cut_short_is_left_out_and_swallows_none(tmp_path):
    kept = freeze(make_benchmark(requests=40), tmp_path / "b")
    kept.consulted("compare", ("x",))
    with (tmp_path / "b" / USES).open("ab") as stream:
        stream.write('{"when": "2026-", "systems": ["新'.encode()[:-1])
    kept.consulted("compare", ("系统",))
    with (tmp_path / "b" / USES).open("ab") as stream:
        stream.write(b'3\n{"when": "2026-01-01"}\n{"when": 7, "what": "compare", "systems": ["y"]}\n')
        stream.write(b'{"when": "2026-01-01", "what": "compare", "systems": [{}]}\n')
    assert [use["systems"] for use in kept.uses()] == [["x"], ["系统"]]


def test_a_use_that_cannot_be_counted_leaves_nothing_scored(tmp_path):
    made = make_benchmark(requests=40)
    kept = freeze(made, tmp_path / "b")
    (tmp_path / "b" / USES).mkdir()
    with pytest.raises(InputError, match=r"uses.jsonl: cannot write .* so the use cannot be counted"):
        kept.score({"new": predictions(made, 8)})
    assert not list((tmp_path / "b").glob("results/*"))


def test_a_compact_set_is_no_plain_sample(tmp_path):
    small, drawn, _ = shrink(make_benchmark(requests=200), budget=30, redraws=2)
    kept = freeze(small, tmp_path / "c", compact=drawn)
    with pytest.raises(InputError, match="is a compact set, plain means of it mislead; use: assay benchmark estimate"):
        kept.score({"new": predictions(small, 8)})


def test_a_failure_of_any_kind_leaves_no_partial_folder(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        freeze(replace(make_benchmark(requests=40), about={"x": float("nan")}), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_results_of_two_versions_are_not_compared(tmp_path):
    made = make_benchmark(requests=60, systems=2)
    first = freeze(made, tmp_path / "v1", name="shop")
    second = freeze(replace(made, about={"of": "others"}), tmp_path / "v2", replaces=tmp_path / "v1")
    a, b = first.score({"mine": predictions(made, 3)}), second.score({"yours": predictions(made, 4)})
    with pytest.raises(InputError, match=r"results of shop version 1 \(.*\) and of shop version 2 \(.*\) cannot be compared"):
        a.join(b)
    assert a.join(first.score({"ours": predictions(made, 5)})).systems == ("mine", "ours")


def test_an_empty_benchmark_has_no_board(tmp_path):
    kept = freeze(replace(make_benchmark(requests=40), scores=None), tmp_path / "b")
    with pytest.raises(InputError, match="no system has been scored here"):
        kept.board()


@pytest.mark.parametrize("design", ["neyman", "stratified", "simple"])
def test_a_compact_set_estimates_as_the_array_function_does(tmp_path, design):
    made = make_benchmark(requests=300)
    small, drawn, trial = shrink(made, budget=60, design=design, redraws=20, seed=3)
    kept = freeze(small, tmp_path / "c", compact=drawn)
    whole = made.score({"new": predictions(made, 9)}).of("ndcg@10")[0]
    asked = predictions(made, 9)
    asked = asked.filter(pa.array(np.isin(asked.column("request_id").to_numpy(), small.requests.column("request_id").to_numpy())))
    found, exact = open_kept(tmp_path / "c").estimate("new", asked), estimate(drawn, whole[drawn.rows])
    assert found == exact
    assert kept.uses()[0]["what"] == "estimate"
    assert [one.design for one in trial] == ["mean", design]
    assert kept.benchmark.about["trial"][1]["design"] == design


@pytest.mark.parametrize("method", ["greedy", "kmeans"])
def test_anchors_guess_and_have_no_interval(tmp_path, method):
    made = make_benchmark(requests=300)
    small, drawn, trial = shrink(made, budget=30, design=method)
    kept = freeze(small, tmp_path / "a", compact=drawn)
    assert trial == ()
    whole = made.score({"new": predictions(made, 9)}).of("ndcg@10")[0]
    asked = predictions(made, 9)
    asked = asked.filter(pa.array(np.isin(asked.column("request_id").to_numpy(), small.requests.column("request_id").to_numpy())))
    assert open_kept(tmp_path / "a").guess("new", asked) == pytest.approx(
        anchors(made.scores.of("ndcg@10"), budget=30, method=method).value(whole[drawn.rows])
    )
    with pytest.raises(InputError, match="anchors were chosen, not drawn"):
        kept.estimate("new", asked)


def test_only_a_compact_set_estimates(tmp_path):
    made = make_benchmark(requests=40)
    with pytest.raises(InputError, match="is no compact set; draw one: assay benchmark compact"):
        freeze(made, tmp_path / "b").estimate("new", predictions(made, 1))


KILLED = """
import os, signal, sys
from pathlib import Path
from assay.benchmark.keep import folder as keep
from assay.testing.benchmarks import make_benchmark
write = keep.write_parquet
def killed(path, table):
    write(path, table)
    if path.name == "truth.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
keep.write_parquet = killed
keep.freeze(make_benchmark(requests=40), Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_kill_leaves_nothing_that_looks_whole(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "b")], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(InputError, match="holds no benchmark"):
        open_kept(tmp_path / "b")
    kept = freeze(make_benchmark(requests=40), tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
    assert pq.read_table(kept.folder / "truth.parquet").equals(kept.benchmark.truth)


def test_the_draw_of_a_compact_set_does_not_depend_on_the_order_of_rows():
    made = make_benchmark(requests=200)
    board, order = made.scores, np.random.default_rng(0).permutation(200)
    ids = board.request.to_numpy(zero_copy_only=False)
    one = compact(board.of("ndcg@10"), budget=40, families=np.array(board.families), ids=ids, seed=2)
    two = compact(board.of("ndcg@10")[:, order], budget=40, families=np.array(board.families), ids=ids[order], seed=2)
    assert set(ids[one.rows]) == set(ids[order][two.rows])
