"""How the models do, and what they recommend."""

import pyarrow.parquet as pq

from assay.app import plots, words
from assay.app.plots import Row
from assay.app.sections.facts import Facts, Part, interval, scaled
from assay.evaluation.claims import CLAIMS

USERS_SHOWN = 10


def models(facts: Facts) -> Part | None:
    """Every model on test, one plot a measure; the rest of the measures as a table."""
    found = {name: m.get("test", {}) for name, m in sorted(facts.summary.get("models", {}).items())}
    measures = words.ordered({m for test in found.values() for m in test})
    if not measures:
        return None
    first = [m for m in measures if m in CLAIMS] or measures[:2]
    figures = []
    for measure in first:
        best = words.best_model(facts.summary["models"], measure)
        lines = [
            Row(name, *scaled(test[measure], 1.0), tone="s1" if best and best[0] == name else "s0")
            for name, test in found.items()
            if measure in test
        ]
        lower = words.lower_is_better(measure)
        lines.sort(key=lambda row: (row.value if lower else -row.value, row.label))
        plot = plots.rows(f"plot-models-{measure}", lines)
        figures.append({"name": measure, "meaning": words.meaning(measure), "plot": plot})
    kept = facts.json("features/kept.json")
    table = [[m, *(words.estimate(*interval(found[name].get(m))) for name in found)] for m in measures]
    return {"figures": figures, "names": list(found), "table": table, "features": words.features(kept) if kept else None}


def groups(facts: Facts) -> Part | None:
    """Where the models do better and worse."""
    found = facts.json("evaluation/groups.json") or []
    measures = words.ordered({line.get("measure") for line in found if words.known(line.get("value"))})
    if not measures:
        return None
    measure = measures[0]
    figures = []
    lines = [line for line in found if line.get("measure") == measure]
    names = list(dict.fromkeys(str(line.get("model")) for line in lines))
    for n, name in enumerate(dict.fromkeys(str(line.get("group")) for line in lines)):
        drawn = [
            Row(
                str(line.get("level") if line.get("level") is not None else "unknown"),
                *scaled(line, 1.0),
                note=f"{line.get('model')}, {words.count(line.get('rows'))} rows",
                tone=f"s{names.index(str(line.get('model'))) % 6}",
            )
            for line in lines
            if str(line.get("group")) == name
        ]
        figures.append({"name": name.replace("_", " "), "plot": plots.rows(f"plot-group-{n}", drawn)})
    return {"figures": figures, "measure": measure, "meaning": words.meaning(measure)}


def calibration(facts: Facts) -> Part | None:
    """Whether a probability means what it says."""
    figures = []
    for name, points in sorted((facts.json("evaluation/calibration.json") or {}).items()):
        drawn = [(p.get("predicted"), p.get("observed"), p.get("rows")) for p in points]
        figures.append({"name": name, "plot": plots.calibration(f"plot-calibration-{name}", drawn)})
    return {"figures": figures} if figures else None


def recommendations(facts: Facts) -> Part | None:
    """The first users' lists, with readable names and reasons."""
    if not facts.run.exists("recommendations.parquet"):
        return None
    path = facts.run.path("recommendations.parquet")
    lists: dict[object, list[Part]] = {}
    for batch in pq.ParquetFile(path).iter_batches(batch_size=4096):
        for row in batch.to_pylist():
            if row["user_id"] not in lists and len(lists) == USERS_SHOWN:
                break
            entry: Part = {
                "rank": row["rank"],
                "name": row.get("name") or facts.shown(row["item_id"]),
                "category": row.get("category") or "",
                "reason": row.get("reason") or "",
            }
            lists.setdefault(row["user_id"], []).append(entry)
        else:
            continue
        break
    shown: list[Part] = [{"user": facts.shown(user), "lines": sorted(entries, key=_rank)} for user, entries in lists.items()]
    made = facts.summary.get("recommendations", {})
    return {"shown": shown, "per_user": made.get("per_user"), "all": made.get("users")} if shown else None


def _rank(line: Part) -> int:
    return int(line["rank"])
