"""Ids and orders that betray the label."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.benchmark.audit.coded import EXAMPLES, NEVER, Coded, Ints, LackingError, Mean, Outcome, mean, plain, request_auc
from assay.evaluation.leakage import Finding
from assay.language import english
from assay.numerics import statistics as st
from assay.samples.table import Samples

POSITIVES = 200
# AUC this far from one half is more than catalogue numbers have to do with taste.
ID_GAP = 0.2
# Lists may be in order of a good ranking, which tells much; that all truth comes first or last is no ranking.
ORDER_GAP = 0.45
_AGES = 5
_ALPHA = 0.05


class _Test(NamedTuple):
    """An AUC of something that must say nothing of the label, and how far from one half it may be."""

    name: str
    what: str
    auc: Mean
    gap: float
    rows: int
    examples: list[dict[str, Any]]
    mend: str


def label_in_ids(coded: Coded) -> Outcome:
    """Item ids, the order of the candidates, sample ids and request ids that tell what is relevant.

    Each is an AUC within requests (request ids: within a user's samples of one split), clustered by user. Popular items
    often have low ids, and new ones high ids: item ids are compared among items of like popularity (within a factor of 2)
    and like age (a fifth of all, where the log tells) only. A warning takes size (ID_GAP, ORDER_GAP), significance (Holm,
    5 %) and POSITIVES positives.
    """
    tests = [*_of_candidates(coded), *_of_samples(coded.evidence.samples)]
    if not tests:
        raise LackingError(english("{number} relevant candidates, or positive samples, beside others", number=POSITIVES))
    facts = {f"{one.name}_auc": one.auc.to_dict() for one in tests}
    p = st.holm([one.auc.p for one in tests])
    telling = [one for one, adjusted in zip(tests, p, strict=True) if abs(one.auc.value - 0.5) > one.gap and adjusted < _ALPHA]
    return Outcome(
        [Finding("label_in_ids", "warning", _told(one), one.rows, one.examples, one.mend) for one in telling],
        facts,
    )


def _told(test: _Test) -> str:
    return english("{what} tells the label with AUC {mean}", what=test.what, mean=test.auc)


def _of_candidates(coded: Coded) -> Iterator[_Test]:
    if not coded.has("candidates"):
        return
    label, request = coded.label, coded.code("candidates", "request_id")
    if label.sum() < POSITIVES:
        return
    rows, examples = int(label.sum()), coded.examples("candidates", label)
    order = np.arange(len(label))
    of, each = request_auc(label, order, request)
    if len(of):
        yield _Test(
            "order", english("the order of a request's candidates"), mean(each, coded.request_user[of], 0.5), ORDER_GAP, rows,
            examples, english("shuffle the candidates, or sort them by item id, before a system sees them"),
        )  # fmt: skip
    if coded.has("train") or coded.has("events"):
        item = coded.code("candidates", "item_id")
        of, each = request_auc(label, _rank(coded.ids("item_id"))[item], request, _alike(coded)[item])
        if len(of):
            yield _Test(
                "item_id", english("item_id, among items of like popularity,"), mean(each, coded.request_user[of], 0.5), ID_GAP,
                rows, examples, english("number items without a look at truth; draw negatives from all items"),
            )  # fmt: skip


def _rank(ids: pa.Array) -> Ints:
    """Places (I,) of ids that are in order: as numbers where all are, else as they are."""
    if pa.types.is_integer(ids.type):
        return np.arange(len(ids))
    numeric = pc.all(pc.match_substring_regex(ids, r"^[0-9]{1,18}$")).as_py()
    return np.asarray(ids.cast(pa.int64()).to_numpy()) if numeric else np.arange(len(ids))


def _alike(coded: Coded) -> Ints:
    """Bands (I,) of items: popularity by powers of 2, times fifths of the first events where the log is there."""
    band = np.log2(1 + coded.popularity).astype(np.int64)
    seen = coded.first_event < NEVER if coded.has("events") else np.zeros(len(band), np.bool_)
    if not seen.any():
        return band
    first = coded.first_event
    edges = np.quantile(first[seen], np.arange(1, _AGES) / _AGES)
    age = np.where(seen, np.searchsorted(edges, first, side="right"), _AGES)
    return np.asarray(band * (_AGES + 1) + age)


def _of_samples(samples: Samples | None) -> Iterator[_Test]:
    if samples is None or not len(samples):
        return
    label = samples.label > 0
    if label.sum() < POSITIVES or label.all():
        return
    user, keys = samples.user.astype(np.int64), samples.keys
    request = np.unique(samples.request, return_inverse=True)[1]
    owner = np.zeros(request.max() + 1, np.int64)
    np.maximum.at(owner, request, user)
    parts = keys.column("split").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    within = np.unique(np.stack([user, parts]), axis=1, return_inverse=True)[1].ravel()
    of_user = np.zeros(within.max() + 1, np.int64)
    np.maximum.at(of_user, within, user)
    examples = _first_samples(samples, label)
    # as places in order: float64 cannot tell neighbours among 64-bit ids apart
    number = np.unique(keys.column("sample_id").to_numpy(), return_inverse=True)[1]
    for name, score, group, owners, mend in (
        ("sample_id", number, request, owner, english("number samples by a hash, or shuffle them before they are numbered")),
        ("request_id", request, within, of_user, english("number requests without a look at what was taken")),
    ):
        of, each = request_auc(label, score, group)
        if len(of):
            what = english("{name} of samples", name=name)
            yield _Test(name, what, mean(each, owners[of], 0.5), ID_GAP, int(label.sum()), examples, mend)


def _first_samples(samples: Samples, rows: np.ndarray) -> list[dict[str, Any]]:
    at = np.flatnonzero(rows)
    at = at[np.argsort(samples.keys.column("sample_id").to_numpy()[at], kind="stable")[:EXAMPLES]]
    names = ["sample_id", "user_id", "item_id", "request_id", "split", "label"]
    taken = samples.keys.select(names).take(pa.array(at)).to_pylist()
    return [{name: plain(value) for name, value in row.items()} for row in taken]
