"""How much noise makes released values private."""

from typing import Any

import numpy as np

from assay.importance import checks


def noise_scale(epsilon: float, delta: float, m: int) -> float:
    """Standard deviation of the noise on each of (n, c), released for m validation rows at (epsilon, delta).

    One sample more or less changes each count by at most 1: sensitivity sqrt(2), at all m rows at once.
    """
    epsilon, delta = checks.positive(epsilon, "epsilon"), checks.positive(delta, "delta")
    if delta >= 1:
        raise ValueError(f"delta is {delta}; give a probability, below 1 / n")
    try:
        import dp_accounting
        from dp_accounting import rdp
    except ImportError:
        raise ImportError("private values need dp-accounting: pip install 'assay[privacy]'") from None

    def event(multiplier: float) -> Any:
        return dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(multiplier), m)

    multiplier = dp_accounting.calibrate_dp_mechanism(
        rdp.RdpAccountant, event, epsilon, delta, dp_accounting.LowerEndpointAndGuess(0.0, 1.0)
    )
    return float(multiplier * np.sqrt(2.0))
