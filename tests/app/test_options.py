import json

from assay.app.options import print_json


def test_numbers_that_json_does_not_know_are_null(capsys):
    print_json({"a": [1.5, float("nan")], "b": {"c": float("inf")}, "名": (float("-inf"), "נ")})
    assert json.loads(capsys.readouterr().out) == {"a": [1.5, None], "b": {"c": None}, "名": [None, "נ"]}
