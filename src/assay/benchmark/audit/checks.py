"""An audit of a benchmark: what would make its numbers better, or other, than the live system's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from assay.benchmark.audit.bias import popularity_bias, position_bias
from assay.benchmark.audit.coded import Coded, LackingError, Outcome
from assay.benchmark.audit.conversions import open_conversions
from assay.benchmark.audit.coverage import SHARES, share_distances, shares, unreachable_truth
from assay.benchmark.audit.evidence import Evidence
from assay.benchmark.audit.future import future_items, future_prices, train_after_test
from assay.benchmark.audit.ids import label_in_ids
from assay.benchmark.audit.overlap import duplicates_across, listed_twice, session_across, user_across, validation_in_train
from assay.evaluation.leakage import Finding, leaks
from assay.language import english
from assay.shown import html_table

__all__ = ["CHECKS", "SHARES", "Audit", "Evidence", "Finding", "audit", "share_distances"]


@dataclass(frozen=True)
class Audit:
    """What an audit found. findings: errors first, then in order of the checks, a check's own by name of the table.

    facts: what was measured, by name, also where it is no finding: recall_bound, popularity_auc, truth_in_head, shares,
    open_share and so on; a fact is missing when its check did not run. checked: names of the checks that ran. skipped:
    name of each other -> what was missing for it.
    """

    findings: list[Finding]
    facts: dict[str, Any]
    checked: tuple[str, ...]
    skipped: dict[str, str]

    def _repr_html_(self) -> str:
        """What was found and how to mend it, for a notebook."""
        rows = [(one.severity, one.check, one.message, one.mend) for one in self.findings]
        above = f"{len(rows)} findings by {len(self.checked)} checks; {len(self.skipped)} lacked what they need"
        return html_table(rows, ("", "check", "found", "what to do"), above=above)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it; instants are ISO text."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "facts": self.facts,
            "checked": list(self.checked),
            "skipped": self.skipped,
        }


def _samples(coded: Coded) -> Outcome:
    """Leaks of the samples; where users were held out, splits overlap in time by design."""
    samples = coded.evidence.samples
    assert samples is not None
    sample_leaks = leaks(samples)
    by_users = coded.evidence.protocol == "users"
    return Outcome([one for one in sample_leaks if not (by_users and one.check == "time_overlap")], {})


class _Check(NamedTuple):
    """A check, what it needs ("a | b": one of the two is enough), and the protocol that it is for (None: any)."""

    run: Callable[[Coded], Outcome]
    needs: tuple[str, ...]
    protocol: str | None = None


CHECKS: dict[str, _Check] = {
    "future_items": _Check(future_items, ("candidates", "events")),
    "future_prices": _Check(future_prices, ("candidates.price", "events.price")),
    "session_across": _Check(session_across, ("requests.session_id", "train.session_id | validation.session_id")),
    "user_across": _Check(user_across, ("train | validation",), "users"),
    "duplicates_across": _Check(duplicates_across, ("truth.timestamp", "train | validation")),
    "listed_twice": _Check(listed_twice, ("truth",)),
    "validation_in_train": _Check(validation_in_train, ("train", "validation")),
    "train_after_test": _Check(train_after_test, ("train | validation",), "time"),
    "label_in_ids": _Check(label_in_ids, ("candidates | samples",)),
    "popularity_bias": _Check(popularity_bias, ("candidates", "train | events")),
    "position_bias": _Check(position_bias, ("truth.position | events.position",)),
    "open_conversions": _Check(open_conversions, ("horizon", "events")),
    "shares": _Check(shares, ("traffic",)),
    "unreachable_truth": _Check(unreachable_truth, ("candidates",)),
    "samples": _Check(_samples, ("samples",)),
}


def audit(evidence: Evidence) -> Audit:
    """Leaks, biases and gaps of a test: every check that the evidence is enough for; `docs/benchmark/audit.md` lists them.

    No table is changed. The result does not depend on the order of rows, but for the check whether the order of candidates
    betrays truth.

    Parameters
    ----------
    evidence : Evidence
        The tables of the test, and of what was learnt before it.

    Returns
    -------
    Audit
        findings (errors first), facts, checked, and skipped with what each check lacked.

    Raises
    ------
    InputError
        Tables that contradict each other: a request twice, truth or candidates of unknown requests, traffic without any of the
        requests' attributes.

    Examples
    --------
    >>> import pyarrow as pa
    >>> import assay
    >>> day = pa.timestamp("us", "UTC")
    >>> requests = pa.table({"request_id": [1, 2], "user_id": [7, 8], "timestamp": pa.array([10, 20], day)})
    >>> truth = pa.table({"request_id": [1, 2], "item_id": [5, 6], "grade": [1.0, 1.0]})
    >>> train = pa.table({"user_id": [7, 8], "item_id": [5, 5], "timestamp": pa.array([1, 15], day), "label": [1, 1]})
    >>> found = assay.audit(assay.Evidence(requests, truth, train=train))
    >>> found.findings[0].message
    '1 rows of train are later than the first request (1970-01-01T00:00:00.000010+00:00)'
    """
    coded = Coded(evidence)
    findings: list[Finding] = []
    facts: dict[str, Any] = {}
    checked, skipped = [], {}
    for name, check in CHECKS.items():
        missing = _missing(check, evidence)
        if missing:
            skipped[name] = missing
            continue
        try:
            outcome = check.run(coded)
        except LackingError as reason:
            skipped[name] = str(reason)
            continue
        findings += outcome.findings
        facts |= outcome.facts
        checked.append(name)
    findings.sort(key=lambda finding: finding.severity != "error")
    return Audit(findings, facts, tuple(checked), skipped)


def _missing(check: _Check, evidence: Evidence) -> str:
    """What a check lacks, in words; empty when nothing."""
    if check.protocol not in (None, evidence.protocol):
        return english("protocol {name}", name=repr(check.protocol))
    lacks = [need for need in check.needs if not any(evidence.has(part) for part in need.split(" | "))]
    return ", ".join(lacks).replace(" | ", " or ")
