#include "kernels/conv2d_kernels.hpp"

namespace backgrad::BACKGRAD_ISA {

extern const kernels::TileKernels<float> tile_kernels_f32;
extern const kernels::TileKernels<double> tile_kernels_f64;
extern const kernels::DotKernels<float> dot_kernels_f32;
extern const kernels::DotKernels<double> dot_kernels_f64;
extern const kernels::PackKernels<float> pack_kernels_f32;
extern const kernels::PackKernels<double> pack_kernels_f64;
extern const kernels::DepthwiseKernels<float> depthwise_kernels_f32;
extern const kernels::DepthwiseKernels<double> depthwise_kernels_f64;

extern constinit const kernels::Conv2dKernels<float> conv2d_kernels_f32 = {&tile_kernels_f32, &dot_kernels_f32,
                                                                           &pack_kernels_f32, &depthwise_kernels_f32};
extern constinit const kernels::Conv2dKernels<double> conv2d_kernels_f64 = {&tile_kernels_f64, &dot_kernels_f64,
                                                                            &pack_kernels_f64, &depthwise_kernels_f64};

}  // namespace backgrad::BACKGRAD_ISA
