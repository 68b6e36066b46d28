from cic.adapters.duckdb import DuckDbHistory
from cic.adapters.sklearn import CalibratedClassifier
from cic.testing import EngineContract, ScorerContract


class TestDuckDbHistory(EngineContract):
    def make(self, path):
        return DuckDbHistory(path)


class TestCalibratedClassifier(ScorerContract):
    def make(self):
        return CalibratedClassifier()
