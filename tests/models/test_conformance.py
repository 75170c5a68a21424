from assay.models.baselines import BuyItAgain, Popularity
from assay.models.boosting import LightGBM
from assay.models.estimator import Estimator
from assay.models.logistic import LogisticRegression
from assay.models.trees import DecisionTree, RandomForest
from assay.testing.models import ScorerTests


class TestPopularity(ScorerTests):
    def make(self):
        return Popularity()


class TestBuyItAgain(ScorerTests):
    def make(self):
        return BuyItAgain()


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
        return LightGBM(trees=12)


class TestEstimator(ScorerTests):
    stored = False

    def make(self):
        return Estimator("sklearn.ensemble:GradientBoostingClassifier", "mine", subsample=2_000)


class TestSeededEstimator(ScorerTests):
    stored = False

    def make(self):
        return Estimator("sklearn.ensemble.ExtraTreesClassifier", "mine")
