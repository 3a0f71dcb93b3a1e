#include "kernels/pool2d_tiles.hpp"

#include "kernels/pool2d_entries.hpp"

namespace backgrad::BACKGRAD_ISA {

void max_pool_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                    const kernels::Pool2dBox& box) noexcept {
    gather_tiles(problem, tensors, box);
}

void max_pool_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                    const kernels::Pool2dBox& box) noexcept {
    gather_tiles(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
