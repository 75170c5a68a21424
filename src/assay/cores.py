"""How many processor cores there are to work with."""

from functools import cache


@cache
def cores() -> int:
    """Cores that this process may use: of the machine, as far as its affinity and a container's limit let it."""
    from joblib import cpu_count  # now: it takes a moment to load

    return int(cpu_count())
