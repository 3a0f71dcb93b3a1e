#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_strips.hpp"

namespace backgrad::BACKGRAD_ISA {

void average_pool_strips(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    gather_strips<float, PoolRule::average>(problem, tensors, box);
}

void average_pool_strips(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    gather_strips<double, PoolRule::average>(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
