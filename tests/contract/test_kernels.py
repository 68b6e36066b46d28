
from cic.adapters.numba_kernel import NumbaKernel
from cic.kernel import Kernel
from cic.testing.kernels import KernelContract


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
