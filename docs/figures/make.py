"""The figures of the pages: python docs/figures/make.py [NAME ...] [--to FOLDER]; all by default, beside this file.

Each function draws what its page says, with the functions that the page is about.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import architecture
import neural
import numpy as np
import pyarrow as pa
from scipy import sparse, stats
from sklearn.datasets import load_breast_cancer, make_moons
from sklearn.ensemble import RandomForestClassifier
from style import BLUE, GREEN, GREY, ORANGE, plt, save

from assay.benchmark.attributes import attribute
from assay.benchmark.compact.families import leave_out
from assay.benchmark.plan.representative import represent
from assay.benchmark.plan.sizes import plan_difference
from assay.importance import (
    data_oob,
    ease_importance,
    inclusion_probabilities,
    influence,
    knn_shapley,
    loss,
    margin,
    random,
    self_score,
    semivalue,
    session_shapley,
    threshold_knn_shapley,
)
from assay.numerics.autoencoder import gram_inverse, weights
from assay.numerics.families import LOGIT, probability
from assay.numerics.glm import fit
from assay.numerics.measures import auc
from assay.numerics.products import as_rows, margins
from assay.testing.scores import make_scores


def tumours() -> tuple[np.ndarray, ...]:
    """Breast cancer, scaled, with a column of ones: X, y, X_val, y_val."""
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    X = np.hstack([(X - X[:350].mean(axis=0)) / X[:350].std(axis=0), np.ones((len(y), 1))])
    return X[:350], y[:350], X[350:], y[350:]


def flipped(y: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a share flipped, and which ones."""
    wrong = np.random.default_rng(1).random(len(y)) < share
    return np.where(wrong, 1 - y, y), wrong


def mean_loss(X: np.ndarray, y: np.ndarray, b: np.ndarray) -> float:
    return float(LOGIT.losses(X @ b, y).mean())


def draw_influence(ax: plt.Axes) -> None:
    X, y, X_val, y_val = tumours()
    whole = mean_loss(X_val, y_val, fit(as_rows(X), y, l2=1.0).coef)
    exact = [mean_loss(X_val, y_val, fit(as_rows(np.delete(X, i, 0)), np.delete(y, i), l2=1.0).coef) - whole for i in range(350)]
    for kind, colour, mark in (("none", ORANGE, "x"), ("exact", BLUE, "o")):
        found = influence(X, y, X_val, y_val, l2=1.0, leverage=kind)
        label = f"leverage {kind}: r = {np.corrcoef(found, exact)[0, 1]:.4f}"
        ax.plot(exact, found, mark, color=colour, ms=4, mfc="none", label=label)
    ax.axline((0, 0), slope=1, color=GREY, lw=0.8)
    ax.set(xlabel="rise of validation loss when retrained without it", ylabel="value")


def draw_inclusion_probabilities(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.standard_t(4, (8000, 8)), np.ones((8000, 1))])
    y = (X @ rng.normal(size=9) - 1.5 + rng.logistic(size=8000) > 0).astype(int)
    whole = fit(as_rows(X), y, l2=1.0).coef
    fractions = (0.02, 0.05, 0.1, 0.2)
    for name, colour, mark in (("uniform", ORANGE, "x"), ("L", GREEN, "s"), ("A", BLUE, "o")):
        errors = []
        for fraction in fractions:
            uniform = np.full(len(y), fraction)
            chance = (
                uniform if name == "uniform" else np.asarray(inclusion_probabilities(X, y, fraction=fraction, criterion=name))
            )
            gaps = []
            for _ in range(30):
                drawn = rng.random(len(y)) < chance
                b = fit(as_rows(X[drawn]), y[drawn], l2=1.0, sample_weight=1 / chance[drawn]).coef
                gaps.append(np.sum((b - whole) ** 2))
            errors.append(np.sqrt(np.mean(gaps)))
        ax.plot([100 * f for f in fractions], errors, "-" + mark, color=colour, label=name)
    ax.set(xlabel="rows drawn, %", ylabel="distance from all rows' coefficients", xscale="log", yscale="log")


def draw_knn_shapley(ax: plt.Axes) -> None:
    X, y = make_moons(400, noise=0.2, random_state=0)
    X_val, y_val = make_moons(400, noise=0.2, random_state=1)
    y, wrong = flipped(y, 0.08)
    value = 400 * np.asarray(knn_shapley(X, y, X_val, y_val, k=5))
    shown = ax.scatter(*X.T, c=value, cmap="cividis", s=14)
    ax.plot(*X[wrong].T, "o", color=ORANGE, ms=9, mfc="none", label="flipped label")
    ax.figure.colorbar(shown, label="value times n")
    ax.set(xticks=[], yticks=[])


def draw_knn_banzhaf(ax: plt.Axes) -> None:
    rank = np.arange(1, 61)
    ax.plot(rank, np.minimum(10, rank) / (10 * rank), "-", color=BLUE, label="Shapley")
    ax.plot(rank, stats.binom.cdf(9, rank - 1, 0.5) / 10, "--", color=ORANGE, label="Banzhaf")
    ax.set(xlabel="rank of a neighbour (k = 10)", ylabel="weight of a match")


def draw_threshold_knn_shapley(ax: plt.Axes) -> None:
    X, y = make_moons(3000, noise=0.25, random_state=0)
    X_val, y_val = make_moons(100, noise=0.25, random_state=1)
    y, wrong = flipped(y, 0.1)
    exact = threshold_knn_shapley(X, y, X_val, y_val, radius=0.5)
    epsilons = (0.1, 0.3, 1.0, 3.0, 10.0)
    found = [
        auc(wrong, -np.asarray(threshold_knn_shapley(
            X, y, X_val, y_val, radius=0.5, epsilon=e, delta=1e-5, rng=np.random.default_rng(0)
        )))
        for e in epsilons
    ]  # fmt: skip
    ax.plot(epsilons, found, "-o", color=BLUE, label="private")
    ax.axhline(auc(wrong, -np.asarray(exact)), color=ORANGE, ls="--", label="not private")
    ax.set(xlabel="epsilon (delta = 1e-5)", ylabel="AUC of finding flipped labels", xscale="log")


def browse(count: int, first: int, rng: np.random.Generator, noise: float) -> dict[str, list]:
    """Sessions of items of one of six kinds; a share of them random."""
    out: dict[str, list] = {"session_id": [], "item_id": [], "timestamp": []}
    for s in range(count):
        kind, wild = rng.integers(6), rng.random() < noise
        for step in range(rng.integers(2, 7)):
            item = rng.integers(120) if wild else 20 * kind + min(int(rng.exponential(5)), 19)
            out["session_id"].append(first + s)
            out["item_id"].append(int(item))
            out["timestamp"].append(1000 * s + step)
    return out


def draw_session_shapley(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    train, validation, later = (
        browse(n, first, rng, noise) for n, first, noise in ((800, 0, 0.4), (300, 10_000, 0), (300, 20_000, 0))
    )
    found = session_shapley(train, validation, k=20, negatives="all").sessions.to_pydict()
    session = np.array(train["session_id"])
    lowest = np.argsort(found["value"])
    orders = {"lowest value first": lowest, "random": rng.permutation(800), "highest first": lowest[::-1]}
    shares = np.arange(0, 0.7, 0.1)
    for (name, order), colour, mark in zip(orders.items(), (BLUE, GREY, ORANGE), ("o", "s", "x"), strict=True):
        scores = []
        for share in shares:
            gone = np.array(found["session_id"])[order[: int(share * 800)]]
            kept = ~np.isin(session, gone)
            rest = {key: [v for v, k in zip(values, kept, strict=True) if k] for key, values in train.items()}
            total = session_shapley(rest, later, k=20, negatives="all").sessions.column("value").to_numpy().sum()
            scores.append(total)
        ax.plot(100 * shares, scores, "-" + mark, color=colour, label=name)
    ax.set(xlabel="sessions removed, %", ylabel="score of the next item,\nlater sessions")


def draw_ease_importance(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    taste = rng.gamma(0.3, size=(6, 80)) + 0.01

    def people(count: int) -> np.ndarray:
        like = taste[rng.integers(6, size=count)]
        return (rng.random((count, 80)) < 1 - np.exp(-8 * like / like.sum(axis=1, keepdims=True))).astype(float)

    def halves(count: int) -> tuple[np.ndarray, np.ndarray]:
        both = people(count)
        H = both * (rng.random(both.shape) < 0.6)
        some = ((both - H).sum(axis=1) > 0) & (H.sum(axis=1) > 0)
        return H[some], (both - H)[some]

    clean = people(800)
    wild = (clean == 0) & (rng.random(clean.shape) < 0.15 * clean.sum() / clean.size)
    X, (H, T), (H_test, T_test) = clean + wild, halves(2000), halves(2000)
    folds = np.arange(len(H)) % 6
    found = ease_importance(
        sparse.csr_array(X), (sparse.csr_array(H), sparse.csr_array(T)), l2=30.0, utility="ndcg@10", folds=folds
    )

    def quality(rows: np.ndarray) -> float:
        less = X.copy()
        less[tuple(at[rows] for at in np.nonzero(X))] = 0
        scores = np.where(H_test > 0, -np.inf, H_test @ weights(gram_inverse(sparse.csr_array(less), 30.0)))
        rank = np.argsort(np.argsort(-scores, axis=1), axis=1)
        gain = np.where((T_test > 0) & (rank < 10), 1 / np.log2(rank + 2), 0).sum(axis=1)
        ideal = [np.sum(1 / np.log2(np.arange(min(10, int(t))) + 2)) for t in T_test.sum(axis=1)]
        return float(np.mean(gain / ideal))

    orders = {"lowest z": np.argsort(found.z), "lowest value": np.argsort(found), "random": rng.permutation(len(found))}
    shares = np.array([0, 0.02, 0.05, 0.1, 0.15])
    for (name, order), colour, mark in zip(orders.items(), (BLUE, GREEN, GREY), ("o", "s", "x"), strict=True):
        ax.plot(
            100 * shares, [quality(order[: int(share * len(order))]) for share in shares], "-" + mark, color=colour, label=name
        )
    ax.axhline(quality(np.flatnonzero(wild[np.nonzero(X)])), color=ORANGE, ls="--", label="without the random clicks")
    ax.set(xlabel="interactions removed, %", ylabel="NDCG@10, other users")


def draw_semivalue(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(12, 2)), rng.normal(size=(30, 2))
    y, y_val = ((A[:, 0] > 0).astype(int) for A in (X, X_val))
    y[:2] = 1 - y[:2]
    order = [np.argsort(((X - v) ** 2).sum(axis=1)) for v in X_val]

    def utility(mask: np.ndarray) -> float:
        return float(np.mean([np.sum(y[o[mask[o]][:3]] == label) / 3 for o, label in zip(order, y_val, strict=True)]))

    exact = np.asarray(knn_shapley(X, y, X_val, y_val, k=3))
    ax.plot(exact, "_", color="black", ms=18, label="exact")
    for budget, colour, shift in ((200, ORANGE, -0.15), (5000, BLUE, 0.15)):
        found = semivalue(utility, 12, rng=np.random.default_rng(1), max_evaluations=budget)
        bars = 1.96 * found.stderr
        ax.errorbar(np.arange(12) + shift, found, yerr=bars, fmt="o", ms=4, color=colour, label=f"{budget:,} evaluations")
    ax.axhline(0, color=GREY, lw=0.8)
    ax.set(xlabel="training sample", ylabel="Shapley value", xticks=range(12))


def draw_data_oob(ax: plt.Axes) -> None:
    X, y, *_ = tumours()
    y, wrong = flipped(y, 0.1)
    found = np.asarray(data_oob(RandomForestClassifier(200, random_state=0), X, y))
    bins = np.linspace(0, 1, 26)
    ax.hist(found[~wrong], bins, color=BLUE, alpha=0.8, label="label unchanged")
    ax.hist(found[wrong], bins, color=ORANGE, hatch="//", alpha=0.9, label="flipped label")
    ax.set(xlabel="share of trees without the sample that agree", ylabel="samples")


def draw_baselines(ax: plt.Axes) -> None:
    X, y, X_val, y_val = tumours()
    y, wrong = flipped(y, 0.1)
    p = probability(margins(as_rows(X), fit(as_rows(X), y, l2=1.0).coef))
    found = {
        "self_score": self_score(X, y, l2=1.0), "loss": loss(y, p), "margin": margin(y, p),
        "influence": influence(X, y, X_val, y_val, l2=1.0), "knn_shapley": knn_shapley(X, y, X_val, y_val),
        "data_oob": data_oob(RandomForestClassifier(200, random_state=0), X, y),
        "random": random(len(y), np.random.default_rng(0)),
    }  # fmt: skip
    names = sorted(found, key=lambda name: auc(wrong, -np.asarray(found[name])))
    scores = [auc(wrong, -np.asarray(found[name])) for name in names]
    ax.barh(names, scores, color=[GREY if name == "random" else BLUE for name in names])
    for place, score in enumerate(scores):
        ax.text(score, place, f" {score:.2f}", va="center")
    ax.axvline(0.5, color=GREY, lw=0.8)
    ax.set(xlabel="AUC of finding the 10 % of labels that were flipped", xlim=(0, 1.08))


def draw_compact(ax: plt.Axes) -> None:
    board = make_scores()
    budgets = (25, 50, 100, 200, 400)
    names = {"mean": "random mean", "simple": "random, with sources", "neyman": "neyman, with sources"}
    lines: dict[str, list[float]] = {name: [] for name in names}
    for budget in budgets:
        for report in leave_out(board.scores, board.families, budget=budget, designs=["simple", "neyman"], redraws=300):
            lines[report.design].append(report.error.mean())
    for (name, label), colour, mark in zip(names.items(), (GREY, ORANGE, BLUE), ("s", "x", "o"), strict=True):
        ax.plot(budgets, lines[name], "-" + mark, color=colour, label=label)
    ax.set(xlabel="requests drawn of 8,000", ylabel="mean absolute error", xscale="log", yscale="log")
    ax.set_xticks(budgets, [str(b) for b in budgets])
    ax.minorticks_off()
    ax.set_yticks([0.005, 0.01, 0.02], ["0.005", "0.01", "0.02"])


def draw_plan(ax: plt.Axes) -> None:
    board = make_scores(40_000, 10_000, 2, 1)
    d = board.scores[1] - board.scores[0]
    d = d - d.mean() + 0.004
    rng = np.random.default_rng(0)

    def log() -> np.ndarray:
        return np.flatnonzero(np.isin(board.users, rng.choice(10_000, 1500, replace=False)))

    def seen(rows: np.ndarray) -> bool:
        sums = np.bincount(np.unique(board.users[rows], return_inverse=True)[1], d[rows] - d[rows].mean())
        error = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(rows)
        return bool(abs(d[rows].mean()) / error > stats.t.ppf(0.975, len(sums) - 1))

    sizes = np.array([250, 500, 1000, 1500, 2500, 4000])
    power = [np.mean([seen(rng.choice(log(), n, replace=False)) for _ in range(400)]) for n in sizes]
    planned = []
    for _ in range(60):
        rows = log()
        planned.append(plan_difference(np.stack([0 * d[rows], d[rows]]), 0.004, users=board.users[rows]).size)
    ax.plot(sizes, power, "-o", color=BLUE, label="found over 400 redraws")
    ax.axhline(0.8, color=GREY, lw=0.8)
    ax.plot(planned, np.full(60, 0.8), "|", color=ORANGE, ms=14, label="planned for 80 %")
    ax.set(xlabel="requests drawn", ylabel="power", ylim=(0, 1))


def draw_represent(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    N, sizes = 20_000, (50, 100, 200, 500, 1000, 2000)
    pool = pa.table({
        "request_id": np.arange(N), "category": rng.choice(list("abcdefghijkl"), N, p=np.arange(12, 0, -1) / 78),
        "device": rng.choice(["phone", "desk", "tablet"], N, p=[0.6, 0.3, 0.1]), "returning": rng.random(N) < 0.7,
        "price": rng.lognormal(size=N), "hour": np.minimum(rng.gamma(6, 2.5, N).astype(int), 23),
    })  # fmt: skip

    def off(size: int, seed: int, attributes: list[str] | None) -> float:
        """Mean distance of the chosen's shares from the traffic's over the attributes."""
        rows = represent(pool, size, attributes=attributes, seed=seed).rows
        both = [attribute(name, pool.column(name), pool.column(name)) for name in pool.column_names[1:]]
        held = [np.bincount(one.pool[rows], minlength=len(one.levels)) / size for one in both]
        return float(np.mean([np.abs(a - one.traffic).sum() / 2 for a, one in zip(held, both, strict=True)]))

    for label, attributes, colour, mark in (("simple random draw", [], ORANGE, "x"), ("representative draw", None, BLUE, "o")):
        means = [100 * np.mean([off(size, seed, attributes) for seed in range(30)]) for size in sizes]
        ax.plot(sizes, means, "-" + mark, color=colour, label=label)
    ax.set(xlabel="requests chosen of 20,000", ylabel="distance from the traffic, %", xscale="log", yscale="log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])


def draw_lift(ax: plt.Axes) -> None:
    rng = np.random.default_rng(0)
    requests, per_positive = 50_000, 4
    offered = rng.lognormal(sigma=1.2, size=60)
    q = offered / offered.sum()  # negatives are drawn by popularity
    chance = np.minimum(0.6, 2 * q * rng.lognormal(sigma=0.6, size=60))  # what is popular is taken more often
    taken = rng.binomial(requests, chance)
    drawn = rng.binomial(round(per_positive * taken.sum()), q)
    lift = taken / np.maximum(drawn, 1)
    mended = lift * q * per_positive * taken.sum() / requests
    for name, found, colour, mark in (("learnt odds", lift, ORANGE, "x"), ("odds times draws", mended, BLUE, "o")):
        order = stats.kendalltau(found, chance).statistic
        ax.plot(100 * chance, found / found.max(), mark, color=colour, ms=5, mfc="none", label=f"{name}: order {order:.2f}")
    ax.set(xlabel="requests that take the item, %", ylabel="score, of the highest", xscale="log", yscale="log")


FIGURES: dict[str, Callable[[plt.Axes], None]] = {
    name.removeprefix("draw_"): function
    for name, function in (globals() | vars(neural) | vars(architecture)).items()
    if name.startswith("draw_")
}


def make(name: str, folder: Path) -> Path:
    """Draw one figure into a folder."""
    path = folder / f"{name}.svg"
    save(FIGURES[name], path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the pages' figures.")
    parser.add_argument("names", nargs="*", default=[], help=", ".join(FIGURES))
    parser.add_argument("--to", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    for wanted in given.names or FIGURES:
        print(make(wanted, given.to))
