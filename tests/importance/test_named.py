import pytest

from assay.errors import ConfigError
from assay.importance import named
from assay.importance.influence import Influence


class Mine:
    name = "mine"

    def value(self, train, validation, *, model, utility, folds, rng):
        raise AssertionError("not asked for here")


class NoValuer:
    pass


def test_ours_come_by_name():
    assert isinstance(named.make("influence"), Influence)
    assert all(named.make(name).name == name for name in named.VALUERS)


def test_a_third_partys_comes_by_entry_point_or_dotted_path(install):
    install("assay.valuers", {"mine": f"{__name__}:Mine", "broken": f"{__name__}:NoValuer"})
    assert isinstance(named.make("mine"), Mine)
    assert isinstance(named.make(f"{__name__}:Mine"), Mine)
    for name in ("broken", f"{__name__}:NoValuer"):
        with pytest.raises(ConfigError, match="is no valuer"):
            named.make(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("influense", "did you mean 'influence'"),
        ("no.such.module:Valuer", "cannot be imported"),
        (f"{__name__}:NoSuch", "cannot be imported"),
    ],
)
def test_what_is_not_there_is_named(name, says):
    with pytest.raises(ConfigError, match=says):
        named.make(name)
