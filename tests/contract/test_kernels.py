import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.numba_kernel import NumbaKernel
from cic.kernel import Kernel
from cic.testing import kernels
from cic.testing.kernels import FEWER, MINUTE, TRAITS, KernelContract
from cid.kit.errors import Refused


class TestPure(KernelContract):
    def make(self, plans, count):
        return Kernel(plans, count)

    def others(self, plans, count):
        return NumbaKernel(plans, count)


class TestNumba(KernelContract):
    def make(self, plans, count):
        return NumbaKernel(plans, count)

    def others(self, plans, count):
        return Kernel(plans, count)


class Tight(NumbaKernel):
    """Gives room back at every turn, not only where it would have to grow."""

    def apply(self, fact):
        super().apply(fact)
        self.compact()

    def advance(self, moment):
        super().advance(moment)
        self.compact()


class TestTight(TestNumba):
    def make(self, plans, count):
        return Tight(plans, count)


both = st.sampled_from((TestPure, TestNumba, TestTight))
people = st.sampled_from("uvw")
values = st.sampled_from(kernels.VALUES)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 8)),
        st.tuples(st.just("tell"), st.sampled_from("EEEF"), st.integers(-20, 4), values, people),
        st.tuples(st.just("tell"), st.just("E"), st.just(0), values, st.just("u")),
        st.tuples(st.just("move"), people, st.sampled_from("xyz")),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("forget"), people),
        st.tuples(st.just("stop"), st.booleans()),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(both, happenings)
def test_whatever_happens_in_whatever_order_traits_are_what_a_recount_says(kind, happenings):
    kernels.recounted(kind().telling(), happenings)


@settings(deadline=None)
@given(both, happenings, happenings)
def test_a_stop_at_any_point_changes_nothing(kind, before, after):
    kernels.stopped(kind().telling(), before, after)


@settings(deadline=None)
@given(both, happenings, st.permutations(tuple(TRAITS)), st.integers(1, 12))
def test_any_new_traits_come_out_of_a_snapshot_and_what_they_miss(kind, happenings, names, count):
    kernels.newly_defined(kind().telling(FEWER), happenings, names[:count])


def test_facts_that_have_left_all_windows_give_their_room_back():
    telling = TestNumba().telling(("count 5 min", "last 5 min", "distinct 5 min"))
    for n in range(4_000):
        telling.clock += MINUTE // 10
        telling.kernel.advance(telling.clock)
        telling.tell("E", 0 if n % 5 else -2, n % 3, "uvw"[n % 3])
        telling.facts = telling.facts[-100:]
    telling.agree()
    assert len(telling.kernel._e) < 2_000


def test_more_values_than_can_be_pointed_to_are_refused(monkeypatch):
    monkeypatch.setattr("cic.adapters.numba_arrays.MOST_VALUES", 3_000)
    telling = TestNumba().telling(("sum",))
    for _ in range(2_000):
        telling.tell("E", 0, 1, "u")
    with pytest.raises(Refused, match="has room for"):
        telling.kernel.extend(telling.facts)
    telling.agree()
