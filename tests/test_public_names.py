"""What others may import is listed here, once: a name that appears or goes is a decision."""

import ast
import inspect
import pkgutil
import subprocess
import sys

import pytest

import assay
import assay.benchmark
import assay.evaluation
import assay.importance
from assay.importance.named import OURS as VALUERS
from assay.models.named import OURS as MODELS

OF_EXTRA = ("InRunShapley", "TrainingDynamics", "tracin", "trak")  # there with the extra deep


def test_names_of_the_front_door():
    assert assay.__all__ == [
        "AssayError",
        "Benchmark",
        "Config",
        "Evidence",
        "Importance",
        "InRunShapley",
        "InputError",
        "Run",
        "Scoreboard",
        "TrainingDynamics",
        "Values",
        "__version__",
        "audit",
        "build",
        "calibration",
        "choose_measures",
        "compact",
        "compare",
        "compare_amounts",
        "compare_groups",
        "compare_rankings",
        "compare_samples",
        "data_oob",
        "detectable_difference",
        "drop_fraction",
        "drop_harmful",
        "ease_importance",
        "estimate",
        "evaluate_amounts",
        "evaluate_rankings",
        "evaluate_samples",
        "freeze",
        "from_tables",
        "from_trec",
        "group_influence",
        "inclusion_probabilities",
        "influence",
        "judgements",
        "knn_banzhaf",
        "knn_shapley",
        "knn_shapley_regression",
        "leader_board",
        "loss",
        "margin",
        "open",
        "open_kept",
        "plan_difference",
        "plan_mean",
        "policy_value",
        "popularity",
        "random",
        "read_judgements",
        "recency",
        "refine",
        "represent",
        "ridge_influence",
        "run",
        "self_score",
        "semivalue",
        "session_shapley",
        "shrink",
        "status",
        "threshold_knn_shapley",
        "tracin",
        "trak",
    ]
    assert dir(assay) == assay.__all__
    assert all(inspect.isfunction(getattr(assay, name)) or inspect.isclass(getattr(assay, name)) for name in public())
    assert not set(assay.__all__) & {module.name for module in pkgutil.iter_modules(assay.__path__)}  # a name means one thing
    with pytest.raises(AttributeError, match="module 'assay' has no attribute 'influenze'"):
        _ = assay.influenze


def public() -> list[str]:
    return [name for name in assay.__all__ if name != "__version__"]


@pytest.mark.slow
def test_type_checkers_see_the_names_that_python_finds():
    tree = ast.parse(inspect.getsource(assay))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {}
    for line in block.body:
        assert isinstance(line, ast.ImportFrom)
        assert [alias.name for alias in line.names] == [alias.asname for alias in line.names]
        seen |= {alias.name: line.module for alias in line.names}
    assert sorted(seen) == public()
    for name, module in seen.items():
        code = f"from {module} import {name} as expected; import assay; print(assay.{name} is expected)"
        if name in ("run", "influence", "tracin", "drop_harmful"):
            assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_names_of_the_rooms():
    assert sorted(assay.importance.__all__) == [
        "Importance",
        "InRunShapley",
        "Influence",
        "Loss",
        "Probability",
        "SessionValues",
        "TrainingDynamics",
        "Valuer",
        "Values",
        "data_oob",
        "ease_importance",
        "group_influence",
        "inclusion_probabilities",
        "influence",
        "knn_banzhaf",
        "knn_shapley",
        "knn_shapley_regression",
        "loss",
        "margin",
        "popularity",
        "random",
        "recency",
        "refine",
        "ridge_influence",
        "self_score",
        "semivalue",
        "session_shapley",
        "threshold_knn_shapley",
        "tracin",
        "trak",
    ]
    assert sorted(assay.evaluation.__all__) == [
        "Difference",
        "Estimate",
        "Finding",
        "Scores",
        "calibration",
        "compare_amounts",
        "compare_rankings",
        "compare_samples",
        "evaluate_amounts",
        "evaluate_rankings",
        "evaluate_samples",
        "group_rankings",
        "group_samples",
        "leaks",
        "usual_groups",
    ]
    assert sorted(assay.benchmark.__all__) == [
        "Anchors",
        "Audit",
        "Benchmark",
        "Chosen",
        "CompactSet",
        "Estimated",
        "Evidence",
        "Fold",
        "Gate",
        "Kept",
        "LeftOut",
        "MeasureChoice",
        "Plan",
        "PolicyValue",
        "Scoreboard",
        "Status",
        "anchors",
        "audit",
        "build",
        "choose_measures",
        "compact",
        "compare",
        "compare_groups",
        "compare_protocols",
        "detectable_difference",
        "estimate",
        "freeze",
        "from_tables",
        "from_trec",
        "gate",
        "half_widths",
        "leader_board",
        "leave_last_out",
        "leave_out",
        "open_kept",
        "plan_difference",
        "plan_mean",
        "policy_value",
        "protocol_warnings",
        "refuse_sampled",
        "represent",
        "rolling_origin",
        "share_distances",
        "shrink",
        "status",
        "time_split",
        "user_holdout",
        "weighted_mean",
    ]
    for room in (assay.importance, assay.evaluation, assay.benchmark):
        assert all(hasattr(room, name) or name in OF_EXTRA for name in room.__all__)


def test_names_of_valuers_and_models():
    of_nets = [
        "area_under_margin",
        "el2n",
        "forgetting",
        "in_run_shapley",
        "last_layer_influence",
        "tracin",
        "trak",
    ]
    assert sorted(set(VALUERS) - set(of_nets)) == [
        "banzhaf",
        "beta_shapley",
        "data_oob",
        "ease",
        "inclusion",
        "influence",
        "knn_banzhaf",
        "knn_shapley",
        "knn_shapley_regression",
        "leave_one_out",
        "loss",
        "margin",
        "popularity",
        "probability",
        "random",
        "ranking_influence",
        "recency",
        "self_score",
        "session_shapley",
        "shapley",
        "threshold_knn_shapley",
    ]
    recommenders = ["als", "ease", "item_knn", "session_knn", "tifu_knn", "up_cf"]
    of_features = ["buy_it_again", "forest", "lambdarank", "lightgbm", "logistic", "popularity", "ridge", "tree"]
    assert set(of_nets) <= set(VALUERS)
    nets = ["dcn", "transformer", "two_tower"]
    assert sorted(MODELS) == sorted([*recommenders, *of_features, *nets])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("assay", ["numpy", "duckdb", "typer", "pyarrow", "pydantic", "assay.app", "assay.front"]),
        ("assay.app.notebook", ["torch", "jinja2", "sklearn", "lightgbm", "sqlalchemy", "duckdb", "scipy.stats"]),
        ("assay.importance", ["duckdb", "sqlalchemy", "typer", "torch", "lightgbm"]),
        ("assay.benchmark", ["duckdb", "sqlalchemy", "typer", "torch", "lightgbm"]),
        ("assay.sklearn", ["duckdb", "sqlalchemy", "typer", "torch", "lightgbm"]),
        ("assay.front", ["typer", "jinja2", "torch", "assay.app"]),
        ("assay.app.cli", ["numpy", "pyarrow", "pydantic", "duckdb", "lightgbm", "jinja2", "sklearn", "rich"]),
    ],
)
def test_an_import_brings_no_more_than_it_needs(module, unwanted):
    code = f"import sys, {module}; print(*[name for name in {unwanted!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["benchmark", "compare", "--help"], ["--version"]])
def test_help_loads_nothing_that_computes(arguments):
    heavy = ["numpy", "pyarrow", "duckdb", "scipy", "sklearn", "numba", "lightgbm", "sqlalchemy", "assay.front", "assay.config"]
    heavy += ["pydantic"] if arguments[0].startswith("--") else []  # which Typer itself loads for a command's parameters
    code = (
        f"import sys; from assay.app import cli; code = cli.main({arguments!r});"
        f"print(code, *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0"]
    assert done.stdout
