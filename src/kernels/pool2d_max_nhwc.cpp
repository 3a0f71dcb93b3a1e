#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_nhwc.hpp"

namespace backgrad::BACKGRAD_ISA {

namespace {

template <class T>
void gather(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
            const kernels::Pool2dBox& box) {
    with_rule(problem.source, [&](auto rule) { gather_nhwc<T, rule()>(problem, tensors, box); });
}

}  // namespace

void max_pool_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<float>& tensors,
                   const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

void max_pool_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<double>& tensors,
                   const kernels::Pool2dBox& box) noexcept {
    gather(problem, tensors, box);
}

}  // namespace backgrad::BACKGRAD_ISA
