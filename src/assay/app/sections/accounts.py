"""What was read, cleaned, sampled and spent."""

from collections.abc import Mapping
from typing import Any

from assay.app import plots, words
from assay.app.plots import Row
from assay.app.sections.facts import Facts, Part


def log(facts: Facts) -> Part | None:
    """What was read, and what each cleaning step took out."""
    account = facts.json("clean/account.json")
    if not account:
        return None
    steps = [
        Row(
            label=str(step.get("step")),
            note=str(step.get("why") or ""),
            value=float(step.get("rejected") or 0),
            shown=f"{words.count(step.get('rejected') or 0)} of {words.count(step.get('rows_in'))}",
            tone="harmful",
        )
        for step in account.get("steps", [])
    ]
    read, kept = account.get("read"), account.get("events")
    share = words.percent(kept / read) if words.known(read) and words.known(kept) and read else words.NONE
    return {
        "lead": f"{words.count(read)} rows were read and {words.count(kept)} kept ({share}), from "
        f"{words.day(account.get('from'))} to {words.day(account.get('to'))}. "
        "Every row taken out is in rejected.parquet with its reason.",
        "plot": plots.rows("plot-cleaning", steps, stem=True),
    }


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [line for key in value for line in _flat(value[key], f"{prefix}, {key}" if prefix else str(key))]
    if words.known(value):
        return [(prefix.replace("_", " "), words.count(value) if isinstance(value, int) else words.plain(value))]
    return [] if value is None or isinstance(value, list) else [(prefix.replace("_", " "), str(value))]


def samples(facts: Facts) -> Part | None:
    """How many samples each split has, leaks, and the account of how they were made."""
    splits = [
        Row(name, float(n), shown=words.count(n), tone="useful")
        for name, n in facts.summary.get("samples", {}).items()
        if words.known(n)
    ]
    order = ["train", "validation", "tuning", "test"]
    splits.sort(key=lambda row: order.index(row.label) if row.label in order else len(order))
    account = _flat(facts.json("samples/account.json") or {})
    if not splits and not account:
        return None
    leaks = facts.json("evaluation/leaks.json")
    return {"plot": plots.rows("plot-splits", splits, stem=True), "account": account, "leaks": leaks}


def costs(facts: Facts) -> Part | None:
    """Seconds of each stage and the peak of memory: the only part that differs from run to run."""
    cost = facts.run.costs()
    if not cost["seconds"]:
        return None
    seconds = cost.get("seconds", {})
    lines = [Row(stage, float(s), shown=words.duration(s), tone="useful") for stage, s in seconds.items()]
    lines.sort(key=lambda row: (-row.value, row.label))
    total = words.duration(sum(seconds.values()))
    lead = f"{total} in all, at most {words.memory(cost.get('peak_rss_mb'))} of memory."
    return {"lead": lead, "plot": plots.rows("plot-costs", lines, stem=True)}
