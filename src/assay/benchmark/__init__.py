"""Benchmarks: what systems scored on requests, which of them is better, by which measure, and from whose log."""

from assay.benchmark.comparison import compare, compare_slices, leader_board
from assay.benchmark.measures import MeasureChoice, choose_measures, refuse_sampled
from assay.benchmark.offpolicy import PolicyValue, policy_value
from assay.benchmark.readers import from_tables, from_trec
from assay.benchmark.scoreboard import Scoreboard

__all__ = [
    "MeasureChoice",
    "PolicyValue",
    "Scoreboard",
    "choose_measures",
    "compare",
    "compare_slices",
    "from_tables",
    "from_trec",
    "leader_board",
    "policy_value",
    "refuse_sampled",
]
