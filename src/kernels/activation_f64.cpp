#include "kernels/activation_loop.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

void backward(const kernels::ActivationProblem<double>& problem, const kernels::ActivationTensors<double>& tensors,
              std::int64_t begin, std::int64_t end) noexcept {
    run_activation(problem, tensors, begin, end);
}

}  // namespace

extern constinit const kernels::ActivationKernels<double> activation_kernels_f64{.backward = backward};

}  // namespace backgrad::BACKGRAD_ISA
