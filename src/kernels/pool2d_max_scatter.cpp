#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_scatter.hpp"

namespace backgrad::BACKGRAD_ISA {

void max_pool_scatter(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                      const kernels::Pool2dBox& box) noexcept {
    scatter_planes(problem, tensors, box);
}

void max_pool_scatter(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                      const kernels::Pool2dBox& box) noexcept {
    scatter_planes(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
