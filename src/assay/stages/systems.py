"""Score some fifty systems of many families request by request: what a benchmark's design is tried on."""

from typing import Any

import numpy as np
import pyarrow as pa

from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.of_run import ITEMS, SCORES
from assay.errors import InputError
from assay.pages.trust import RequestCounts, Systems, SystemsBoard, SystemsCompact, SystemScores
from assay.runs.stage import Work, stage
from assay.samples.stored import truth
from assay.stages import materials as hand
from assay.stages.materials import TRAINING
from assay.stages.trust import compacted, told_apart
from assay.trials.systems import catalogue, field, most_bought, scored


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("samples", "models", "text", "evaluate", "seed"),
    makes=("systems/*",),
    pages=(Systems, SystemsBoard, SystemsCompact),
)
def systems(work: Work) -> None:
    """systems/: systems.json and, where there are requests, items.parquet and scores*.parquet, a Scoreboard each.

    On test too, by which nothing is chosen. board.json and compact.json say of these systems what the stage trust says of
    the run's own.

    systems.json: items that all are judged on, requests of each split in all and judged, and one line per system as
    trials.systems.scored gives it; or why_not.
    """
    kept = most_bought(hand.train(work))
    try:
        taken = truth(work.config.samples, work.folder)
        fields = {split: field(hand.holdout(work, split), kept, *taken) for split in SCORES}
    except InputError as error:
        work.folder.write(Systems(why_not=str(error)))
        return
    compared = catalogue(work.config.models)
    lines: list[dict[str, Any]] = []
    measures_of: dict[str, list[dict[str, Any]]] = {split: [] for split in SCORES}
    threshold = work.config.evaluate.threshold
    for line, measured in scored(compared, hand.train(work), fields, lambda: hand.rng(work, TRAINING), threshold):
        lines.append(line)
        for split, each in measured.items():
            measures_of[split].append(each)
        work.report(len(lines), len(compared))
    requests = {split: RequestCounts(all=_requests(work, split), judged=len(judged.request)) for split, judged in fields.items()}
    fitted = [line for line in lines if "why_not" not in line]
    work.costs["systems"] = {line["system"]: {key: line.pop(key) for key in ("seconds_fit", "seconds_score")} for line in fitted}
    scores_of = [SystemScores.model_validate(line) for line in lines]
    work.folder.write(Systems(items=int(kept.sum()), requests=requests, systems=scores_of))
    work.folder.write_table(ITEMS, pa.table({"item_code": np.flatnonzero(kept).astype(np.int32)}))
    names, families = (tuple(line[key] for line in lines if "why_not" not in line) for key in ("system", "family"))
    boards: dict[str, Scoreboard] = {}
    for split, name in SCORES.items():
        scores = {measure: np.stack([each[measure] for each in measures_of[split]]) for measure in measures_of[split][0]}
        boards[split] = Scoreboard(fields[split].request, fields[split].user.astype(np.int64), names, families, scores)
        boards[split].write(work.folder.path(name))
        work.folder.keep([name])
    work.folder.write(told_apart(SystemsBoard, boards["test"]))
    work.folder.write(compacted(SystemsCompact, boards["test"]))


def _requests(work: Work, split: str) -> int:
    requests = hand.holdout(work, split).requests
    return 0 if requests is None else int(requests.num_rows)
