"""What every model of labelled samples must do: subclass ScorerTests and say how to make yours."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.errors import InputError, SplitError
from assay.models.scorer import Scorer
from assay.samples.table import Samples
from assay.testing.data import make_samples
from assay.testing.randomness import random_states

_FITTED: dict[type, Scorer] = {}  # by test class


class ScorerTests:
    """Conformance of a Scorer.

    class TestMine(ScorerTests):
        def make(self):
            return MyModel()
    """

    stored: ClassVar[bool] = True  # False for a model that cannot be loaded, only fitted again

    def make(self) -> Scorer:
        """The model, unfitted, with settings that differ from its defaults."""
        raise NotImplementedError

    def samples(self) -> Samples:
        """Labelled samples of all splits that the model can learn from."""
        return make_samples(4_000)

    def fitted(self) -> Scorer:
        """The model, fitted on train; the same for all tests of a class, which read it and fit it no more."""
        if type(self) not in _FITTED:
            _FITTED[type(self)] = self.fitted_anew()
        return _FITTED[type(self)]

    def fitted_anew(self) -> Scorer:
        """Another one, fitted alike."""
        return self.make().fit(self.samples().split("train"), rng=np.random.default_rng(11))

    def test_is_a_scorer(self) -> None:
        """It has the methods of the protocol and a name; fit returns the model itself, and draws from its rng alone."""
        model = self.make()
        assert isinstance(model, Scorer)
        assert model.name
        before = random_states()
        assert model.fit(self.samples().split("train"), rng=np.random.default_rng(11)) is model
        assert random_states() == before

    def test_gives_probabilities(self) -> None:
        """One float64 in [0, 1] a row, or a finite one where labels are continuous, no NaN; also for no rows."""
        samples = self.samples()
        model = self.fitted()
        predicted = model.predict(samples)
        assert predicted.dtype == np.float64
        assert predicted.shape == (len(samples),)
        assert np.isfinite(predicted).all()
        assert not samples.label_type.is_chance or np.all((predicted >= 0) & (predicted <= 1))
        assert model.predict(samples.take(np.zeros(len(samples), np.bool_))).shape == (0,)

    def test_same_seed_same_predictions(self) -> None:
        """Bit by bit."""
        samples = self.samples().split("test")
        np.testing.assert_array_equal(self.fitted().predict(samples), self.fitted_anew().predict(samples))

    def test_a_rows_prediction_is_its_own(self) -> None:
        """Neither the order of the rows nor their company changes it."""
        samples = self.samples().split("test")
        model = self.fitted()
        predicted = model.predict(samples)
        order = np.random.default_rng(2).permutation(len(samples))
        near = 0.0 if samples.label_type.is_chance else 1e-12  # an amount may be next to 0
        np.testing.assert_allclose(model.predict(samples.take(order)), predicted[order], rtol=1e-12, atol=near)
        np.testing.assert_allclose(model.predict(samples.take(order[:7])), predicted[order[:7]], rtol=1e-12, atol=near)

    def test_rows_of_weight_0_do_not_matter(self) -> None:
        """Neither their labels nor their features; the caller's samples are left alone."""
        samples = self.samples()
        train, test = samples.split("train"), samples.split("test")
        gone = np.random.default_rng(3).random(len(train)) < 0.3
        weight = np.where(gone, 0.0, train.weight)
        with_zeros = self.make().fit(train.with_weight(weight), rng=np.random.default_rng(5))
        without = self.make().fit(train.take(~gone), rng=np.random.default_rng(5))
        np.testing.assert_array_equal(with_zeros.predict(test), without.predict(test))
        assert bool(np.all(train.weight == 1))

    def test_fresh_is_unfitted_with_the_same_settings(self) -> None:
        """Fitted alike, it predicts alike; the model it came from stays fitted."""
        samples = self.samples().split("test")
        model = self.fitted()
        before = model.predict(samples)
        twin = model.fresh()
        assert type(twin) is type(model)
        assert twin.name == model.name
        with pytest.raises(InputError, match=model.name):
            twin.predict(samples)
        twin.fit(self.samples().split("train"), rng=np.random.default_rng(11))
        np.testing.assert_array_equal(twin.predict(samples), before)
        np.testing.assert_array_equal(model.predict(samples), before)

    def test_is_stored_with_the_same_bytes_and_loaded_the_same(self, tmp_path: Path) -> None:
        """Two fits of one seed write the same files; what is loaded predicts exactly the same and writes them again."""
        samples = self.samples().split("test")
        model = self.fitted()
        files = model.save(tmp_path / "a")
        assert (tmp_path / "a" / "model.json") in files
        assert sorted(files) == sorted((tmp_path / "a").iterdir())
        again = {path.name: path.read_bytes() for path in self.fitted_anew().save(tmp_path / "b")}
        assert again == {path.name: path.read_bytes() for path in files}
        if not self.stored:
            with pytest.raises(InputError):
                type(model).load(tmp_path / "a")
            return
        loaded = type(model).load(tmp_path / "a")
        np.testing.assert_array_equal(loaded.predict(samples), model.predict(samples))
        assert {path.name: path.read_bytes() for path in loaded.save(tmp_path / "c")} == again

    def test_before_fit_it_says_so(self, tmp_path: Path) -> None:
        """Predicting and saving are InputErrors that name the model."""
        model = self.make()
        with pytest.raises(InputError, match=model.name):
            model.predict(self.samples())
        with pytest.raises(InputError, match=model.name):
            model.save(tmp_path)

    def test_refuses_what_it_cannot_learn_from(self) -> None:
        """No rows, no row of weight above 0, responses all alike: SplitError that names the model, in one line."""
        train = self.samples().split("train")
        least, most = (np.asarray(train.response == end) for end in (train.response.min(), train.response.max()))
        wrong = [train.take(np.zeros(len(train), np.bool_)), train.with_weight(np.zeros(len(train)))]
        wrong += [train.take(most), train.take(least), train.with_weight(most.astype(np.float64))]
        for samples in wrong:
            model = self.make()
            with pytest.raises(SplitError, match=model.name) as caught:
                model.fit(samples, rng=np.random.default_rng(1))
            assert "\n" not in str(caught.value)

    def test_beats_a_constant(self) -> None:
        """Its loss on later rows is below that of the training share of positives, or of the mean amount."""
        samples = self.samples()
        test = samples.split("test")
        mean = np.full(len(test), samples.split("train").response.mean())
        losses = _squares if not samples.label_type.is_chance else _log_losses
        assert losses(test.response, self.fitted().predict(test)).mean() < losses(test.response, mean).mean()


def _log_losses(label: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    likelihood = np.where(label > 0, predicted, 1.0 - predicted)
    return -np.log(np.maximum(likelihood, 1e-15))


def _squares(amount: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    return (predicted - amount) ** 2
