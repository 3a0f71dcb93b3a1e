#include "kernels/conv2d_depthwise_kernels.hpp"

namespace backgrad::BACKGRAD_ISA {

extern const kernels::DepthwisePanelKernels<float> depthwise_panel_kernels_f32;
extern const kernels::DepthwisePanelKernels<double> depthwise_panel_kernels_f64;
extern const kernels::DepthwisePlaneKernels<float> depthwise_plane_kernels_f32;
extern const kernels::DepthwisePlaneInputKernels<float> depthwise_plane_input_kernels_f32;
extern const kernels::DepthwiseRowKernels<float> depthwise_row_kernels_f32;
extern const kernels::DepthwiseRowInputKernels<float> depthwise_row_input_kernels_f32;
extern const kernels::DepthwiseSumKernels<float> depthwise_sum_kernels_f32;
extern const kernels::DepthwisePlaneKernels<double> depthwise_plane_kernels_f64;
extern const kernels::DepthwisePlaneInputKernels<double> depthwise_plane_input_kernels_f64;
extern const kernels::DepthwiseRowKernels<double> depthwise_row_kernels_f64;
extern const kernels::DepthwiseRowInputKernels<double> depthwise_row_input_kernels_f64;
extern const kernels::DepthwiseSumKernels<double> depthwise_sum_kernels_f64;
extern const kernels::DepthwiseTileKernels<float> depthwise_tile_kernels_f32;
extern const kernels::DepthwiseTileKernels<double> depthwise_tile_kernels_f64;
extern const kernels::GroupSumKernels<float> group_sum_kernels_f32;
extern const kernels::GroupSumKernels<double> group_sum_kernels_f64;
extern const kernels::GroupTileKernels<float> group_tile_kernels_f32;
extern const kernels::GroupTileKernels<double> group_tile_kernels_f64;

extern constinit const kernels::DepthwiseKernels<float> depthwise_kernels_f32 = {
    &depthwise_panel_kernels_f32, &depthwise_plane_kernels_f32,     &depthwise_plane_input_kernels_f32,
    &depthwise_row_kernels_f32,   &depthwise_row_input_kernels_f32, &depthwise_sum_kernels_f32,
    &depthwise_tile_kernels_f32,  &group_sum_kernels_f32,           &group_tile_kernels_f32};
extern constinit const kernels::DepthwiseKernels<double> depthwise_kernels_f64 = {
    &depthwise_panel_kernels_f64, &depthwise_plane_kernels_f64,     &depthwise_plane_input_kernels_f64,
    &depthwise_row_kernels_f64,   &depthwise_row_input_kernels_f64, &depthwise_sum_kernels_f64,
    &depthwise_tile_kernels_f64,  &group_sum_kernels_f64,           &group_tile_kernels_f64};

}  // namespace backgrad::BACKGRAD_ISA
