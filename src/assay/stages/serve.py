"""Recommend: the best model, trained on everything, applied to the period after the log."""

import pyarrow.compute as pc

from assay import recommend as recommending
from assay.engines import databases
from assay.evaluation.holdout import best_model
from assay.runs.store import write_json, write_parquet
from assay.stages.workbench import Workbench


def recommend(bench: Workbench) -> list[str]:
    """recommendations.parquet, the list for unknown users, and on request both tables of a database."""
    section, run = bench.config.recommend, bench.run
    bench.forget()
    if not run.path("samples/upcoming.parquet").exists():
        return []  # a table of the user's own says nothing of what comes after it
    name = section.model or best_model(bench.tuning, {name: bench.model(name).predict for name in bench.names})
    bench.forget()
    everything = bench.load()
    final = bench.make(name)
    bench.report("recommend", 0, 3)
    final.fit(everything, rng=bench.rng("recommend"))
    del everything
    bench.report("recommend", 1, 3)
    assert bench.items is not None
    lists, unknown = recommending.recommend(final, bench.load(which="upcoming"), bench.items, section)
    bench.report("recommend", 2, 3)
    write_parquet(run.path("recommendations.parquet"), lists)
    write_parquet(run.path("recommendations_unknown.parquet"), unknown)
    about = {"model": name, "users": pc.count_distinct(lists.column("user_id")).as_py(), "per_user": section.per_user}
    write_json(run.path("recommendations.json"), about)
    if section.url and section.table:
        databases.write_table(section.url, section.table, lists, section.password_env)
        values = bench.importance(bench.config.select.valuer).table()
        databases.write_table(section.url, f"{section.table}_values", values, section.password_env)
    return ["recommendations.parquet", "recommendations_unknown.parquet", "recommendations.json"]
