"""A running server verifies itself once a night (promise 2)."""

from cid.kit.clock import DAY, HOUR, ManualClock, format_time, parse_time
from icustomer import ICustomer, Settings
from icustomer.nightly import Nightly
from tests.company import NOW


def lived(northlake, to, **settings):
    clock = ManualClock(parse_time(NOW))
    return ICustomer.open(northlake.copy(to), clock=clock, settings=Settings(**settings)), clock


def test_once_a_night_everything_is_verified_and_the_result_is_kept(northlake, tmp_path):
    company, clock = lived(northlake, tmp_path / "one")
    with company:
        nightly = Nightly(company)
        for hour in range(0, 49):
            clock.moment = parse_time(NOW) + hour * HOUR
            nightly.look()
            nightly.wait(60)
        rows = company.cic.verifications()
        # Northlake is in Berlin: three o'clock there.
        assert [row["at"][:16] for row in rows[:2]] == ["2026-11-24T02:00", "2026-11-23T02:00"]
        assert rows[0]["mismatches"] == 0
        assert rows[0]["segments"] == len(company.cic.segments())
        measure = company.cbc.measure("verify mismatches", as_of=format_time(clock.moment))
        assert measure["value"] == 0


def test_who_does_not_want_it_is_left_alone(northlake, tmp_path):
    company, clock = lived(northlake, tmp_path / "one", verify_hour=-1)
    with company:
        before = company.cic.verifications()
        nightly = Nightly(company)
        clock.moment += 3 * DAY
        nightly.look()
        nightly.wait(60)
        assert company.cic.verifications() == before
