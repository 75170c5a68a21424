"""Systems of many families, scored request by request on the most bought items: what a benchmark's design is tried on."""

from typing import Any

import pyarrow as pa

from assay.errors import InputError
from assay.samples.build import truth
from assay.stages.workbench import Workbench
from assay.store import write_json, write_parquet
from assay.trials.systems import catalogue, field, most_bought, scored

SYSTEMS, SCORES = "systems/systems.json", {"test": "systems/scores.parquet", "tuning": "systems/scores_tuning.parquet"}


def compare_systems(bench: Workbench) -> list[str]:
    """systems/: systems.json and, where there are requests, scores*.parquet, a row a system and request.

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
    tables: dict[str, list[pa.Table]] = {split: [] for split in SCORES}
    threshold = bench.config.evaluate.threshold
    for line, made in scored(compared, bench.train, fields, lambda: bench.rng("train"), threshold):
        lines.append(line)
        for split, table in made.items():
            tables[split].append(table)
        bench.report("systems", len(lines), len(compared))
    asked = {split: getattr(bench, split).requests.num_rows for split in SCORES}
    requests = {split: {"all": asked[split], "judged": len(judged.request)} for split, judged in fields.items()}
    write_json(bench.run.path(SYSTEMS), {"items": int(kept.sum()), "requests": requests, "systems": lines})
    for split, name in SCORES.items():
        write_parquet(bench.run.path(name), pa.concat_tables(tables[split]).unify_dictionaries())
    return [SYSTEMS, *SCORES.values()]
