"""From the requests that could be asked to those that are: as many as the stated precision needs, like the traffic."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from assay.benchmark.audit.checks import share_distances
from assay.benchmark.items import PAST
from assay.benchmark.keep.card import Card, Distance, KindShare
from assay.benchmark.keep.contents import REQUEST, Benchmark
from assay.benchmark.plan.representative import represent
from assay.benchmark.plan.sizes import Plan, detectable_difference, plan_difference, plan_mean
from assay.errors import InputError


def build(
    pool: Benchmark,
    *,
    size: int | None = None,
    difference: float | None = None,
    within: float | None = None,
    traffic: pa.Table | None = None,
    seed: int = 0,
) -> Benchmark:
    """Requests of a pool that mirror the traffic, as a benchmark whose card says how they were chosen.

    How many: size; or what finds a true difference of the first measure with 80 % power; or what brings a system's mean within a
    share of its mean on the whole pool; all of them by default. The last two need systems that were scored on the pool.

    Parameters
    ----------
    pool : Benchmark
        What to choose from.
    size : int, optional
        So many requests.
    difference : float, optional
        In the measure's unit; see `plan_difference`.
    within : float, optional
        A share, .01 for one per cent; see `plan_mean`.
    traffic : pyarrow.Table, optional
        Attributes of requests as they come in; by default the pool's own.
    seed : int
        Decides the draw.

    Returns
    -------
    Benchmark
        Its requests have a column weight, the design weights, which sum to 1. Its `about` is the pool's with pool, size, asked,
        plan, measure, detectable (of the source systems), shares, distances, unmatched.

    Raises
    ------
    InputError
        More than one precision is asked, the log cannot give it, or no system was scored.

    References
    ----------
    Deville and Tillé, "Efficient balanced sampling: the cube method", Biometrika 2004.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> chosen = assay.build(make_benchmark(200), size=50)
    >>> len(chosen), round(sum(chosen.requests.column("weight").to_pylist()), 9)
    (50, 1.0)
    """
    wanted = {
        name: value for name, value in (("size", size), ("difference", difference), ("within", within)) if value is not None
    }
    if len(wanted) > 1:
        raise InputError(f"{' and '.join(wanted)} are asked; a benchmark has one size, give one of them")
    plan = _planned(pool, difference, within)
    count = plan.size if plan is not None and plan.size is not None else len(pool) if size is None else size
    own = [PAST] if PAST in pool.requests.column_names else []
    described = pool.requests.select([REQUEST, "user_id", *pool.attributes.column_names, *own])
    chosen = represent(described, count, traffic=traffic, seed=seed)
    benchmark = replace(pool, requests=described).take(chosen.rows)
    # chosen.rows are in order of request id, as made's are
    requests = benchmark.requests.append_column("weight", pa.array(chosen.weight))
    against = pool.attributes if traffic is None else traffic
    shared = [name for name in pool.attributes.column_names if name in against.column_names]
    distances = share_distances(benchmark.requests, against.select(shared)).to_pylist() if shared else []
    card = Card(
        pool=len(pool),
        size=len(benchmark),
        users=len(benchmark.requests.column("user_id").unique()),
        asked=wanted,
        plan=None if plan is None else str(plan),
        measure=pool.measures[0],
        detectable=_detectable(benchmark),
        shares=[KindShare.model_validate(row) for row in chosen.shares.to_pylist()],
        distances=[Distance.model_validate(row) for row in distances],
        unmatched=list(chosen.unmatched),
        seed=seed,
    )
    return replace(benchmark, requests=requests, about={**pool.about, **card.known()})


def _planned(pool: Benchmark, difference: float | None, within: float | None) -> Plan | None:
    if difference is None and within is None:
        return None
    if pool.scores is None:
        raise InputError("no system was scored on these requests, and a size follows from scores: add systems, or give a size")
    scores = pool.scores.several().of(pool.measures[0])
    if difference is not None:
        plan = plan_difference(scores, difference, users=pool.scores.user)
    else:
        assert within is not None
        plan = plan_mean(scores, within, families=np.asarray(pool.scores.families))
    if plan.size is None:
        raise InputError(f"{plan} Ask for less, or bring a longer log.")
    return plan


def _detectable(benchmark: Benchmark) -> float | None:
    if benchmark.scores is None or len(benchmark.scores.systems) < 2 or benchmark.scores.users < 2:
        return None
    return detectable_difference(benchmark.scores.of(benchmark.measures[0]), users=benchmark.scores.user)
