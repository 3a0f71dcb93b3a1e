#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_phases.hpp"

namespace backgrad::BACKGRAD_ISA {

void average_pool_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    gather_phases<float, PoolKind::average, false>(problem, tensors, box);
}

void average_pool_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    gather_phases<double, PoolKind::average, false>(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
