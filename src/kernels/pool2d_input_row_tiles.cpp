#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_row_tiles.hpp"

namespace backgrad::BACKGRAD_ISA {

void max_pool_input_row_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                              const kernels::Pool2dBox& box) noexcept {
    gather_row_tiles<float, PoolRule::input>(problem, tensors, box);
}

void max_pool_input_row_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                              const kernels::Pool2dBox& box) noexcept {
    gather_row_tiles<double, PoolRule::input>(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
