"""A run's folder as the pipeline leaves it, small and made by hand."""

import math
import random
from pathlib import Path

import pyarrow as pa
import pytest

from assay.finished import Finished
from assay.pages.evaluation import Calibration, Consulted, Groups, Leaks, Summary
from assay.pages.gaps import Gaps, GapTrials
from assay.pages.log import AboutLog, Cleaned
from assay.pages.samples import SamplesMade
from assay.pages.search import SearchMade
from assay.pages.selection import Anomalies, Curve, LearntWeights, Rules, Slices
from assay.pages.targets import TargetsCompared
from assay.pages.trust import Audit, Board, Compact, ProtocolsCompared, Systems
from assay.pages.values import Distribution, Examples, Patterns, Rollup
from assay.pages.verification import (
    StudyCurves,
    StudyMethods,
    StudyModels,
    StudyRecommenders,
    Verdicts,
    VerifyAgreement,
    VerifyCurves,
    VerifyNoise,
    VerifyTransfer,
)
from assay.runs.manifest import Entry, Manifest
from assay.runs.pages import Page
from assay.runs.store import Folder, file_digest, write_json, write_parquet

HOSTILE = '<script>alert("x")</script>'
NAMES = ["FLUID MILK WHITE ONLY 1 GA", "BANANAS 40 LB", "有机牛奶 🥛 1 L", "חלב טרי 3%", HOSTILE]
CATEGORIES = ["FLUID MILK PRODUCTS", "TROPICAL FRUIT", "蛋奶", "מוצרי חלב", "A & B"]
MODELS = {"buy_it_again": 0.741, "forest": 0.792, "lightgbm": 0.8123, "logistic": 0.8047, "popularity": 0.66}
MODELS |= {"tree": 0.764}
DESIGNS = ("mean", "simple", "stratified", "neyman")


def listed(folder: Path, stage: str = "by hand") -> Finished:
    """The folder as a finished run: its manifest lists every file that is there as made by a stage."""
    own = {"manifest.json", "config.json", "cost.json", "report.html"}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in own)
    entry = Entry(stage, {str(path.relative_to(folder)): file_digest(path) for path in files})
    Manifest({stage: entry}).write(Folder(folder))
    return Finished(folder)


def put(run: Folder, page: type[Page], content: dict | list) -> None:
    """Write a page; a list is its lines."""
    made = page.model_validate({"lines": content} if isinstance(content, list) else content)
    write_json(run.path(page.path), made.content())


def put_gaps(run: Folder) -> None:
    """Gaps between two groups of people, one of a hostile name, one of whom has no positives."""
    rates = ("selection_rate", "true_positive_rate", "false_positive_rate")
    gaps = {"demographic_parity_difference": estimate(0.1, 0.05), "equalized_odds_difference": estimate(0.2, 0.3)}
    groups = [
        {"level": HOSTILE, "rows": 9, "people": 8, "positive": 0.4, "rates": {rate: estimate(0.3, 0.2) for rate in rates}},
        {"level": "女", "rows": 7, "people": 7, "positive": 0.0, "rates": {rate: {"value": 0.2} for rate in rates}},
    ]
    groups[1]["rates"]["true_positive_rate"] = {"value": None}
    lines = [{"model": model, "attribute": "age_band", "groups": groups, "gaps": gaps} for model in ("lightgbm", "logistic")]
    change = {"model": "logistic", "valuer": "influence", "removed_fraction": 0.05, "attribute": "age_band", "change": gaps}
    put(run, Gaps, {"threshold": 0.5, "models": lines, "selected": []})
    put(run, GapTrials, [change | {"arm": f"without the lowest {share} % by influence"} for share in (2, 5)])


def put_targets(run: Folder) -> None:
    """A target beside the run's own, of a hostile name, and one that is left out."""
    test, change = {"auc": estimate(0.7, 0.1), "ndcg@10": estimate(0.2, 0.1)}, {"ndcg@10": estimate(-0.01, 0.02)}
    lines = [
        {"model": "logistic", "learnt": learnt, "judged": "purchase", "positives": 9, "test": test, "difference": difference}
        for learnt, difference in (("purchase", {}), (HOSTILE, change))
    ]
    put(
        run, TargetsCompared, {"target": "purchase", "lines": lines, "left_out": {"购物车": "0 of the test samples are positive"}}
    )


def estimate(value: float, half: float, **more: float) -> dict:
    return {"value": value, "low": value - half, "high": value + half, **more}


def measures(auc: float) -> dict:
    return {
        "auc": estimate(auc, 0.0021),
        "log_loss": estimate(0.92 - 0.55 * auc, 0.0030),
        "ndcg@10": estimate(auc - 0.55, 0.0043),
        "accuracy": estimate(auc - 0.05, 0.002),
        "calibration_error": estimate(0.011, 0.001),
        "recall@10": estimate(auc - 0.6, 0.005),
    }


def beyond(auc):
    return {"coverage@10": estimate(auc / 10, 0.001), "novelty@10": estimate(6 * auc, 0.1), "diversity@10": estimate(auc, 0.01)}


def summary() -> dict:
    arms = {"full": 0.8047, "selected": 0.8051, "random": 0.8041, "recency": 0.8033, "popularity": 0.8029, "loss": 0.79}
    difference = {
        "auc": estimate(0.0004, 0.0003, p=0.012),
        "log_loss": estimate(-0.0002, 0.0004, p=0.31),
        "ndcg@10": estimate(0.0011, 0.0016, p=0.2),
    }
    logistic = {"valuer": "influence", "removed_fraction": 0.02, "difference": difference}
    nothing = {"valuer": "influence", "removed_fraction": 0, "difference": {}}
    return {
        "log": {"events": 1_465_218, "users": 2469, "items": 68_411, "rejected": 4_089}
        | {"from": "2017-01-01T11:53:26+00:00", "to": "2018-01-01T04:01:20+00:00"},
        "samples": {"train": 2_104_332, "validation": 311_208, "tuning": 305_117, "test": 298_844},
        "models": {name: {"test": measures(auc) | beyond(auc)} for name, auc in MODELS.items()},
        "selection": {
            "logistic": logistic | {"test": {arm: measures(auc) for arm, auc in arms.items()}},
            "lightgbm": nothing | {"test": {"full": measures(0.8123), "selected": measures(0.8123)}},
        },
        "subsample": {
            "fraction": 0.1,
            "test": {"uniform": measures(0.794), "weighted": measures(0.799), "all": measures(0.8047)},
        },
        "recommendations": {"users": 2469, "per_user": 10},
    }


def account() -> dict:
    steps = [("unreadable", 0), ("times", 0), ("impossible", 612), ("duplicates", 0), ("repeats", 3_477)]
    left, made = 1_469_307, []
    for step, taken in [*steps, ("returns", 0), ("robots", 0)]:
        entry = {"step": step, "rows_in": left, "rows_out": left - taken, "rejected": taken}
        made.append(entry | {"why": f"what {step} takes out cannot be learnt from", "reasons": {"a reason": taken}})
        left -= taken
    whole = {"read": 1_469_307, "events": left, "rejected": 1_469_307 - left, "users": 2469, "items": 68_411}
    whole |= {"reduced_by_returns": 0, "items_without_description": 0}
    return whole | {"steps": made, "from": "2017-01-01T11:53:26+00:00", "to": "2018-01-01T04:01:20+00:00"}


def write_search(run: Folder) -> None:
    measured = {name: estimate(0.4, 0.01) for name in ("ndcg@10", "mrr@10", "recall@100")}
    systems = {name: {"test": measured, "against": measured} for name in ("BM25", "vectors", "LambdaRank", "logistic")}
    systems["fused"] = {"test": measured, "against": {}}
    told = {"searches": {}, "tuning": {}, "rows": {}, "share_of_positives": 0.1, "depth": {}, "period": 9, "left_out": []}
    told |= {"derived": True, "queries_are": f"derived, not asked {HOSTILE}", "warning": None, "served": "LambdaRank"}
    page = told | {"requests": {"train": 4000, "test": 2000}, "in_pool": 0.83, "systems": systems}
    put(run, SearchMade, page)


def write_importance(run: Folder, draw: random.Random) -> None:
    edges = [-1e-5 + n * 1e-6 for n in range(25)]
    counts = [int(900_000 * math.exp(-abs(n - 11) * 0.9)) for n in range(24)]
    entry = {"edges": edges, "counts": counts, "unit": "log_loss", "negative_share": 0.31}
    positive = [n / 20 for n in range(21)]
    simple = {"edges": positive, "counts": [1000 * (n + 1) for n in range(20)], "unit": "probability"}
    put(run, Distribution, {"valuers": {"influence": entry, "probability": simple | {"negative_share": 0.0}}})

    def lines(names: list) -> list[dict]:
        return [
            {"name": name, "rows": draw.randrange(500, 90_000), **estimate(draw.gauss(1e-4, 4e-4), 1e-4)}
            | {"ranking": estimate(draw.gauss(1e-5, 4e-5), 1e-5)}
            for name in names
        ]

    weeks = [f"2017-{month:02d}-{day:02d}" for month in range(3, 9) for day in (1, 8, 15, 22)]
    rollup = {"user": lines(["718", "2070", "40", "1228"]), "item": lines(["1", "2", "3", "4", "5"])}
    rollup |= {"category": lines(CATEGORIES), "department": lines(["GROCERY", "PRODUCE", "DRUG GM"])}
    bands = ["at most 99.5", "99.5 to 250", "250 to 1000", "above 1000", "unknown"]
    rollup |= {"hour": lines([f"{k} to {k + 3}" for k in range(0, 24, 3)]), "item_price": lines(bands)}
    rollup |= {"period": lines(weeks), "peak": lines(["other weeks", "peak weeks"])}
    put(run, Rollup, {"units": rollup})
    sentence = "{} in week 2017-08-14: bought 12 times before, last 9 days ago; not bought this week"
    examples = {
        side: [
            {"sentence": sentence.format(name), "value": sign * 3e-6, "z": sign * 4.1}
            | {"user": 718, "item": 1 + n, "sample_id": n, "period": "2017-08-14", "label": 0}
            for n, name in enumerate(NAMES)
        ]
        for side, sign in (("useful", 1), ("harmful", -1))
    }
    put(run, Examples, examples)
    found = [("price band", "under $1"), ("hour", "17 to 20"), ("category", "蛋奶"), ("period", "before Thanksgiving")]
    patterns = [
        {"sentence": f"{attribute}: {level}", "attribute": attribute, "level": level}
        | {"rows": 40_000 + n, "share": 0.02 + 0.01 * n, **estimate(draw.gauss(0, 2e-4), 8e-5)}
        for n, (attribute, level) in enumerate(found)
    ]
    put(run, Patterns, patterns)


def write_selection(run: Folder) -> None:
    arms = [{"arm": "nothing", "family": "nothing", "valuer": None, "removed_fraction": 0, "tuning": {}}]
    arms[0]["difference"] = {m: estimate(0.0, 0.0, p=1.0) for m in ("auc", "log_loss", "ndcg@10")}
    for how, slope in (("influence", 0.4), ("random", -0.9), ("loss", -4.0)):
        for fraction in (0.002, 0.005, 0.01, 0.02, 0.05):
            change = 0.001 * slope * fraction / 0.02
            shifts = {"auc": (change, 3e-4), "log_loss": (-change, 2e-4), "ndcg@10": (2 * change, 9e-4)}
            arms.append(
                {"arm": f"{how} {fraction}", "family": "random" if how == "random" else "removal", "removed_fraction": fraction}
                | {"valuer": None if how == "random" else how, "tuning": {}}
                | {"difference": {m: estimate(value, half, p=0.2) for m, (value, half) in shifts.items()}}
            )
    weighted = {"auc": estimate(0.0002, 0.0002, p=0.1), "ndcg@10": estimate(-0.0004, 0.001, p=0.5)}
    arms.append({"arm": "re-weighted", "family": "recency", "valuer": None, "removed_fraction": 0, "tuning": {}})
    arms[-1]["difference"] = weighted
    chosen = "influence 0.02"
    worse = {m: estimate(-0.001 if m != "log_loss" else 0.001, 0.0004, p=1e-4) for m in ("auc", "log_loss", "ndcg@10")}
    explained = {"rule": "category is 蛋奶", "rows": 61_000, "covers": 0.62, "precision": 0.41, "factor": 0.0}
    explained |= {"difference": worse, "against_chosen": worse}
    groups = [{"grouping": "users", "low": 0.34, "high": 2.73, "gains": [9.2e-5, 4.8e-5, 1.6e-5]}]
    groups += [{"grouping": "items", "low": 1.0, "high": 1.0, "gains": []}]
    page = {"valuer": "influence", "chosen": chosen, "usable": True, "arms": arms, "explained": explained, "groups": groups}
    page["planted"] = {"log_loss": estimate(-3.1e-4, 4e-5, p=1e-6)}
    put(run, Curve, page)
    rule = {"rule": "category is COUPON/MISC ITEMS and price is 0", "rows": 30_112, "share": 0.0143, "z": -5.2}
    weak = {"rule": f"brand is {HOSTILE}", "rows": 812, "share": 0.0004, "z": -1.9}
    helps = {"without it": {"auc": estimate(0.002, 0.001, p=1e-3), "log_loss": estimate(-0.001, 0.0003, p=1e-3)}}
    confirmed = rule | {"confirmed": True, "advice": "drop, or repair at the source: better so", "trials": helps}
    unconfirmed = weak | {"confirmed": False, "advice": "leave as it is: not confirmed", "trials": {}}
    put(run, Rules, [confirmed, unconfirmed])


def write_study(run: Folder) -> None:
    def line(valuer: str | None, model: str, fraction: float) -> dict:
        found = {m: estimate(-fraction / 10, 1e-3, p=0.3) for m in ("auc", "log_loss", "ndcg@10")}
        return {"valuer": valuer, "model": model, "fraction": fraction, "difference": found}

    valuers = ("influence", "loss", None)
    put(run, StudyCurves, [line(v, "logistic", f) for v in valuers for f in (0.01, 0.02)])
    found = line("influence", "logistic", 0.02)["difference"]
    method = line("influence", "logistic", 0.02) | {"set": "all", "against_random": found}
    put(run, StudyMethods, [method, {"valuer": "ease", "why_not": f"no {HOSTILE}"}])
    scores = {"model": "ease", "tuning": {m: estimate(0.5, 0.01) for m in ("auc", "log_loss", "ndcg@10")}}
    put(run, StudyRecommenders, [scores, {"model": "als", "why_not": "als needs the package implicit"}])
    learnt = {"family": "all", "weights": f"half-life 20, {HOSTILE}", "path": [], "difference": found}
    put(run, LearntWeights, {"chosen": "nothing", "families": [learnt]})
    user = {"user_id": HOSTILE, "score": 9.0, "flagged": True, "trait": "takes far more than others", "samples": 900}
    sample = {"sentence": HOSTILE, "sample_id": 7, "user": HOSTILE, "period": "2017-10-02"}
    users, samples = {"flagged": 1, "of": 2469, "first": [user]}, {"flagged": 0, "of": 9000, "expected_precision": 0.0}
    put(run, Anomalies, {"users": users, "samples": samples | {"first": [sample]}})
    put(run, StudyModels, [line(v, m, 0.02) for v in valuers for m in ("forest", "lightgbm")])


def write_verification(run: Folder) -> None:
    orders = ("influence", "random", "recency", "popularity", "loss", "self_score")
    curves = [
        {"valuer": None if order == "random" else order, "kind": kind, "fraction": fraction}
        | {"difference": {"log_loss": estimate(n * fraction / 50, 1e-3, p=0.2)}}
        for n, order in enumerate(orders)
        for kind, fractions in (("removal", (0.01, 0.02, 0.05, 0.1)), ("addition", (0.1, 0.3)))
        for fraction in fractions
    ]
    sentence = "Removing by influence is better than removing at random (at 1 %)."
    verdict = {"usable": True, "better": [0.01], "worse": [], "sentence": sentence}
    put(run, VerifyCurves, curves)
    put(run, Verdicts, [{"valuer": order, **verdict} for order in orders if order != "random"])
    found = {"value": 0.7, "low": 0.6, "high": 0.8}
    scores = dict.fromkeys(orders, found | {"model": "logistic", "subsets": 24})
    agreement = {"datamodel_score": scores, "ranking_score": scores, "share": 0.5, "stability": {"seeds": found}}
    put(run, VerifyAgreement, agreement)
    noise = {"share": 0.05, "auc": found, "precision": found, "chance": 0.05}
    put(run, VerifyNoise, [{"noise": "flipped labels", "valuer": order, **noise} for order in orders])
    line = {
        "model": "lightgbm",
        "valuer": "influence",
        "fraction": 0.02,
        "made_with": "logistic",
        "difference": {"log_loss": estimate(-0.001, 1e-3, p=0.2)},
        "against_random": {"log_loss": estimate(-0.002, 1e-3, p=0.2)},
    }
    put(run, VerifyTransfer, [line])
    trial = {"difference": {"log_loss": estimate(-0.01, 1e-3, p=1e-4)}, "forecast": -0.011}
    rule = {"rule": f"category is {HOSTILE}", "rows": 900, "share": 0.02, "z": -6.0, "confirmed": True, "because": "values"}
    found_slice = rule | {
        "trials": {"without it": trial},
        "helps": ["without it"],
        "advice": "drop these rows",
        "examples": [HOSTILE],
    }
    other = rule | {"trials": {}, "helps": [], "confirmed": False, "advice": "leave as it is", "examples": []}
    put(run, Slices, [found_slice, other])


def write_evaluation(run: Folder) -> None:
    groups = {"new_users": ["new", "returning"], "item": ["head", "tail"], "price band": ["under $1", "$1 to $3"]}
    lines = [
        {"model": model, "group": group, "level": level, "measure": measure, "rows": 120_000}
        | estimate(auc - 0.03 * n - shift, 0.004 + 0.004 * n)
        for group, levels in groups.items()
        for n, level in enumerate(levels)
        for model, auc in (("lightgbm", 0.8123), ("logistic", 0.8047))
        for measure, shift in (("auc", 0.0), ("ndcg@10", 0.55))
    ]
    put(run, Groups, lines)
    put_gaps(run)
    put_targets(run)
    leak = {"check": "label in disguise", "severity": "error", "message": f"feature {HOSTILE} alone tells the label."}
    put(run, Leaks, [leak | {"rows": 5, "examples": [], "mend": "Leave it out."}])
    put(run, Consulted, {"test_consulted_by": 17})
    system = {"family": "f", "settings": {}}
    lines = [{"system": "ease", "test": {}, **system}, {"system": "als", "why_not": "no", **system}]
    put(run, Systems, {"systems": lines})
    points = [{"predicted": n / 10 + 0.05, "observed": min(1, 1.06 * (n / 10 + 0.04)), "rows": 9000} for n in range(10)]
    put(run, Calibration, {"models": dict.fromkeys(("lightgbm", "logistic", "tree"), points)})


def write_trust(run: Folder) -> None:
    plan = {"size": 700, "reached": 0.01, "words": "700 of 5,000 requests give a smallest detectable difference of 0.01."}
    leaders = [
        {"system": name, "family": "f", "tier": n + 1, "p_holm": None, "behind": 0.0} | estimate(0.3 - 0.02 * n, 0.01)
        for n, name in enumerate(("lightgbm", HOSTILE, "杂货 ease"))
    ]
    measure = {"measure": "ndcg@10", "power": 0.9, "requests_needed": 120.0, "stability": 0.95, "regret": 0.0}
    measure |= {"regret_elsewhere": 0.0, "spread": 0.1, "other_cuts": None}
    board = {"measure": "ndcg@10", "requests": 5000, "users": 2000, "systems": 3, "families": 3, "told_apart": 0.83}
    board |= {"detectable": 0.004, "board": leaders, "measures": [measure], "decide": "ndcg@10", "report": ["ndcg@10"]}
    board |= {"reasons": ["Decide on ndcg@10."], "sizes": {"0.01": plan}, "within_1_percent": plan}
    put(run, Board, board)
    away = {"attribute": HOSTILE, "levels": 3, "distance": 0.08, "low": 0.05, "high": 0.1, "p": 0.01}
    finding = {
        "check": "shares",
        "severity": "warning",
        "message": f"{HOSTILE} is away",
        "rows": 5,
        "examples": [],
        "mend": "Draw.",
    }
    audit = {"findings": [finding], "checked": ["shares"], "skipped": {"future_prices": "prices"}, "facts": {"shares": [away]}}
    put(run, Audit, audit)
    families = ["als", HOSTILE, "trees"]
    figures = {key: [0.01, 0.02, 0.03] for key in ("error", "bias", "coverage", "half_width", "detectable", "tau_placed")}
    designs = [{"design": name, "families": families, "tau": 0.9, "relative": [0.4, 0.5, 0.9], **figures} for name in DESIGNS]
    small = {"measure": "ndcg@10", "requests": 5000, "budget": 100, "redraws": 1000, "systems": dict.fromkeys(families, 1)}
    small |= {"designs": designs, "sizes": [30, 100], "half_widths": {key: [0.04, 0.02] for key in DESIGNS}}
    put(run, Compact, small)
    rows = [
        {"protocol": protocol, "fold": protocol, "system": HOSTILE, "ndcg@10": 0.2, "tau_b": 0.6}
        | {"requests": 9, "low": 0.1, "high": 0.3, "recall@10": 0.2}
        for protocol in ("time_split", "leave_last_out")
    ]
    warnings = [{"protocol": "leave_last_out", "fold": "leave_last_out", "warning": "it knows the future"}]
    put(run, ProtocolsCompared, {"rows": rows, "warnings": warnings, "days": 28})


def write_recommendations(run: Folder) -> None:
    rows = [
        {"user_id": user, "item_id": 1 + (user + rank) % 5, "rank": rank, "score": 1.0 / rank}
        | {"name": NAMES[(user + rank) % 5], "category": CATEGORIES[(user + rank) % 5]}
        | {"reason": "bought 12 times, last 9 days ago" if rank < 3 else "popular in a category you buy"}
        for user in range(1, 13)
        for rank in range(1, 11)
    ]
    rows[0]["name"] = None
    table = pa.Table.from_pylist(rows)
    write_parquet(run.path("recommendations.parquet"), table)
    strangers = table.slice(0, 3).set_column(0, "user_id", pa.nulls(3, table.schema.field("user_id").type))
    write_parquet(run.path("recommendations_unknown.parquet"), strangers)


@pytest.fixture
def run(tmp_path: Path) -> Finished:
    """A finished run."""
    run, draw = Folder(tmp_path / "run"), random.Random(3)
    log = {"events": [{"path": "log.parquet", "event": "purchase", "columns": {"user_id": "u"}}]}
    write_json(run.path("config.json"), {"log": log, "show": {"title": "A year of a grocer 杂货", "currency": "$"}})
    put(run, Summary, summary())
    put(run, Cleaned, account())
    put(run, AboutLog, {"time_zone": "UTC", "minor_units": 2})
    made = {"positives": 842_000, "ratio": 1.4993, "negatives": {"popularity": 631_000, "history": 315_000}}
    bias = {"method": "intervention harvesting (AllPairs)", "examination": [1.0, 0.5, 0.3], "rows": [90, 80, 70]}
    bias |= {"clip": 10.0, "clipped": 3, "positives": 2000, "effective_positives": 1234.5, "effective_rows": 3000.0}
    test = {"requests": 9_000, "candidates_a_request": 170.5, "recall": {"history": 0.41, "all": 0.5832}}
    made |= {"candidates": {"test": test}, "position_bias": bias, "rows": summary()["samples"]}
    made |= {"share_of_positives": {"train": 0.4}, "features": ["price"], "constant_features_left_out": [], "columns": 7}
    put(run, SamplesMade, made)
    write_search(run)
    items = {"item_code": range(5), "item_id": range(1, 6), "name": NAMES, "category": CATEGORIES}
    write_parquet(run.path("clean/items.parquet"), pa.table({key: list(column) for key, column in items.items()}))
    write_parquet(run.path("clean/users.parquet"), pa.table({"user_code": range(12), "user_id": range(1, 13)}))
    write_importance(run, draw)
    write_selection(run)
    write_study(run)
    write_verification(run)
    write_evaluation(run)
    write_trust(run)
    write_recommendations(run)
    seconds = {"collect": 2.1, "clean": 2.6, "samples": 21.4, "train": 44.8, "value": 31.0, "select": 58.3}
    spent = {"study": {"methods": {"influence": 8.2}, "recommenders": {"ease": 60.0}}, "verify": {"influence": 12.5}}
    costs = {"seconds": seconds | {"evaluate": 20.5, "recommend": 6.6}, "peak_rss_mb": 3021.4, **spent}
    write_json(run.path("cost.json"), costs)
    return listed(run.folder)
