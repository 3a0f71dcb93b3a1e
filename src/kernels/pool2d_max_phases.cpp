#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_phases.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
void gather(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
            const kernels::Pool2dBox& box) {
    if (problem.source == kernels::MaximumSource::input) {
        return gather_phases<T, PoolKind::maximum, true>(problem, tensors, box);
    }
    gather_phases<T, PoolKind::maximum, false>(problem, tensors, box);
}

}  // namespace

void max_pool_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                     const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

void max_pool_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                     const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
