from cic.adapters.duckdb import DuckDbHistory
from cic.testing import EngineContract


class TestDuckDbHistory(EngineContract):
    def make(self, path):
        return DuckDbHistory(path)
