#include "kernels/activation_loop.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

void backward(const kernels::ActivationProblem<float>& problem, const kernels::ActivationTensors<float>& tensors,
              std::int64_t begin, std::int64_t end) noexcept {
    run_activation(problem, tensors, begin, end);
}

}  // namespace

extern constinit const kernels::ActivationKernels<float> activation_kernels_f32{.backward = backward};

}  // namespace backgrad::BACKGRAD_ISA
