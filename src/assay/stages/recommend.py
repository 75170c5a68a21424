"""Recommend the top items to every user: the best model, trained on everything, for the period after the log."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay import recommend as recommending
from assay import registry
from assay.config import Config
from assay.errors import ConfigError, did_you_mean
from assay.evaluation.holdout import best_model
from assay.models import named as models
from assay.models.capabilities import Boosted
from assay.models.scorer import Training
from assay.pages.evaluation import Recommended
from assay.runs.stage import Work, stage
from assay.stages import materials as hand
from assay.stages.materials import RECOMMENDING, WORDS


def _output(config: Config) -> None:
    """Raise now where the run will not train the model, or the lists could not be written to their database in the end."""
    section = config.recommend
    names = models.trained(config.models, config.request, config.label_type)
    if section.model is not None and section.model not in names:
        hint = did_you_mean(section.model, names)
        raise ConfigError(f"[recommend] model: the run trains no {section.model!r}{hint}; it trains {', '.join(names)}")
    if section.url and section.table:
        _databases().check_output(section.url, section.table, section.password_env)


def _databases() -> Any:
    return registry.of_extra("assay.engines.databases", "databases", "[recommend] url")


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("recommend", *WORDS, "models", "text", "evaluate", "select.valuer", "seed"),
    makes=("recommendations*",),
    pages=(Recommended,),
    check=_output,
)
def recommend(work: Work) -> None:
    """recommendations.parquet, the list for unknown users, scores of all candidates, and on request both tables of a database."""
    section = work.config.recommend
    hand.forget_samples(work, "tuning")
    if not work.folder.exists("samples/upcoming.parquet"):
        return  # a table of the user's own says nothing of what comes after it
    predicts = {name: hand.predict(work, name, "tuning") for name in hand.names(work)}
    name = section.model or best_model(hand.holdout(work, "tuning"), predicts)
    del predicts
    trained = hand.model(work, name)
    training = Training(like=trained) if isinstance(trained, Boosted) else Training()
    hand.forget_samples(work)
    everything = hand.samples(work)
    work.report(0, 3)
    final = hand.fit(work, hand.make(work, name), everything, hand.rng(work, RECOMMENDING), training)
    del everything
    work.report(1, 3)
    items = hand.items(work)
    assert items is not None
    upcoming = hand.samples(work, which="upcoming")
    score = upcoming.chances(hand.chance(work, name)(final.predict(upcoming)))
    lists, unknown = recommending.recommend(score, upcoming, items, section, hand.wording(work))
    work.report(2, 3)
    work.folder.write_table("recommendations.parquet", lists)
    work.folder.write_table("recommendations_unknown.parquet", unknown)
    work.folder.write_table(recommending.SCORES, pa.table({"score": score}))  # row by row those of samples/upcoming.parquet
    users = pc.count_distinct(lists.column("user_id")).as_py()
    work.folder.write(Recommended(model=name, users=users, per_user=section.per_user))
    if section.url and section.table:
        databases = _databases()
        databases.write_table(section.url, section.table, lists, section.password_env)
        values = hand.importance(work, work.config.select.valuer).table()
        databases.write_table(section.url, f"{section.table}_values", values, section.password_env)
