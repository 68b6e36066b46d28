"""Records are found by their places, whatever the log gives at once."""

from cii.polling import fetch
from cii.ports import LogRecord


class Stingy:
    """A log that gives at most three records at a time, and has lost one."""

    def read(self, topic, partition, offset, limit):
        there = [n for n in range(offset, min(offset + limit, 50)) if n != 20][:3]
        return [LogRecord(topic, partition, n, 0, b"", b"", {}) for n in there]


def test_all_records_are_found_where_the_log_gives_fewer_than_were_asked_for():
    places = [(partition, offset) for partition in (0, 1) for offset in (*range(5, 40), 60)]
    found = fetch(Stingy(), "facts", places)
    assert {place for place in places if place not in found} == {(0, 20), (1, 20), (0, 60), (1, 60)}
    assert all(record.offset == offset for (_, offset), record in found.items())
