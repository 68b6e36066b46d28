"""What every plugin of context must do, as tests: subclass, give what is tested, run.

```python
class TestMyStore(StoreContract):
    @pytest.fixture
    def database(self, tmp_path):
        return my_database(tmp_path)

    @pytest.fixture
    def store(self, database):
        return MyStore(database)
```
"""

from context.testing.models import NotationContract, SheetContract
from context.testing.work import ActionContract, Desk, StoreContract, action, decision, timer

__all__ = [
    "ActionContract",
    "Desk",
    "NotationContract",
    "SheetContract",
    "StoreContract",
    "action",
    "decision",
    "timer",
]
