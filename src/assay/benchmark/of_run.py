"""A run's test as a benchmark: its requests, truth, candidates and scores, and the evidence that an audit looks at."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.audit.evidence import Evidence
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.items import PAST
from assay.benchmark.keep.card import Card
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.readers import MEASURES
from assay.config import Config
from assay.errors import InputError
from assay.evaluation.beyond import Past
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.models.named import trained
from assay.numerics.beyond import filled
from assay.numerics.linearised import POOLED
from assay.numerics.names import RANKING, read
from assay.runs.store import Folder
from assay.samples import stored
from assay.samples.requests import described

ITEMS = "systems/items.parquet"
SCORES = {"test": "systems/scores.parquet", "tuning": "systems/scores_tuning.parquet"}
CANDIDATES = "samples/candidates.parquet"
_BEFORE = "tuning"  # the periods just before the test
_UNRANKED = english("no requests were ranked: a run from a log has them, a table must name them in [table] request")


def scoreboard(run: Folder, config: Config) -> Scoreboard:
    """What systems scored on the test requests: those of the study where it ran, else the run's own models.

    InputError: the run ranks nothing.
    """
    return Scoreboard.read(run.path(SCORES["test"])) if run.exists(SCORES["test"]) else own_scoreboard(run, config)


def own_scoreboard(run: Folder, config: Config) -> Scoreboard:
    """What the run's own models scored on the test requests. InputError: the run ranks nothing."""
    names = trained(config.models, None if CleanLog.find(run) is None else config.samples.request)
    files = [name for name in names if run.exists(f"evaluation/requests/{name}.parquet")]
    if not files:
        raise InputError(_UNRANKED)
    tables = [run.read_table(f"evaluation/requests/{name}.parquet") for name in files]
    tables = [table.filter(pc.greater(table.column("truth_count"), 0)) for table in tables]
    more = [name for name in tables[0].column_names if (one := read(name)) is not None and one.base not in RANKING]
    measures = [name for name in (*MEASURES, *POOLED, *more) if name in tables[0].column_names]
    scores = {name: np.stack([filled(table.column(name).to_numpy()) for table in tables]) for name in measures}
    scores = {name: each for name, each in scores.items() if not np.isnan(each).any()}  # some lists must have the measure
    # The recall of a search's list of 8 is the same whatever its order: it tells no systems apart.
    scores = {name: each for name, each in scores.items() if np.ptp(each, axis=0).any()} or scores
    request, user = (tables[0].column(name) for name in ("request", "user"))
    return Scoreboard(request, user, tuple(files), tuple(files), scores)


def benchmark(run: Folder, config: Config) -> Benchmark:
    """The run's test requests with their truth and candidates, scored by `scoreboard`'s systems.

    Where the study ran all is restricted to the items that its systems were judged on. InputError: the run ranks nothing.
    """
    board, candidates = scoreboard(run, config), _candidates(run)
    requests, truth = described(config.samples, run, "test", _popularity(run))
    items, kept = english("all"), None
    if run.exists(ITEMS) and run.exists(SCORES["test"]):
        kept = _most_bought_ids(run)
        items = english("the {number} most bought in training", number=f"{len(kept):,}")
        truth, candidates = (table.filter(pc.is_in(table.column("item_id"), kept)) for table in (truth, candidates))
        truth = truth.filter(pc.is_in(truth.column("request_id"), board.request))
        candidates = candidates.filter(pc.is_in(candidates.column("request_id"), board.request))
    names = tuple(name for name in MEASURES if name in board.measures)
    plain = truth.select(["request_id", "item_id", "grade"])
    requests, known = _before(run, requests.drop_columns(["timestamp"]))
    if known is not None and kept is not None:
        known = known.filter(pc.is_in(known.column("item_id"), kept))
    listed = candidates.select(["request_id", "item_id"])
    card = Card(
        of=english("the test requests of {name}", name=run.folder.name), protocol=english("one global time split"), items=items
    )
    return Benchmark.of(
        plain, requests=requests, candidates=listed, measures=names, scores=board, about=card.known(), items=known
    )


def _before(run: Folder, requests: pa.Table) -> tuple[pa.Table, pa.Table | None]:
    """Requests with past_popularity, and the log's items as items.Catalogue.table; None where the run has no log."""
    log = CleanLog.find(run)
    if log is None:
        return requests, None
    past = Past.of_training(stored.load(run, "train", names=()), log.items.num_rows)
    users = pc.index_in(requests.column("user_id"), log.users.column("user_id").combine_chunks()).fill_null(log.users.num_rows)
    known = log.items.select(["item_id", "category"]).append_column("popularity", pa.array(past.popularity))
    if known.column("category").null_count == known.num_rows:
        known = known.drop_columns(["category"])
    return requests.append_column(PAST, pa.array(past.of_users(users.to_numpy()), from_pandas=True)), known


def traffic(run: Folder, config: Config, split: str = "test") -> pa.Table:
    """Requests of a split as they came in, by default the newest; without their period, which no other log has."""
    requests = described(config.samples, run, split, _popularity(run))[0]
    return requests.drop_columns([name for name in ("period",) if name in requests.column_names])


def evidence(run: Folder, config: Config) -> Evidence:
    """What the audit looks at: the test's requests, truth and candidates, what models learnt from, the log before and after."""
    candidates = _candidates(run)
    requests, truth = described(config.samples, run, "test", _popularity(run))
    columns = ["sample_id", "user_id", "item_id", "request_id", "timestamp", "label", "split"]
    samples = run.read_table("samples/samples.parquet", columns)
    of = {split: samples.filter(pc.equal(samples.column("split"), split)) for split in ("train", "validation")}
    events = None
    if (log := CleanLog.find(run)) is not None:
        names = ["user_id", "item_id", "event", "timestamp", "session_id", "price", "position", "propensity"]
        events = log.events(*names)
        empty = [name for name in names[4:] if events.column(name).null_count == events.num_rows]
        events = events.drop_columns(empty)
    section = config.samples
    of_a_search = events is not None and section.request == "query"
    horizon = timedelta(minutes=section.search_minutes) if of_a_search else timedelta(days=section.period_days)
    return Evidence(
        requests=requests, truth=truth, candidates=candidates, train=of["train"], validation=of["validation"],
        events=events, traffic=traffic(run, config, _BEFORE), target=config.samples.target,
        horizon=horizon,
    )  # fmt: skip


def _popularity(run: Folder) -> NDArray[np.int64]:
    """(items,) training positives by item code."""
    samples = run.read_table("samples/samples.parquet", ["item_code", "label", "split"])
    train = samples.filter(pc.equal(samples.column("split"), "train"))
    size = pc.max(samples.column("item_code")).as_py() + 1
    return np.bincount(train.column("item_code").to_numpy(), train.column("label").to_numpy(), minlength=size).astype(np.int64)


def _candidates(run: Folder) -> pa.Table:
    names = ["request_id", "item_id", "item_code", "label", "split"]
    if not run.exists(CANDIDATES):
        raise InputError(_UNRANKED)
    listed = run.read_table(CANDIDATES, names)
    return listed.filter(pc.equal(listed.column("split"), "test")).drop_columns(["split"])


def _most_bought_ids(run: Folder) -> pa.Array:
    codes = run.read_table(ITEMS).column("item_code").combine_chunks()
    samples = run.read_table("samples/samples.parquet", ["item_code", "item_id"])
    first = np.unique(samples.column("item_code").to_numpy(), return_index=True)[1]
    ids = samples.take(pa.array(first))
    return ids.filter(pc.is_in(ids.column("item_code"), codes)).column("item_id").combine_chunks()
