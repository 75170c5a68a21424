"""Name users who behave like robots and samples whose label the rest of the log contradicts."""

import numpy as np
import pyarrow as pa

from assay.findings.anomalies import noisy_samples, robots
from assay.findings.examples import examples
from assay.importance.valuer import Importance
from assay.pages.selection import Anomalies, DoubtfulSample, FlaggedSamples, FlaggedUsers, Suspect
from assay.runs.stage import Work, stage
from assay.stages import materials as hand
from assay.stages.materials import WORDS

USERS, SAMPLES = "anomalies/users.parquet", "anomalies/samples.parquet"
_SHOWN = 10


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("select.valuer", "models", "value", "text", "evaluate", *WORDS, "seed"),
    makes=("anomalies/*",),
    pages=(Anomalies,),
)
def anomalies(work: Work) -> None:
    """anomalies/: every user's and every training sample's suspicion, most suspicious first, and the first of both in words."""
    train = hand.train(work)
    work.report(0, 2)
    users = robots(train)
    work.report(1, 2)
    noise = noisy_samples(train, hand.precondition(work), hand.importance(work, work.config.select.valuer))
    ids = train.keys.column("sample_id").to_numpy()
    order = np.lexsort((ids, -noise.suspicion))
    table = pa.table({"sample_id": ids[order], "suspicion": noise.suspicion[order], "flagged": noise.flagged[order]})
    work.folder.write_table(USERS, users.table)
    work.folder.write_table(SAMPLES, table)
    shown = examples(train, Importance(ids, -noise.suspicion), hand.item_names(work), hand.wording(work), _SHOWN).harmful
    page = Anomalies(
        users=FlaggedUsers(
            flagged=int(users.flagged.sum()),
            of=len(users.user),
            first=[Suspect.model_validate(row) for row in users.table.slice(0, _SHOWN).to_pylist()],
        ),
        samples=FlaggedSamples(
            flagged=int(noise.flagged.sum()),
            of=len(train),
            expected_precision=noise.expected_precision,
            first=[
                DoubtfulSample(sentence=line.sentence, sample_id=line.sample_id, user=line.user, period=line.period)
                for line in shown
            ],
        ),
    )
    work.folder.write(page)
    work.report(2, 2)
