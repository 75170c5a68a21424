"""Worked examples, from file to report. Each is a module that writes its data into the run's folder and gives the config."""

from importlib import import_module
from pathlib import Path

from assay.config import Config
from assay.errors import InputError, did_you_mean

NAMES = ("credit", "diagnosis", "feed")
BESIDE = ("anomalies",)  # stages beside the run that an example does too: what is flagged


def prepare(name: str, folder: Path) -> Config:
    """The config of an example, its data written into the folder. InputError: no such example, or its package is missing."""
    if name not in NAMES:
        raise InputError(
            f"no demo {name!r}{did_you_mean(name, NAMES)}; there are {', '.join(NAMES)}, and the grocer's without a name"
        )
    config: Config = import_module(f"assay.app.demos.{name}").config(folder)
    return config
