#pragma once

namespace backgrad::kernels {

template <class T>
struct ActivationKernels {};

}  // namespace backgrad::kernels
