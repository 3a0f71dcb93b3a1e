#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_nhwc.hpp"

namespace backgrad::BACKGRAD_ISA {

void average_pool_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_nhwc<float, PoolRule::average>(problem, tensors, box);
}

void average_pool_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_nhwc<double, PoolRule::average>(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
