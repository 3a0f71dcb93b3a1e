#pragma once

#include "kernels/activation_kernels.hpp"

/// The entry points of the activation and softmax kernels; activation_kernels.cpp gathers them into the table.
namespace backgrad::BACKGRAD_ISA {

void activation_backward(const kernels::ActivationProblem<float>&, const kernels::ActivationTensors<float>&,
                         std::int64_t begin, std::int64_t end) noexcept;
void activation_backward(const kernels::ActivationProblem<double>&, const kernels::ActivationTensors<double>&,
                         std::int64_t begin, std::int64_t end) noexcept;

void make_activation_mask(const float* input, std::int64_t elements, std::uint8_t* mask) noexcept;
void make_activation_mask(const double* input, std::int64_t elements, std::uint8_t* mask) noexcept;

using SoftmaxEntry32 = void(const kernels::SoftmaxProblem<float>&, const kernels::SoftmaxTensors<float>&, std::int64_t,
                            std::int64_t) noexcept;
using SoftmaxEntry64 = void(const kernels::SoftmaxProblem<double>&, const kernels::SoftmaxTensors<double>&,
                            std::int64_t, std::int64_t) noexcept;

SoftmaxEntry32 softmax_backward, softmax_cross_entropy_backward;
SoftmaxEntry64 softmax_backward, softmax_cross_entropy_backward;

}  // namespace backgrad::BACKGRAD_ISA
