"""Gather what a run found on one small page."""

from typing import Any

from assay.runs.stage import Work, stage


@stage(follows=("clean", "samples", "evaluate", "recommend"), reads=(), makes=("summary.json",))
def summary(work: Work) -> None:
    """summary.json: the log, samples, models, selection, subsample and recommendations of the run, as far as it has them."""
    page: dict[str, Any] = {}
    folder = work.folder
    if folder.exists("clean/account.json"):
        account = folder.read_json("clean/account.json")
        page["log"] = {key: account[key] for key in ("events", "users", "items", "from", "to", "rejected")}
    page["samples"] = folder.read_json("samples/account.json")["rows"]
    for name in ("models", "selection", "subsample"):
        page[name] = folder.read_json(f"evaluation/{name}.json")
    if folder.exists("recommendations.json"):
        lists = folder.read_json("recommendations.json")
        page["recommendations"] = {key: lists[key] for key in ("users", "per_user")}
    folder.write_json("summary.json", page)
