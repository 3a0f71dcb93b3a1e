#include "kernels/pool2d_any.hpp"
#include "kernels/pool2d_entries.hpp"

namespace backgrad::BACKGRAD_ISA {

void max_pool_any_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_any<float, false, true>(problem, tensors, box);
}

void max_pool_any_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_any<double, false, true>(problem, tensors, box);
}

void max_pool_any_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_any<float, true, true>(problem, tensors, box);
}

void max_pool_any_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                       const kernels::Pool2dBox& box) noexcept {
    gather_any<double, true, true>(problem, tensors, box);
}

void average_pool_any_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                           const kernels::Pool2dBox& box) noexcept {
    gather_any<float, false, false>(problem, tensors, box);
}

void average_pool_any_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                           const kernels::Pool2dBox& box) noexcept {
    gather_any<double, false, false>(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
