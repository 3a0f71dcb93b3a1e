#include "kernels/activation_kernels.hpp"

#include "kernels/activation_entries.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
constexpr kernels::ActivationKernels<T> make_table() {
    return {
        .backward = activation_backward,
        .make_mask = make_activation_mask,
        .softmax = softmax_backward,
        .softmax_cross_entropy = softmax_cross_entropy_backward,
    };
}

}  // namespace

extern constinit const kernels::ActivationKernels<float> activation_kernels_f32 = make_table<float>();
extern constinit const kernels::ActivationKernels<double> activation_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
