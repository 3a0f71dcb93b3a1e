#include "kernels/pool2d_row_tiles.hpp"

#include "kernels/pool2d_entries.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
void gather_maxima(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                   const kernels::Pool2dBox& box) {
    if (problem.source == kernels::MaximumSource::plane_indices) {
        return gather_row_tiles<T, PoolRule::plane_indices>(problem, tensors, box);
    }
    gather_row_tiles<T, PoolRule::window_offsets>(problem, tensors, box);
}

}  // namespace

void max_pool_row_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                        const kernels::Pool2dBox& box) noexcept {
    gather_maxima(problem, tensors, box);
}

void max_pool_row_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                        const kernels::Pool2dBox& box) noexcept {
    gather_maxima(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
