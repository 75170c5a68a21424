"""A run that is made again while it is served."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from assay.benchmark import freeze, open_kept
from assay.benchmark.keep.folder import RESULTS
from assay.errors import InputError
from assay.runs.manifest import Manifest
from assay.runs.store import Folder, file_digest, write_parquet
from assay.serving import lists, stored
from assay.serving.boards import Test
from assay.serving.living import Living, LivingKept, Served, Watch
from assay.testing.benchmarks import make_benchmark, predictions


@pytest.fixture
def folder(served_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(served_folder, tmp_path / "run"))


def first(living: Living) -> object:
    return lists.recommend(living.run, "u7", 1).recommendations[0].item_id


def begin_again(folder: Path) -> Manifest:
    """What the runner does first: it drops the entries that do not hold. What it gives: the manifest as it was."""
    run = Folder(folder)
    manifest = Manifest.read(run)
    manifest.dropped({"recommend", "evaluate", "trust", "summary", "search"}).write(run)
    return manifest


def end(folder: Path, manifest: Manifest) -> None:
    """Write other lists, each turned round, and the entries of a whole run without a search."""
    run = Folder(folder)
    name = "recommendations.parquet"
    table = run.read_table(name)
    rank = table.column("rank").to_numpy()
    write_parquet(folder / name, table.set_column(table.column_names.index("rank"), "rank", pa.array(11 - rank)))
    entry = manifest.entries["recommend"]
    entry = type(entry)("another", {**entry.artefacts, name: file_digest(folder / name)})
    manifest.dropped({"search"}).with_entry("recommend", entry).write(run)


def test_answers_are_of_the_old_run_until_the_new_one_is_whole(folder):
    living = Living(folder, "run")
    living.look()  # reads ahead
    before = first(living)
    last = lists.recommend(living.run, "u7", 10).recommendations[-1].item_id
    found = stored.search(living.searching, "rye bread").items
    manifest = begin_again(folder)
    for name in ("recommendations.parquet", "recommendations_scores.parquet", "samples/upcoming.parquet", "search/words.parquet"):
        (folder / name).rename(folder / "gone.parquet")  # everything is at hand
        living.look()
        assert first(living) == before
        assert stored.search(living.searching, "rye bread").items == found
        assert lists.recommend(living.run, "u7", 5, exclude_bought=True).recommendations
        assert lists.similar(living.run, "x/y z", 3).items
        assert lists.following(living.run, ["x/y z"], 3).items
        (folder / "gone.parquet").rename(folder / name)
    end(folder, manifest)
    living.look()
    assert first(living) == last != before
    assert "search" not in living.run.stages
    assert stored.search(living.searching, "rye bread").items == found  # by the last that could


def test_what_did_not_change_is_not_read_again(folder):
    living = Living(folder, "run")
    living.look()
    run = living.run
    Manifest.read(Folder(folder)).write(Folder(folder))
    living.look()
    assert living.run is run


def test_a_run_that_is_half_made_is_refused(folder):
    begin_again(folder)
    with pytest.raises(InputError, match="not finished, the stages trust, summary"):
        Living(folder, "run")


def test_a_watch_outlives_a_run_that_is_being_made(folder, monkeypatch):
    monkeypatch.setattr("assay.serving.living.SECONDS", 0.01)
    living = Living(folder, "run")
    before, watch = first(living), Watch([living])
    watch.start()
    manifest = begin_again(folder)
    (folder / "config.json").rename(folder / "config.gone")
    assert first(living) == before
    (folder / "config.gone").rename(folder / "config.json")
    end(folder, manifest)
    for _ in range(3_000):
        if first(living) != before:
            break
        time.sleep(0.01)
    watch.stop()
    assert first(living) != before


def test_what_is_scored_on_a_kept_benchmark_is_taken_up_and_what_cannot_be_read_is_not(folder, tmp_path):
    run, kept = Living(folder, "run"), freeze(make_benchmark(40, systems=3), tmp_path / "kept")
    served = LivingKept(kept, [run], {})

    def test() -> Test:
        served.look()
        return run.run.at_hand(served.make)

    before = test()
    assert test() is before
    broken = kept.folder / RESULTS / "broken.parquet"
    broken.parent.mkdir()
    broken.write_bytes(b"no Parquet")
    with pytest.raises(InputError, match="cannot be read"):
        served.look()
    assert test() is before
    broken.unlink()
    open_kept(kept.folder).score({"新": predictions(kept.benchmark, 1)})
    after = test()
    assert [*before.scores.systems, "新"] == list(after.scores.systems) == list(kept.board().systems)
    [measure, *_] = after.scores.measures
    assert after.scores.means(measure).tolist() == kept.board().means(measure).tolist()


def test_what_many_ask_for_at_once_is_read_once(served_folder):
    run, made = Served(served_folder), []

    def slowly(_run):
        made.append(1)
        time.sleep(0.05)
        return object()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run.at_hand(slowly), range(32)))
    assert len(set(map(id, answers))) == len(made) == 1
