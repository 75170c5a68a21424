"""What every valuer must do: subclass ValuerTests and say how to make yours."""

from functools import cache
from typing import Any

import numpy as np

from assay.errors import InputError
from assay.importance.valuer import Importance, Valuer
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.testing.data import make_samples
from assay.testing.randomness import random_states


@cache
def _fitted() -> tuple[Samples, Samples, LogisticRegression]:
    samples = make_samples(3_000)
    train = samples.split("train")
    return train, samples.split("validation"), LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(1))


class ValuerTests:
    """Conformance of a Valuer.

    class TestMine(ValuerTests):
        def make(self):
            return MyValuer()
    """

    tolerance = 1e-9  # of the largest value; one that reckons in single precision may say more

    def make(self) -> Valuer:
        """The valuer."""
        raise NotImplementedError

    def data(self) -> tuple[Samples, Samples, Any]:
        """Train, validation and a model fitted on train that the valuer can value with."""
        return _fitted()

    def value(self, train: Samples, validation: Samples, model: Any, seed: int = 3) -> Importance:
        """The values of train, in the loss of its labels, over 4 folds."""
        utility, rng = train.label_type.loss, np.random.default_rng(seed)
        return self.make().value(train, validation, model=model, utility=utility, folds=4, rng=rng)

    def test_is_a_valuer(self) -> None:
        """It has the method of the protocol and a name, which its values carry."""
        valuer = self.make()
        assert isinstance(valuer, Valuer)
        assert self.value(*self.data()).metadata["method"] == valuer.name

    def test_gives_one_finite_value_a_sample(self) -> None:
        """Float64, in the order of train; standard errors and z are finite where there are folds."""
        train, validation, model = self.data()
        importance = self.value(train, validation, model)
        assert importance.value.dtype == np.float64
        assert importance.value.shape == (len(train),)
        assert np.all(np.isfinite(importance.value))
        np.testing.assert_array_equal(importance.sample_id, train.keys.column("sample_id").to_numpy())
        if importance.per_fold is not None:
            assert importance.per_fold.shape == (4, len(train))
            np.testing.assert_allclose(importance.per_fold.mean(axis=0), importance.value, rtol=1e-9, atol=1e-18)
            assert np.all(np.isfinite(importance.z))

    def test_permuting_rows_permutes_values(self) -> None:
        """To `tolerance` of the largest."""
        train, validation, model = self.data()
        order = np.random.default_rng(4).permutation(len(train))
        importance, again = self.value(train, validation, model), self.value(train.take(order), validation, model)
        atol = self.tolerance * np.abs(importance.value).max()
        np.testing.assert_allclose(again.value, importance.value[order], rtol=1e-9, atol=atol)

    def test_one_seed_one_answer(self) -> None:
        """Bit by bit."""
        np.testing.assert_array_equal(self.value(*self.data()).value, self.value(*self.data()).value)

    def test_leaves_its_input_alone(self) -> None:
        """Neither samples, nor the model's predictions, nor the caller's random state change."""
        train, validation, model = self.data()
        before = [train.weight.copy(), validation.weight.copy(), model.predict(train)]
        states = random_states()
        self.value(train, validation, model)
        assert random_states() == states
        for old, new in zip(before, (train.weight, validation.weight, model.predict(train)), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_says_what_it_cannot_value(self) -> None:
        """Another utility is refused by name, or plays no part."""
        train, validation, model = self.data()
        message = ""
        try:
            rng = np.random.default_rng(3)
            importance = self.make().value(train, validation, model=model, utility="no such", folds=4, rng=rng)
        except InputError as error:
            message = str(error)
        else:
            np.testing.assert_array_equal(importance.value, self.value(train, validation, model).value)
        assert "no such" in message or not message

    def test_its_table_keeps_every_value(self) -> None:
        """sample_id, value, stderr, z, with the metadata in the schema."""
        importance = self.value(*self.data())
        table = importance.table()
        assert table.column_names == ["sample_id", "value", "stderr", "z"]
        np.testing.assert_array_equal(table.column("value").to_numpy(), importance.value)
        assert {k.decode(): v.decode() for k, v in table.schema.metadata.items()} == dict(importance.metadata)
        order = importance.order()
        assert sorted(order.tolist()) == list(range(len(importance.value)))
        key = importance.value if importance.per_fold is None else importance.z
        assert np.all(np.diff(key[order]) >= 0)
