#pragma once

namespace backgrad::kernels {

template <class T>
struct Pool2dKernels {};

}  // namespace backgrad::kernels
