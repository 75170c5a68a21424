from assay.models.baselines import BuyItAgain, Popularity
from assay.models.boosting import LightGBM
from assay.models.estimator import Estimator
from assay.models.lambdarank import LambdaRank
from assay.models.logistic import LogisticRegression
from assay.models.ridge import Ridge
from assay.models.trees import DecisionTree, RandomForest
from assay.task import GRADED, SQUARED
from assay.testing.data import make_samples
from assay.testing.models import ScorerTests


class TestPopularity(ScorerTests):
    def make(self):
        return Popularity()


class TestPopularityOfAllTime(ScorerTests):
    def make(self):
        return Popularity(window=None)


class TestBuyItAgain(ScorerTests):
    def make(self):
        return BuyItAgain(half_life=3.0)


class TestLogisticRegression(ScorerTests):
    def make(self):
        return LogisticRegression(l2=3.0)


class TestDecisionTree(ScorerTests):
    def make(self):
        return DecisionTree(subsample=2_000, leaves=6, least=100)


class TestRandomForest(ScorerTests):
    def make(self):
        return RandomForest(subsample=1_500, trees=12, depth=7, least=8)


class TestLightGBM(ScorerTests):
    def make(self):
        return LightGBM(trees=12, leaves=9, rate=0.2)


class TestLambdaRank(ScorerTests):
    def make(self):
        return LambdaRank(trees=12, leaves=9, rate=0.2, truncation=5)


class TestEstimator(ScorerTests):
    stored = False

    def make(self):
        return Estimator("sklearn.ensemble:GradientBoostingClassifier", "mine", subsample=2_000)


class TestSeededEstimator(ScorerTests):
    stored = False

    def make(self):
        return Estimator("sklearn.ensemble.ExtraTreesClassifier", "mine")


class AmountTests(ScorerTests):
    """Of models that learn continuous labels."""

    def samples(self):
        return make_samples(4_000, labels=SQUARED)


class TestRidge(AmountTests):
    def make(self):
        return Ridge(l2=3.0)


class TestPopularityOfAmounts(AmountTests):
    def make(self):
        return Popularity()


class TestDecisionTreeOfAmounts(AmountTests):
    def make(self):
        return DecisionTree(subsample=2_000, leaves=6, least=100)


class TestRandomForestOfAmounts(AmountTests):
    def make(self):
        return RandomForest(subsample=1_500, trees=12, depth=7, least=8)


class TestLightGBMOfAmounts(AmountTests):
    def make(self):
        return LightGBM(trees=12, leaves=9, rate=0.2)


class TestLambdaRankOfAmounts(AmountTests):
    def make(self):
        return LambdaRank(trees=12, leaves=9, rate=0.2, truncation=5)


class TestEstimatorOfAmounts(AmountTests):
    stored = False

    def make(self):
        return Estimator("sklearn.ensemble:ExtraTreesRegressor", "mine", subsample=2_000)


class TestLambdaRankOfGrades(ScorerTests):
    def samples(self):
        return make_samples(4_000, labels=GRADED)

    def make(self):
        return LambdaRank(trees=12, leaves=9, rate=0.2, truncation=5)
