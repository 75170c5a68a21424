"""The random states that a process has once, and that no fit may move."""

import random
import sys
from typing import Any

import numpy as np


def random_states() -> dict[str, Any]:
    """Of the standard library, of NumPy and, where it is loaded, of PyTorch; equal when nothing was seeded or drawn."""
    name, numbers, *rest = np.random.get_state()
    states: dict[str, Any] = {"random": random.getstate(), "numpy": (name, np.asarray(numbers).tolist(), *rest)}
    if "torch" in sys.modules:
        import torch

        states["torch"] = torch.initial_seed(), torch.get_rng_state().tolist()
    return states
