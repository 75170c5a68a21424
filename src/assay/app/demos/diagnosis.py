"""Which tumour is malignant: the breast cancer data of Wisconsin (UCI), 569 tumours, as scikit-learn carries it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.config import Config, parse
from assay.front.tables import kept
from assay.runs.store import write_parquet

_ABOUT = (
    "Breast cancer, Wisconsin (UCI, 1995), as scikit-learn carries it: 569 tumours, 30 measurements of their cells. Label 1 is a "
    "malignant tumour. The labels are shown as they are: none was changed."
)


def table(wrong: NDArray[np.integer] | None = None) -> pa.Table:
    """The tumours, in scikit-learn's order. wrong: places (k,) of those whose label is turned round."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    malignant = np.asarray(data.target == 0, np.int8)
    if wrong is not None:
        malignant[wrong] = 1 - malignant[wrong]
    features = {name.replace(" ", "_"): data.data[:, k] for k, name in enumerate(data.feature_names)}
    return pa.table({"tumour": np.arange(1, len(malignant) + 1), "malignant": malignant, **features})


def config(folder: Path, wrong: NDArray[np.integer] | None = None) -> Config:
    """The run of the tumours; the table is written into the folder. wrong: as `table` has it."""
    write_parquet(kept("tumours", folder), table(wrong))
    content = {
        "table": {"path": str(kept("tumours", folder)), "label": "malignant", "key": "tumour", "random_split": ""},
        "encode": {"rare": 20, "bins": 5},
        "value": {"valuers": ["probability", "loss", "influence", "self_score", "knn_shapley", "data_oob"]},
        "show": {"title": "Breast cancer", "about": _ABOUT},
    }
    return parse(content, "the demo's config")
