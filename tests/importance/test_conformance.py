from assay.importance.influence import Influence
from assay.importance.predicted import Loss, Probability
from assay.testing.valuers import ValuerTests


class TestProbability(ValuerTests):
    def make(self):
        return Probability()


class TestLoss(ValuerTests):
    def make(self):
        return Loss()


class TestInfluence(ValuerTests):
    def make(self):
        return Influence()
