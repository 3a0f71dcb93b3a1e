#include "kernels/activation_entries.hpp"
#include "kernels/activation_loop.hpp"

namespace backgrad::BACKGRAD_ISA {

void activation_backward(const kernels::ActivationProblem<double>& problem,
                         const kernels::ActivationTensors<double>& tensors, std::int64_t begin,
                         std::int64_t end) noexcept {
    run_activation(problem, tensors, begin, end);
}

}  // namespace backgrad::BACKGRAD_ISA
