"""Test sets that can be trusted: built like the traffic, audited, compared on by user, as small as will do, kept."""

from assay.benchmark.audit.checks import Audit, Evidence, audit, share_distances
from assay.benchmark.board.comparison import compare, compare_groups, leader_board
from assay.benchmark.board.gate import Gate, gate
from assay.benchmark.board.measures import MeasureChoice, choose_measures, refuse_sampled
from assay.benchmark.board.off_policy import PolicyValue, policy_value
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import Anchors, CompactSet, anchors, compact
from assay.benchmark.compact.estimation import Estimated, estimate
from assay.benchmark.compact.families import LeftOut, leave_out
from assay.benchmark.compact.shrink import shrink
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.keep.folder import Kept, freeze, open_kept
from assay.benchmark.keep.renewal import Status, status
from assay.benchmark.plan.build import build
from assay.benchmark.plan.representative import Chosen, represent, weighted_mean
from assay.benchmark.plan.sizes import Plan, detectable_difference, half_widths, plan_difference, plan_mean
from assay.benchmark.protocols.comparison import compare_protocols, protocol_warnings
from assay.benchmark.protocols.cuts import Fold, leave_last_out, rolling_origin, time_split, user_holdout
from assay.benchmark.readers import from_tables, from_trec

__all__ = [
    "Anchors",
    "Audit",
    "Benchmark",
    "Chosen",
    "CompactSet",
    "Estimated",
    "Evidence",
    "Fold",
    "Gate",
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
    "compare_groups",
    "compare_protocols",
    "detectable_difference",
    "estimate",
    "freeze",
    "from_tables",
    "from_trec",
    "gate",
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
