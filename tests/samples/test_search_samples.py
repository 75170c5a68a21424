"""Samples of a log of searches from file to stage: what is stored, what its requests are, what weights its positives have."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assay.config import parse
from assay.errors import ConfigError, InputError
from assay.evaluation import leaks
from assay.runs.store import Folder
from assay.samples import stored
from assay.samples.encoder import with_score
from assay.samples.make import make_samples
from assay.samples.requests import described
from assay.tables import SPLITS
from assay.testing.search import make_search_log, search_config
from tests.conftest import run_in

LOG = make_search_log(users=120, weeks=14, searches=3, random_share=0.5)
PARTS = {"request": "query", "target": "view", "warm_up": 1, "validation": 2, "tuning": 2, "test": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches")
    config = search_config(folder, LOG, samples=PARTS)
    return config, run_in(config, folder / "run", until="samples")


def again(made, tmp_path, **more):
    """The stage once more on the same clean log, under other settings."""
    config, run = made
    (tmp_path / "clean").symlink_to((run.folder / "clean").resolve(), target_is_directory=True)
    changed = config.model_copy(update={"samples": config.samples.model_copy(update=more)})
    other = Folder(tmp_path)
    make_samples(changed, other)
    return other


def test_a_sample_is_an_item_of_a_list_and_its_label_a_click(made):
    _, run = made
    samples = stored.load(run)
    clicks = {(r["session_id"], r["item_id"]) for r in LOG.events.to_pylist() if r["event"] == "view"}
    shown = {(r["user_id"], r["timestamp"], r["item_id"]): r for r in LOG.events.to_pylist() if r["event"] == "exposure"}
    assert len(samples) > 10_000
    for key in samples.keys.slice(0, 3000).to_pylist():
        row = shown[key["user_id"], key["timestamp"], key["item_id"]]
        assert key["label"] == ((row["session_id"], row["item_id"]) in clicks)
    assert leaks(samples) == []
    assert set(samples.keys.column("split").unique().to_pylist()) == set(SPLITS)
    assert len(set(samples.keys.column("sample_id").to_pylist())) == len(samples)


def test_truth_and_requests_are_those_of_the_searches(made):
    config, run = made
    request, item = stored.truth(config.samples, run)
    samples = stored.load(run, which="candidates")
    taken = {(r, i) for r, i in zip(request.tolist(), item.tolist(), strict=True)}
    labelled = [(r, i) in taken for r, i in zip(samples.request.tolist(), samples.item.tolist(), strict=True)]
    assert labelled == (samples.label > 0).tolist()
    asked = run.read_table("samples/requests.parquet")
    counts = pc.value_counts(pa.array(request)).to_pylist()
    by_id = {c["values"]: c["counts"] for c in counts}
    assert [by_id[r] for r in asked.column("request_id").to_pylist()] == asked.column("truth_count").to_pylist()
    assert set(asked.column("query").to_pylist()) <= {q.casefold() for q in LOG.queries}


def test_requests_are_described_by_length_and_frequency_of_the_query(made):
    config, run = made
    items = run.read_table("clean/items.parquet")
    train = stored.load(run, "train")
    popularity = np.bincount(train.item, train.label, minlength=items.num_rows).astype(np.int64)
    requests, truth = described(config.samples, run, "test", popularity)
    asked = run.read_table("samples/requests.parquet")
    asked = asked.filter(pc.equal(asked.column("split"), "test")).sort_by("request_id")
    bands = {1: "1 word", 2: "2 words", 3: "3 words"}
    assert requests.column("query_words").to_pylist() == [
        bands.get(len(q.split()), "4 words or more") for q in asked.column("query").to_pylist()
    ]
    assert set(requests.column("query").to_pylist()) <= {"head", "torso", "tail", "new"}
    kinds = dict(zip(asked.column("query").to_pylist(), requests.column("query").to_pylist(), strict=True))
    assert kinds[LOG.queries[0]] == "head"  # the most popular one
    assert "list" not in requests.column_names  # all are on record
    assert truth.num_rows == pc.sum(asked.column("truth_count")).as_py()
    assert set(truth.column("request_id").to_pylist()) == set(requests.column("request_id").to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize(("method", "within"), [("logged", 0.12), ("harvested", 0.15), ("regression", 0.15)])
def test_places_are_learnt_and_weights_undo_them_in_train_alone(made, method, within, tmp_path):
    run = again(made, tmp_path, position_bias=method, clip=4.0)
    bias = run.read_json("samples/account.json")["position_bias"]
    assert bias["examination"] == pytest.approx(LOG.examination.tolist(), abs=within)
    samples = stored.load(run)
    train = samples.keys.column("split").to_numpy() == "train"
    positive = samples.label > 0
    assert (samples.weight[~train] == 1).all()
    assert 0 < samples.weight[train & ~positive].min() < samples.weight[train & ~positive].max() <= 1
    assert samples.weight[train & positive].max() == 4.0
    assert 1 <= samples.weight[train & positive].min() < 1.01
    weight = samples.weight[train & positive]
    assert bias["effective_positives"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum(), abs=0.1)
    assert bias["clipped"] == (weight == 4.0).sum()


@pytest.mark.slow
def test_without_lists_on_record_negatives_are_drawn(tmp_path):
    events = LOG.events.filter(pc.not_equal(LOG.events.column("event"), "exposure"))
    config = search_config(tmp_path, replace(LOG, events=events), samples=PARTS)
    bare = run_in(config, tmp_path / "run", until="samples")
    account = bare.read_json("samples/account.json")
    assert account["negatives"]["exposure"] == 0
    assert account["negatives"]["retrieval"] > 0
    assert account["negatives"]["popularity"] > 0
    assert account["ratio"] == pytest.approx(1.5, abs=0.1)
    assert account["candidates"]["test"]["recall"]["retrieval"] > 0.9
    assert "shown" not in account["candidates"]["test"]["recall"]


def test_what_cannot_be_is_said(made, tmp_path):
    for target, said in (("review", "nothing that a search leads to"), ("cart", "no search led to a 'cart' event")):
        (tmp_path / target).mkdir()
        with pytest.raises(InputError, match=said):
            again(made, tmp_path / target, target=target)
    with pytest.raises(ConfigError, match="position_bias"):
        parse({"table": {"path": "x", "label": "y"}, "samples": {"position_bias": "guess"}})


def test_a_models_score_is_one_more_feature(made):
    _, run = made
    train, test = stored.load(run, "train"), stored.load(run, "test")
    score = np.linspace(-3, 3, len(train))
    more = with_score(train, "transformer_score", score)
    assert more.matrix().shape == (len(train), train.matrix().shape[1] + 1)
    column = more.matrix()[:, [-1]].toarray().ravel()
    assert column == pytest.approx((score - score.mean()) / score.std(), abs=1e-5)
    later = with_score(test, "transformer_score", np.full(len(test), 3.0), more.encoder)
    assert later.matrix()[:, [-1]].toarray().ravel() == pytest.approx((3 - score.mean()) / score.std(), abs=1e-5)
    with pytest.raises(InputError, match="there already"):
        with_score(more, "transformer_score", score)
    with pytest.raises(InputError, match="shape"):
        with_score(train, "other", score[:-1])
    with pytest.raises(InputError, match="same for all"):
        with_score(train, "other", np.ones(len(train)))
