#include "kernels/kernel_table.hpp"

// The table of one ISA: where each operation's own table stands. Constant-initialised, so that nothing compiled for
// an ISA runs before the CPU has been asked for it.
namespace backgrad::BACKGRAD_ISA {

extern const kernels::Conv2dKernels<float> conv2d_kernels_f32;
extern const kernels::Conv2dKernels<double> conv2d_kernels_f64;
extern const kernels::Pool2dKernels<float> pool2d_kernels_f32;
extern const kernels::Pool2dKernels<double> pool2d_kernels_f64;
extern const kernels::ActivationKernels<float> activation_kernels_f32;
extern const kernels::ActivationKernels<double> activation_kernels_f64;

extern constinit const kernels::KernelTable table{
    .conv2d_f32 = &conv2d_kernels_f32,
    .conv2d_f64 = &conv2d_kernels_f64,
    .pool2d_f32 = &pool2d_kernels_f32,
    .pool2d_f64 = &pool2d_kernels_f64,
    .activation_f32 = &activation_kernels_f32,
    .activation_f64 = &activation_kernels_f64,
};

}  // namespace backgrad::BACKGRAD_ISA
