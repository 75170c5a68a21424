"""Say what other ways to cut a run's log would tell of the same systems, and what each lets out; takes minutes."""

from datetime import timedelta

import pyarrow as pa

from assay.benchmark.protocols.comparison import (
    Protocols,
    System,
    bought_before,
    compare_protocols,
    most_popular,
    protocol_warnings,
    ranker,
)
from assay.benchmark.protocols.cuts import leave_last_out, rolling_origin, time_split, user_holdout
from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.takings import taken
from assay.models.als import Als
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.session_knn import SessionKnn
from assay.pages.trust import ProtocolsCompared, ProtocolScore, ProtocolWarning
from assay.runs.stage import Work, stage

_FOLDS = 3


@stage(
    follows=("clean",),
    reads=("samples", "seed"),
    makes=("protocols/*",),
    pages=(ProtocolsCompared,),
)
def protocols(work: Work) -> None:
    """protocols/compared.json: rows (a protocol, fold and system each) and warnings, as benchmark.protocol_comparison has them.

    Systems that learn from the target events alone: popularity, buy it again, item kNN, EASE, session-kNN, ALS where its
    package is there. The test is as long as the run's. InputError: a table of the user's own, which is no log.
    """
    events = _events(work)
    length = timedelta(days=work.config.samples.test * work.config.samples.period_days)
    work.report(0, 2)
    protocols: Protocols = {
        "time_split": time_split(events, test=length),
        "rolling_origin": rolling_origin(events, folds=_FOLDS, horizon=length),
        "user_holdout": user_holdout(events, seed=work.config.seed),
        "leave_last_out": leave_last_out(events),
    }
    work.report(1, 2)
    compared = compare_protocols(events, _systems(), protocols=protocols)
    work.report(2, 2)
    page = ProtocolsCompared(
        rows=[ProtocolScore.model_validate(row) for row in compared.to_pylist()],
        warnings=[ProtocolWarning.model_validate(row) for row in protocol_warnings(protocols).to_pylist()],
        days=length.days,
    )
    work.folder.write(page)


def _events(work: Work) -> pa.Table:
    if (log := CleanLog.find(work.folder)) is None:
        raise InputError("a table of labelled samples is no log: other protocols need its events")
    events = log.events("user_id", "item_id", "timestamp", "session_id")
    events = events.filter(pa.array(taken(log, work.config.samples)))
    return events if events.column("session_id").null_count == 0 else events.drop_columns(["session_id"])


def _systems() -> dict[str, System]:
    systems: dict[str, System] = {"popularity": most_popular, "buy_it_again": bought_before}
    systems |= {"item_knn": ranker(ItemKnn()), "ease": ranker(Ease()), "session_knn": ranker(SessionKnn())}
    try:
        import implicit  # noqa: F401  # an extra
    except ImportError:
        return systems
    return systems | {"als": ranker(Als())}
