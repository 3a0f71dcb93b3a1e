#include "kernels/activation_entries.hpp"
#include "kernels/activation_loop.hpp"

namespace backgrad::BACKGRAD_ISA {

void activation_backward(const kernels::ActivationProblem<float>& problem,
                         const kernels::ActivationTensors<float>& tensors, std::int64_t begin,
                         std::int64_t end) noexcept {
    run_activation(problem, tensors, begin, end);
}

void make_activation_mask(const float* input, std::int64_t elements, std::uint8_t* mask) noexcept {
    fill_mask(input, elements, mask);
}

}  // namespace backgrad::BACKGRAD_ISA
