"""Test sets that can be trusted: which system is better, by which measure, how many requests it takes, how few will do."""

from assay.benchmark.compaction import Anchors, CompactSet, anchors, compact
from assay.benchmark.comparison import compare, compare_slices, leader_board
from assay.benchmark.estimation import Estimated, estimate
from assay.benchmark.families import LeftOut, leave_out
from assay.benchmark.measures import MeasureChoice, choose_measures, refuse_sampled
from assay.benchmark.offpolicy import PolicyValue, policy_value
from assay.benchmark.planning import Plan, plan_difference, plan_mean
from assay.benchmark.readers import from_tables, from_trec
from assay.benchmark.scoreboard import Scoreboard

__all__ = [
    "Anchors",
    "CompactSet",
    "Estimated",
    "LeftOut",
    "MeasureChoice",
    "Plan",
    "PolicyValue",
    "Scoreboard",
    "anchors",
    "choose_measures",
    "compact",
    "compare",
    "compare_slices",
    "estimate",
    "from_tables",
    "from_trec",
    "leader_board",
    "leave_out",
    "plan_difference",
    "plan_mean",
    "policy_value",
    "refuse_sampled",
]
