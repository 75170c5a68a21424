"""Several targets side by side: what learning from one kind of event is worth to the ranking of another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.evaluation.holdout import Holdout, Predict, Scored, differences, estimates
from assay.language import english
from assay.logs.history import History
from assay.samples.table import Samples
from assay.task import BINARY

MEASURES = ("auc", BINARY.ranked)  # of order alone: targets differ in how often they happen
Line = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A kind of event, and who took what by it. of_config: it is the target that the run's samples are labelled by."""

    kind: str
    history: History
    of_config: bool = False

    def labelled(self, samples: Samples) -> Samples:
        """The samples, labelled by this target."""
        if self.of_config:
            return samples
        taken = self.history.amounts(samples.user, samples.item, samples.period) > 0
        return replace(samples.with_label(taken.astype(np.int8)), label_type=BINARY)

    def judging(self, holdout: Holdout) -> Holdout:
        """The holdout, with this target's labels and truth; requests are those of the run's target."""
        if self.of_config:
            return holdout
        candidates = None if holdout.candidates is None else self.labelled(holdout.candidates)
        requests = None if holdout.requests is None else self._truth(holdout.requests)
        return replace(holdout, samples=self.labelled(holdout.samples), candidates=candidates, requests=requests)

    def _truth(self, requests: pa.Table) -> pa.Table:
        """Requests (n,) with how many items they took by this target."""
        bought, users = self.history.bought, len(self.history.user_hash)
        keys, counts = np.unique(bought.period.astype(np.int64) * users + bought.user, return_counts=True)
        user, period = (requests.column(name).to_numpy().astype(np.int64) for name in ("user_code", "period"))
        wanted = period * users + user
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        count = np.where(keys[place] == wanted, counts[place], 0) if len(keys) else np.zeros(len(wanted))
        table = requests.select(["request_id", "user_code", "period", "split"])
        return table.append_column("truth_count", pa.array(count.astype(np.int32)))


def serves(target: Target, train: Samples, holdout: Holdout) -> str | None:
    """Why a target can neither be learnt nor judged, in words; None where it can be both."""
    sides = {
        english("{number} of the training samples are positive"): target.labelled(train),
        english("{number} of the test samples are positive"): target.judging(holdout).samples,
    }
    for sentence, samples in sides.items():
        if not BINARY.serves(samples.label):
            return english(sentence, number=f"{int(samples.label.sum()):,}")
    return None


def side_by_side(learnt: Mapping[str, Mapping[str, Predict]], targets: Mapping[str, Target], holdout: Holdout) -> list[Line]:
    """One line for each model, target that it learnt from (`learnt`: model -> target -> what predicts), and target judged.

    test: auc and ndcg@10; difference: to the same model that learnt from the judged target itself, paired by user, none of
    itself. positives: of the judged samples.
    """
    lines: list[Line] = []
    for judged, target in targets.items():
        on = target.judging(holdout)
        for model, by_target in learnt.items():
            scored: dict[str, Scored] = {name: on.score(predict) for name, predict in by_target.items()}
            for name, one in scored.items():
                line: Line = {"model": model, "learnt": name, "judged": judged, "positives": _positives(on.samples.label)}
                line["test"] = estimates(one.measures, MEASURES)
                against = scored.get(judged)
                line["difference"] = (
                    {} if against is None or name == judged else differences(on.difference(against, one), MEASURES)
                )
                lines.append(line)
    return lines


def _positives(label: NDArray[np.int8]) -> int:
    return int(label.sum())
