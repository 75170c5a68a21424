"""The figures of the pages about values of neural models; make.py draws them with the others."""

from functools import cache
from typing import Any

import numpy as np
import torch
from scipy import stats
from style import BLUE, GREEN, GREY, ORANGE, plt

from assay.deep.rows import ArrayRows
from assay.deep.training import Net, Schedule, Step, Watcher, train
from assay.importance import InRunShapley, TrainingDynamics, tracin, trak
from assay.importance.last_layer import L2, LastLayerInfluence
from assay.models.dcn import Dcn
from assay.models.neural import exact
from assay.models.scorer import Training
from assay.numerics.families import LOGIT
from assay.numerics.glm import fit
from assay.samples.table import Samples
from assay.testing.data import make_samples
from assay.trials.verify import planted

SETTINGS: dict[str, Any] = {"factors": 4, "crosses": 1, "hidden": 16, "rare": 5, "rate": 0.01, "batch": 256, "epochs": 6}
torch.set_num_threads(1)  # one seed, one figure


@cache
def problem(noisy: bool) -> tuple[Samples, Samples, np.ndarray, Dcn]:
    """Training samples, a tenth of the labels flipped if noisy; validation ones; which are wrong; a net."""
    samples = make_samples(6_000)
    learnt, wrong = planted(samples.split("train"), "flipped labels", 0.1, 3)
    if not noisy:
        learnt = samples.split("train")
    return learnt, samples.split("validation"), wrong, Dcn(**SETTINGS).fit(learnt, rng=np.random.default_rng(1))


def two_histograms(ax: plt.Axes, value: np.ndarray, wrong: np.ndarray) -> None:
    bins = np.linspace(*np.quantile(value, [0.005, 0.995]), 41)
    for rows, colour, label, fill in (
        (~wrong, BLUE, "labels as they were", "stepfilled"),
        (wrong, ORANGE, "flipped", "step"),
    ):
        ax.hist(value[rows], bins, density=True, histtype=fill, color=colour, alpha=0.5 if rows[0] else 1, lw=2, label=label)
    ax.set(ylabel="density", yticks=[])


def draw_tracin(ax: plt.Axes) -> None:
    learnt, held, wrong, model = problem(noisy=True)
    steps = [(rate / SETTINGS["batch"], weights) for rate, weights in model.checkpoints_]
    value = np.asarray(tracin(exact(model.net()), model.rows(learnt), model.rows(held), steps))
    two_histograms(ax, 1e6 * value, wrong)
    ax.set(xlabel="value, millionths of a nat")


def draw_training_dynamics(ax: plt.Axes) -> None:
    learnt, _, wrong, model = problem(noisy=True)
    watcher = TrainingDynamics(count=len(learnt))
    model.fresh().fit(learnt, rng=np.random.default_rng(1), training=Training(watchers=(watcher,), passes=5))
    two_histograms(ax, watcher.area_under_margin(), wrong)
    ax.set(xlabel="area under the margin")


class Falls(Watcher):
    """The validation loss before every step."""

    def __init__(self, held: ArrayRows) -> None:
        self.batch, self.found = next(held.batches(len(held), None)), []

    def before(self, step: Step) -> None:
        with torch.no_grad():
            self.found.append(float(step.net.eval().losses(self.batch).mean()))
        step.net.train()


class Sums(Watcher):
    """The sum of all values after every step."""

    def __init__(self, values: InRunShapley) -> None:
        self.values, self.found = values, []

    def after(self, step: Step, losses: torch.Tensor) -> None:
        del step, losses
        self.found.append(float(self.values.per_fold.sum()))


def draw_in_run_shapley(ax: plt.Axes) -> None:
    learnt, held, _, model = problem(noisy=False)
    rows, later = model.rows(learnt), model.rows(held)
    for order, colour, mark in ((1, ORANGE, "x"), (2, BLUE, "o")):
        values, falls = InRunShapley(later, order=order, sample=len(later)), Falls(later)
        sums = Sums(values)
        schedule = Schedule(2, 256, 0.3, optimizer="sgd")
        train(fresh_net(model), rows, None, schedule, name="dcn", seed=0, watchers=[falls, values, sums])
        true = falls.found[0] - np.array(falls.found[1:])
        ax.plot(1e3 * true, 1e3 * np.array(sums.found[:-1]), mark, color=colour, ms=4, mfc="none", label=f"order {order}")
    ax.axline((0, 0), slope=1, color=GREY, lw=0.8)
    ax.set(xlabel="fall of the validation loss so far, thousandths", ylabel="sum of values so far")


def fresh_net(model: Dcn) -> Net:
    """A net of the model's shape, from one seed."""
    torch.manual_seed(5)
    return model._build()


def draw_trak(ax: plt.Axes) -> None:
    samples = make_samples(2_400)
    learnt, held, model = samples.split("train"), samples.split("validation"), Dcn(**SETTINGS)
    model.fit(learnt, rng=np.random.default_rng(1))
    passes = 8

    def fitted(weight: np.ndarray, seed: int) -> Dcn:
        changed = learnt.with_weight(weight)
        return model.fresh().fit(changed, rng=np.random.default_rng(seed), training=Training(passes=passes))

    kept = np.random.default_rng(5).random((80, len(learnt))) < 0.5
    utility = []
    for half in kept:
        likelihood = np.abs(1.0 - held.label - np.mean([fitted(half * 1.0, seed).predict(held) for seed in (1, 2)], axis=0))
        utility.append(np.log(likelihood).mean())
    states = [fitted(np.ones(len(learnt)), seed).checkpoints_[-1][1] for seed in range(8)]
    rows, later, net = model.rows(learnt), model.rows(held), exact(model.net())
    counts = (1, 2, 4, 8)
    for directions, colour, mark in ((32, ORANGE, "x"), (256, BLUE, "o")):
        means = []
        for count in counts:
            groups = [states[low : low + count] for low in range(0, 8, count)]
            found = [trak(net, rows, later, group, directions=directions) for group in groups]
            means.append(np.mean([stats.spearmanr(kept @ value, utility).statistic for value in found]))
        ax.plot(counts, means, "-" + mark, color=colour, label=f"{directions} directions")
    ax.set(xlabel="nets trained apart from one another", ylabel="rank correlation with\nretraining on halves", xscale="log")
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.minorticks_off()


def draw_last_layer_influence(ax: plt.Axes) -> None:
    learnt, held, _, model = problem(noisy=False)
    found = LastLayerInfluence().value(learnt, held, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0))
    X, X_val = (np.c_[part, np.ones(len(part))] for part in (model.represent(learnt), model.represent(held)))

    def loss(weight: np.ndarray) -> float:
        head = fit(X, learnt.label, l2=L2, sample_weight=weight).coef
        return float(LOGIT.losses(X_val @ head, held.label).mean())

    whole, exactly = loss(np.ones(len(learnt))), []
    some = np.argsort(found.value)[np.r_[0:15, 15 : len(learnt) - 15 : 150, -15:0]]
    for row in some:
        weight = np.ones(len(learnt))
        weight[row] = 0
        exactly.append(loss(weight) - whole)
    value = found.value[some]
    label = f"r = {np.corrcoef(value, exactly)[0, 1]:.5f}"
    ax.plot(1e6 * np.array(exactly), 1e6 * value, "o", color=GREEN, ms=4, mfc="none", label=label)
    ax.axline((0, 0), slope=1, color=GREY, lw=0.8)
    ax.set(xlabel="rise of validation loss when the head is retrained without it, millionths", ylabel="value")
