"""Systems of many families, scored request by request on the most bought items: what a benchmark's design is tried on."""

from typing import Any

import numpy as np
import pyarrow as pa

from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError
from assay.numerics.linearised import POOLED
from assay.runs.store import write_json, write_parquet
from assay.samples.build import truth
from assay.stages.workbench import Workbench
from assay.trials.systems import MEASURES, catalogue, field, most_bought, scored

SYSTEMS, ITEMS = "systems/systems.json", "systems/items.parquet"
SCORES = {"test": "systems/scores.parquet", "tuning": "systems/scores_tuning.parquet"}


def compare_systems(bench: Workbench) -> list[str]:
    """systems/: systems.json and, where there are requests, items.parquet and scores*.parquet, a Scoreboard each.

    On test too, by which nothing is chosen.

    systems.json: items that all are judged on, requests of each split in all and judged, and a line a system as
    trials.systems.scored gives it; or why_not.
    """
    kept = most_bought(bench.train)
    try:
        taken = truth(bench.config, bench.run)
        fields = {split: field(getattr(bench, split), kept, *taken) for split in SCORES}
    except InputError as error:
        write_json(bench.run.path(SYSTEMS), {"why_not": str(error)})
        return [SYSTEMS]
    compared = catalogue(bench.config.models)
    lines: list[dict[str, Any]] = []
    made: dict[str, list[dict[str, Any]]] = {split: [] for split in SCORES}
    threshold = bench.config.evaluate.threshold
    for line, measured in scored(compared, bench.train, fields, lambda: bench.rng("train"), threshold):
        lines.append(line)
        for split, each in measured.items():
            made[split].append(each)
        bench.report("systems", len(lines), len(compared))
    asked = {split: getattr(bench, split).requests.num_rows for split in SCORES}
    requests = {split: {"all": asked[split], "judged": len(judged.request)} for split, judged in fields.items()}
    write_json(bench.run.path(SYSTEMS), {"items": int(kept.sum()), "requests": requests, "systems": lines})
    write_parquet(bench.run.path(ITEMS), pa.table({"item_code": np.flatnonzero(kept).astype(np.int32)}))
    names, families = (tuple(line[key] for line in lines if "why_not" not in line) for key in ("system", "family"))
    for split, name in SCORES.items():
        scores = {measure: np.stack([each[measure] for each in made[split]]) for measure in (*MEASURES, *POOLED)}
        Scoreboard(fields[split].request, fields[split].user.astype(np.int64), names, families, scores).write(
            bench.run.path(name)
        )
    return [SYSTEMS, ITEMS, *SCORES.values()]
