"""What stands on both sides of the split, or twice on one."""

import numpy as np

from assay.benchmark.audit.coded import EXAMPLES, LEARNT, Bools, Coded, Outcome, among
from assay.evaluation.leakage import Finding
from assay.language import english


def session_across(coded: Coded) -> Outcome:
    """A session with rows in train or validation, and requests. Sessions are told apart by user and session_id."""
    test_sessions = _session(coded, "requests")
    findings = []
    for table in LEARNT:
        if not coded.has(f"{table}.session_id"):
            continue
        rows = among(_session(coded, table), test_sessions) & (coded.code(table, "session_id") >= 0)
        if rows.any():
            sessions = len(np.unique(_session(coded, table)[rows]))
            what = english("{number} sessions have rows in {name} and requests in the test", number=sessions, name=table)
            mend = english("keep a session on one side: drop its rows from {name}, or its requests", name=table)
            findings.append(_finding(coded, "session_across", table, rows, what, mend))
    return Outcome(findings, {})


def _session(coded: Coded, table: str) -> np.ndarray:
    """(n,) one number for user and session; below 0 where some session is unknown."""
    session = coded.code(table, "session_id")
    of_user = coded.code(table, "user_id") * coded.size("session_id") + session
    return np.asarray(np.where(session < 0, -1, of_user))


def user_across(coded: Coded) -> Outcome:
    """A user of the test with rows in train or validation, where users were held out."""
    findings = []
    for table in LEARNT:
        if not coded.has(table):
            continue
        rows = among(coded.code(table, "user_id"), coded.request_user)
        if rows.any():
            users = len(np.unique(coded.code(table, "user_id")[rows]))
            what = english("{number} users of the test, who were to be held out, have rows in {name}", number=users, name=table)
            mend = english("drop the test's users from {name}", name=table)
            findings.append(_finding(coded, "user_across", table, rows, what, mend))
    return Outcome(findings, {})


def duplicates_across(coded: Coded) -> Outcome:
    """Rows of train or validation that are a row of truth: the same user, item and instant."""
    dated = coded.evidence.truth.column("timestamp").is_valid().to_numpy()
    truth = coded.event_hash("truth")[dated]
    findings = []
    for table in LEARNT:
        if not coded.has(table):
            continue
        rows = among(coded.event_hash(table), truth)
        if rows.any():
            what = english(
                "{number} rows of {name} are events of truth: the same user, item and instant", number=int(rows.sum()), name=table
            )
            mend = english("drop them from {name}", name=table)
            findings.append(_finding(coded, "duplicates_across", table, rows, what, mend))
    return Outcome(findings, {})


def listed_twice(coded: Coded) -> Outcome:
    """Items that a request's truth, or its candidates, name more than once; rows counts those beyond the first."""
    findings = []
    for table in ("truth", "candidates"):
        if not coded.has(table):
            continue
        listed = coded.listed(table)
        pairs, count = np.unique(listed, return_counts=True)
        more = int((count - 1).sum())
        if more:
            what = english(
                "{number} items stand more than once in the {name} of a request ({number_more} rows too many)",
                number=int((count > 1).sum()),
                name=table,
                number_more=more,
            )
            items = coded.size("item_id")
            examples = [
                {
                    "request_id": coded.id("request_id", int(pairs[k] // items)),
                    "item_id": coded.id("item_id", int(pairs[k] % items)),
                    "times": int(count[k]),
                }
                for k in np.flatnonzero(count > 1)[:EXAMPLES]
            ]
            mend = english("keep one row per request and item in {name}", name=table)
            findings.append(Finding("listed_twice", "error", what, more, examples, mend))
    return Outcome(findings, {})


def validation_in_train(coded: Coded) -> Outcome:
    """Rows of validation that are rows of train: by sample_id if both have it, else by user, item and instant."""
    if coded.has("train.sample_id") and coded.has("validation.sample_id"):
        same, by = coded.code("validation", "sample_id"), english("sample_id")
        rows = among(same, coded.code("train", "sample_id")) & (same >= 0)
    else:
        by = english("user, item and instant")
        rows = among(coded.event_hash("validation"), coded.event_hash("train"))
    if not rows.any():
        return Outcome([], {})
    what = english("{number} rows of validation are rows of train too, by {columns}", number=int(rows.sum()), columns=by)
    mend = english("tune on rows that no model was trained on: drop them from one of the two")
    return Outcome([_finding(coded, "validation_in_train", "validation", rows, what, mend)], {})


def _finding(coded: Coded, check: str, table: str, rows: Bools, what: str, mend: str) -> Finding:
    return Finding(check, "error", what, int(rows.sum()), coded.examples(table, rows), mend)
