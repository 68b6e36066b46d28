from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.numba_kernel import NumbaKernel
from cic.kernel import Kernel
from cic.testing import kernels
from cic.testing.kernels import FEWER, TRAITS, KernelContract


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


both = st.sampled_from((TestPure, TestNumba))
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
