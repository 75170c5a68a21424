"""Whether the test can be trusted, and how small it could be; the same plots serve a benchmark's card."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.app import plots, words
from assay.app.plots import Row, Series
from assay.app.sections.facts import Facts, Part

_SYSTEMS_SHOWN = 25
_LEVELS_SHOWN = 40
NAMES = {
    "mean": "plain mean of a random draw",
    "simple": "random draw, regression on the source systems",
    "stratified": "drawn by difficulty",
    "neyman": "drawn by difficulty, more where source systems say less",
}


def trusted(facts: Facts) -> Part | None:
    """What the audit found, who can be told apart, by which measure, and what it would take; None before that stage."""
    audit, board = facts.json("trust/audit.json"), facts.json("trust/board.json")
    if audit is None or board is None:
        return None
    part: Part = {"findings": findings(audit), "points": [], "figures": _distances(audit), "tables": []}
    if "why_not" in board:
        return part | {"lead": f"Systems are not compared: {board['why_not']}"}
    measure = board["measure"]
    part["lead"] = (
        f"{words.count(board['requests'])} requests of {words.count(board['users'])} users, on which {board['systems']} systems "
        f"of {board['families']} families were scored. A difference of {words.figure(board['detectable'])} {measure} between two "
        f"systems is found with 80 % power; {words.percent(board['told_apart'])} of all pairs are told apart (5 %, Holm)."
    )
    part["points"] = board["reasons"]
    part["figures"] = [_leaders(board), *part["figures"]]
    part["tables"] = [_sizes(board), _measures(board)]
    return part


def findings(audit: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(tone, sentence) of what an audit found, what it could not look at, or that all is well."""
    found = [("bad", _finding(line)) for line in audit["findings"]]
    if "why_not" in audit:
        return [*found, ("even", f"The audit could not look at requests: {audit['why_not']}")]
    if not found:
        found = [("good", f"The audit found nothing: {', '.join(name.replace('_', ' ') for name in audit['checked'])}.")]
    if audit["skipped"]:
        left = "; ".join(f"{name.replace('_', ' ')} (needs {why})" for name, why in audit["skipped"].items())
        found.append(("even", f"Not looked at: {left}."))
    return found


def _finding(line: Mapping[str, Any]) -> str:
    mend = line["mend"]
    return f"{line['severity'].capitalize()}: {line['message']}. To mend it: {mend[0].lower()}{mend[1:]}."


def _leaders(board: Mapping[str, Any]) -> Part:
    lines = [
        Row(
            line["system"], line["value"], line["low"], line["high"], note=f"tier {line['tier']}, {line['family']}",
            tone=f"s{(line['tier'] - 1) % 6}",
        )
        for line in board["board"][:_SYSTEMS_SHOWN]
    ]  # fmt: skip
    more = len(board["board"]) - len(lines)
    meaning = "systems of one colour cannot be told apart from the best of their tier" + (f"; {more} more" if more else "")
    return {"name": board["measure"], "meaning": meaning, "plot": plots.rows("plot-trust-board", lines)}


def _distances(audit: Mapping[str, Any]) -> list[Part]:
    lines = audit.get("facts", {}).get("shares") or []
    return distances(lines, "the test's requests against those of the periods before")


def distances(lines: Sequence[Mapping[str, Any]], of: str) -> list[Part]:
    """How far shares are from the traffic's, an attribute a row."""
    drawn = [Row(line["attribute"], line["distance"], line["low"], line["high"]) for line in lines]
    if not drawn:
        return []
    plot = plots.rows("plot-distances", sorted(drawn, key=lambda row: -row.value), zero=True)
    meaning = f"{of}: the share that would have to change its kind; 0 is the same, 1 nothing alike"
    return [{"name": "Distance from the traffic", "meaning": meaning, "plot": plot}]


def shares(lines: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Shares of every kind of request, of the traffic and of those chosen."""
    drawn = [
        Row(
            f"{line['attribute']}: {line['level'] if line['level'] is not None else 'unknown'}", line["chosen"], line["traffic"],
            line["traffic"], shown=f"{words.percent(line['chosen'])} (traffic {words.percent(line['traffic'])})",
        )
        for line in lines[:_LEVELS_SHOWN]
    ]  # fmt: skip
    if not drawn:
        return []
    plot = plots.rows("plot-shares", drawn, zero=True)
    return [{"name": "Kinds of requests", "meaning": "their share among those chosen, and in the traffic", "plot": plot}]


def protocols(facts: Facts) -> Part | None:
    """The same systems under other protocols; None where `assay benchmark protocols` has not run."""
    page = facts.json("protocols/compared.json")
    if page is None:
        return None
    lead = (
        "Systems that learn from the log's events alone, fitted and scored under four ways to cut it; a request is a user. "
        "One global time split answers the question of serving; the others let out what a system will not know."
    )
    leaks = [f"{line['protocol'].replace('_', ' ').capitalize()}: {line['warning']}." for line in protocol_leaks(page)]
    return {"lead": lead, "findings": [], "points": leaks, "figures": [], "tables": [protocol_table(page)]}


def protocol_table(page: Mapping[str, Any]) -> Part:
    """nDCG of systems by protocol, over all folds, and the agreement of the orders."""
    last = {(line["protocol"], line["system"]): line for line in page["rows"]}  # a protocol's fold "all" comes last
    names = list(dict.fromkeys(protocol for protocol, _ in last))
    systems = sorted({system for _, system in last}, key=lambda s: (-last[names[0], s]["ndcg@10"], s))
    rows = [[system, *(words.figure(last[name, system]["ndcg@10"]) for name in names)] for system in systems]
    rows.append(["order, tau-b with the time split", *(words.figure(last[name, systems[0]]["tau_b"]) for name in names)])
    head = [("ndcg@10", ""), *((name.replace("_", " "), "n") for name in names)]
    return {"title": "What each protocol says", "head": head, "rows": rows}


def protocol_leaks(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Warnings of the protocols that let something out: those of the time split are of what cannot be known."""
    return [line for line in page["warnings"] if line["protocol"] in ("user_holdout", "leave_last_out")]


def _sizes(board: Mapping[str, Any]) -> Part:
    rows = [[f"find a difference of {d} with 80 % power", line["words"]] for d, line in board["sizes"].items()]
    rows.append(["come within 1 % of the full set", board["within_1_percent"]["words"]])
    return {"title": f"How many requests it takes ({board['measure']})", "head": [("to", ""), ("takes", "")], "rows": rows}


def _measures(board: Mapping[str, Any]) -> Part:
    head = [
        ("measure", ""),
        ("pairs told apart", "n"),
        ("requests for the median pair", "n"),
        ("order in half of the users", "n"),
    ]
    rows = [
        [
            line["measure"] + (" (decide on it)" if line["measure"] == board["decide"] else ""),
            words.percent(line["power"]),
            words.count(line["requests_needed"]),
            words.figure(line["stability"]),
        ]
        for line in board["measures"]
    ]
    return {"title": f"Measures; report {', '.join(board['report'])}", "head": head, "rows": rows}


def small(facts: Facts) -> Part | None:
    """How few requests would do, tried with each family of systems left out; None before that stage, or where it cannot be."""
    found = facts.json("trust/compact.json")
    if found is None or "why_not" in found:
        return None
    base = next(one for one in found["designs"] if one["design"] == "mean")
    best = next(one for one in found["designs"] if one["design"] == "neyman")
    systems = sum(found["systems"].values())

    def mean(one: Mapping[str, Any], name: str) -> float:
        return float(sum(one[name]) / len(one[name]))

    # Coverage is that of systems, not of families.
    sizes = [found["systems"][name] for name in best["families"]]
    covered = sum(n * c for n, c in zip(sizes, best["coverage"], strict=True)) / systems
    lead = (
        f"{found['budget']} of {words.count(found['requests'])} requests tell what a system of a family that was never seen "
        f"scores on all of them ({found['measure']}) with an error of {words.figure(mean(best, 'error'))}; the mean of as many "
        f"random ones errs by {words.figure(mean(base, 'error'))}. Its 95 % intervals hold the truth in "
        f"{words.percent(covered)} of the cases, and it orders the systems as all requests do up to a tau of "
        f"{words.figure(best['tau'])} (random: {words.figure(base['tau'])}). Each of {len(best['families'])} families was left "
        f"out in turn, {words.count(found['redraws'])} redraws."
    )
    return {"lead": lead, "findings": [], "points": [], "figures": [_widths(found), _relative(found)], "tables": []}


def _widths(found: Mapping[str, Any]) -> Part:
    names = [words.count(n) for n in found["sizes"]]
    series = [
        Series(NAMES[design], [(at, value, None, None) for at, value in enumerate(found["half_widths"][design])])
        for design in ("mean", "simple", "neyman")
    ]
    plot = plots.curve(
        "plot-small-widths", names, series, x_title="requests", y_title=f"± {found['measure']}, 95 %, of a system of a new family"
    )
    return {"name": "How sure", "meaning": "half of the interval's width to expect, median over systems", "plot": plot}


def _relative(found: Mapping[str, Any]) -> Part:
    best = next(one for one in found["designs"] if one["design"] == "neyman")
    lines = [
        Row(name, value, note=f"{found['systems'][name]} system" + "s" * (found["systems"][name] > 1), shown=f"{value:.2f}")
        for name, value in sorted(zip(best["families"], best["relative"], strict=True), key=lambda pair: pair[1])
    ]
    meaning = "error over that of the plain mean, by the family that was left out: below 1 is better"
    return {
        "name": f"With {found['budget']} requests",
        "meaning": meaning,
        "plot": plots.rows("plot-small-families", lines, zero=True),
    }
