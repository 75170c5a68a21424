import pytest

from assay.app import standing
from assay.config import parse
from assay.pages.evaluation import Standing, Summary
from assay.pages.selection import Curve

TIMED = parse({"table": {"path": "x", "label": "y", "timestamp": "t"}})
RULES = {"chance": 0.02, "popularity": 0.0647, "buy_it_again": 0.2733}


def stands(value, *, half=0.002, served="lightgbm", users=900, needs=None, rules=RULES, with_past=1.0):
    differences = {
        name: {"ndcg@10": {"value": value - rule, "low": value - rule - half, "high": value - rule + half, "needs": needs}}
        for name, rule in rules.items()
        if name != served
    }
    content = {"served": served, "measure": "ndcg@10", "requests": 3 * users, "users": users, "difference": differences}
    content |= {"rules": {name: {"test": {"ndcg@10": {"value": rule}}} for name, rule in rules.items()}, "with_past": with_past}
    return Standing.model_validate(content)


@pytest.mark.parametrize(
    ("of", "tone", "says"),
    [
        (stands(0.292), "good", "It is better than each of them: than buy-it-again by +0.0187 (+0.0167 to +0.0207)."),
        (stands(0.263), "bad", "It loses to buy-it-again (−0.0103 (−0.0123 to −0.0083))."),
        (stands(0.0019), "bad", "It loses to chance (−0.0181 "),
        (stands(0.274), "even", "It is not surely better than buy-it-again: the difference, +0.0007 (−0.0013 to +0.0027), is"),
        (stands(0.273), "even", "It is no better than buy-it-again"),
        (stands(0.28, half=0.02, needs=4000), "even", "is within chance; to tell it would take some 4,000 requests."),
        (stands(0.292, users=2, needs=60), "even", "The test has 2 users. Too few to tell: it would take some 60 requests."),
        (stands(0.2733, served="buy_it_again"), "even", "It is a simple rule itself: on the tuning set nothing was better"),
        (stands(0.3, rules={"chance": 0.02}), "good", "It is better than chance by +0.2800 "),
    ],
)
def test_the_first_sentence_says_whether_the_served_model_beats_the_simple_rules(of, tone, says):
    found = standing.sentence(of)
    assert found[0] == tone
    assert says in found[1]
    assert ", against 0.0200 by chance" in found[1]


def test_the_first_sentence_names_every_figure():
    assert standing.sentence(stands(0.263))[1].startswith(
        "lightgbm is served. On the test set its ndcg@10 is 0.2630, "
        "against 0.0200 by chance, 0.0647 by popularity, 0.2733 by buy-it-again. "
    )


def summary(of, own=0.3):
    difference = {"ndcg@10": {"value": 0.01, "low": 0.005, "high": 0.015}}
    selected = {"valuer": "influence", "removed_fraction": 0.02, "test": {}, "difference": difference}
    content = {"samples": {}, "models": {"logistic": {"test": {"ndcg@10": {"value": own}}}}, "standing": of.model_dump()}
    return Summary.model_validate(content | {"selection": {"logistic": selected}, "subsample": {"fraction": 0.1, "test": {}}})


@pytest.mark.parametrize(
    ("of", "own", "tone", "says"),
    [
        (stands(0.3, served="logistic"), 0.3, "good", "It helps."),
        (stands(0.3), 0.3, "even", "A gain of this model alone: lightgbm is served, not logistic."),
        (stands(0.27, served="logistic"), 0.27, "even", "logistic is worse than buy-it-again (ndcg@10 0.2700 against 0.2733)."),
        (stands(0.3), 0.27, "even", "(ndcg@10 0.2700 against 0.2733); lightgbm is served, not logistic."),
    ],
)
def test_a_gain_is_praised_only_of_a_served_model_that_beats_the_rules(of, own, tone, says):
    found = standing.gain("logistic", summary(of, own), None)
    assert found[0] == tone
    assert says in found[1]


def test_where_tuning_can_tell_of_no_arm_the_log_is_not_said_to_be_fine():
    page = summary(stands(0.3, served="logistic"))
    selected = page.selection["logistic"].model_copy(update={"removed_fraction": 0, "difference": {}})
    page = page.model_copy(update={"selection": {"logistic": selected}})

    def curve(*needs):
        arms = [
            {"arm": f"arm {k}", "family": "removal", "valuer": None, "removed_fraction": 0.1, "tuning": {}}
            | {"difference": {"log_loss": {"value": -0.1, "needs": need}}}
            for k, need in enumerate(needs)
        ]
        content = {"valuer": "influence", "chosen": "nothing", "usable": True, "explained": None, "arms": arms}
        return Curve.model_validate(content)

    assert standing.gain("logistic", page, curve(7000, 4000))[1].endswith("on tuning: it would take 4,000 requests or more.")
    assert standing.gain("logistic", page, curve(7000, None))[1].endswith("The data is fine in this respect.")
    page = page.model_copy(update={"standing": stands(0.3)})
    assert standing.gain("logistic", page, curve(None))[1].endswith("little of the data: lightgbm is served, not logistic.")


def test_users_without_a_past_and_models_left_out_are_said():
    why = {"buy_it_again": "the training samples do not differ in pair_times_bought"}
    nobody, model = standing.limits(stands(0.3, with_past=0.0), why, TIMED)
    assert nobody.startswith("No user of the test has a past in the log: nobody comes back")
    assert model == "buy-it-again is left out: the training samples do not differ in pair_times_bought."
    assert standing.limits(stands(0.3, with_past=0.2), {}, TIMED)[0].startswith(
        "Only 20 % of the test's requests are by users with"
    )
    assert standing.limits(stands(0.3, with_past=0.9), {}, TIMED) == []
    assert standing.limits(None, {}, TIMED) == []


def test_what_was_split_by_chance_is_said_to_show_nothing_of_later_data():
    by_chance = parse({"table": {"path": "x", "label": "y", "random_split": ""}})
    assert "split by chance" in standing.limits(None, {}, by_chance)[0]
    columns = {"user_id": "u", "item_id": "i"}
    timeless = parse({"log": {"events": [{"path": "x", "event": "view", "no_times": True, "columns": columns}]}})
    assert "The log has no times" in standing.limits(None, {}, timeless)[0]
