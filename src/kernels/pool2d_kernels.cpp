#include "kernels/pool2d_kernels.hpp"

namespace backgrad::BACKGRAD_ISA {

extern constinit const kernels::Pool2dKernels<float> pool2d_kernels_f32{};
extern constinit const kernels::Pool2dKernels<double> pool2d_kernels_f64{};

}  // namespace backgrad::BACKGRAD_ISA
