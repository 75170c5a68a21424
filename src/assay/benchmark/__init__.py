"""Test sets that can be trusted: built like the traffic, audited, compared on by user, as small as will do, kept."""

from assay.benchmark.audit import Audit, Evidence, audit, share_distances
from assay.benchmark.build import build
from assay.benchmark.compaction import Anchors, CompactSet, anchors, compact
from assay.benchmark.comparison import compare, compare_slices, leader_board
from assay.benchmark.estimation import Estimated, estimate
from assay.benchmark.families import LeftOut, leave_out
from assay.benchmark.keep import Kept, freeze, open_kept
from assay.benchmark.measures import MeasureChoice, choose_measures, refuse_sampled
from assay.benchmark.offpolicy import PolicyValue, policy_value
from assay.benchmark.planning import Plan, detectable_difference, half_widths, plan_difference, plan_mean
from assay.benchmark.protocol_comparison import compare_protocols, protocol_warnings
from assay.benchmark.protocols import Fold, leave_last_out, rolling_origin, time_split, user_holdout
from assay.benchmark.readers import from_tables, from_trec
from assay.benchmark.renewal import Status, status
from assay.benchmark.representative import Chosen, represent, weighted_mean
from assay.benchmark.requests import Benchmark
from assay.benchmark.scoreboard import Scoreboard
from assay.benchmark.shrink import shrink

__all__ = [
    "Anchors",
    "Audit",
    "Benchmark",
    "Chosen",
    "CompactSet",
    "Estimated",
    "Evidence",
    "Fold",
    "Kept",
    "LeftOut",
    "MeasureChoice",
    "Plan",
    "PolicyValue",
    "Scoreboard",
    "Status",
    "anchors",
    "audit",
    "build",
    "choose_measures",
    "compact",
    "compare",
    "compare_protocols",
    "compare_slices",
    "detectable_difference",
    "estimate",
    "freeze",
    "from_tables",
    "from_trec",
    "half_widths",
    "leader_board",
    "leave_last_out",
    "leave_out",
    "open_kept",
    "plan_difference",
    "plan_mean",
    "policy_value",
    "protocol_warnings",
    "refuse_sampled",
    "represent",
    "rolling_origin",
    "share_distances",
    "shrink",
    "status",
    "time_split",
    "user_holdout",
    "weighted_mean",
]
