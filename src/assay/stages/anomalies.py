"""Anomalies of a run's training samples: users like robots, labels that the rest of the log contradicts."""

from typing import Any

import numpy as np
import pyarrow as pa

from assay.findings.anomalies import noisy_samples, robots
from assay.findings.examples import examples
from assay.importance.valuer import Importance
from assay.runs.store import write_json, write_parquet
from assay.stages.workbench import Workbench

FOUND, USERS, SAMPLES = "anomalies/found.json", "anomalies/users.parquet", "anomalies/samples.parquet"
_SHOWN = 10


def find_anomalies(bench: Workbench) -> list[str]:
    """anomalies/: every user's and every training sample's suspicion, most suspicious first, and the first of both in words."""
    train, days = bench.train, bench.config.samples.period_days
    bench.report("anomalies", 0, 2)
    users = robots(train)
    bench.report("anomalies", 1, 2)
    noise = noisy_samples(train, bench.precondition(), bench.importance(bench.config.select.valuer))
    ids = train.keys.column("sample_id").to_numpy()
    order = np.lexsort((ids, -noise.suspicion))
    table = pa.table({"sample_id": ids[order], "suspicion": noise.suspicion[order], "flagged": noise.flagged[order]})
    write_parquet(bench.run.path(USERS), users.table)
    write_parquet(bench.run.path(SAMPLES), table)
    shown = examples(train, Importance(ids, -noise.suspicion), bench.item_names, days, _SHOWN)["harmful"]
    content: dict[str, Any] = {
        "users": {
            "flagged": int(users.flagged.sum()),
            "of": len(users.user),
            "first": users.table.slice(0, _SHOWN).to_pylist(),
        },
        "samples": {
            "flagged": int(noise.flagged.sum()),
            "of": len(train),
            "expected_precision": noise.expected_precision,
            "first": [{key: line[key] for key in ("sentence", "sample_id", "user", "week")} for line in shown],
        },
    }
    write_json(bench.run.path(FOUND), content)
    bench.report("anomalies", 2, 2)
    return [FOUND, USERS, SAMPLES]
