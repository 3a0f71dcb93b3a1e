#include "kernels/pool2d_strips.hpp"

#include "kernels/pool2d_entries.hpp"

namespace backgrad::BACKGRAD_ISA {

namespace {

template <class T>
void gather(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
            const kernels::Pool2dBox& box) {
    with_rule(problem.source, [&](auto rule) { gather_strips<T, rule()>(problem, tensors, box); });
}

}  // namespace

void max_pool_strips(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                     const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

void max_pool_strips(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                     const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
