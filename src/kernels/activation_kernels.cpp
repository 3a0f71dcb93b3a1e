#include "kernels/activation_kernels.hpp"

namespace backgrad::BACKGRAD_ISA {

extern constinit const kernels::ActivationKernels<float> activation_kernels_f32{};
extern constinit const kernels::ActivationKernels<double> activation_kernels_f64{};

}  // namespace backgrad::BACKGRAD_ISA
