#include "kernels/pool2d_global_average.hpp"
#include "kernels/pool2d_entries.hpp"

namespace backgrad::BACKGRAD_ISA {

void global_average_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    fill_planes(problem, tensors, box);
}

void global_average_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    fill_planes(problem, tensors, box);
}

void global_average_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    fill_pixels(problem, tensors, box);
}

void global_average_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                         const kernels::Pool2dBox& box) noexcept {
    fill_pixels(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
