"""Count how many samples of each split are positive."""

from typing import ClassVar

import pyarrow.compute as pc

from assay.runs.pages import Page
from assay.runs.stage import Work, stage


class Positives(Page):
    """shares: of the samples of each split, the share whose label is 1; from 0 to 1."""

    path: ClassVar[str] = "positives/shares.json"
    shares: dict[str, float]


@stage(follows=("samples",), reads=(), makes=(), pages=(Positives,))
def positives(work: Work) -> None:
    """positives/shares.json."""
    table = work.folder.read_table("samples/samples.parquet", ["split", "label"])
    splits = table["split"].cast("string")
    shares = {}
    for name in ("train", "validation", "tuning", "test"):
        labels = table["label"].filter(pc.equal(splits, name))
        shares[name] = round(pc.mean(labels).as_py(), 4)
    work.folder.write(Positives(shares=shares))
