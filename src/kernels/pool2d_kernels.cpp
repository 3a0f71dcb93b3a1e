#include "kernels/pool2d_kernels.hpp"

#include "kernels/pool2d_entries.hpp"
#include "kernels/pool2d_strip_lanes.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
constexpr kernels::Pool2dKernels<T> make_table() {
    return {
        .lanes = vec<T>::lanes,
        .many_registers = sizeof(vec<T>) == 64,  // with such vectors come 32 of them
        .whole_lines = strips_of_two_planes<T>,
        .max_nchw = max_pool_nchw,
        .max_nhwc = max_pool_nhwc,
        .max_any_nchw = max_pool_any_nchw,
        .max_any_nhwc = max_pool_any_nhwc,
        .max_phases = max_pool_phases,
        .average_phases = average_pool_phases,
        .max_strips_nchw = max_pool_strips,
        .average_strips_nchw = average_pool_strips,
        .max_input_row_tiles_nhwc = max_pool_input_row_tiles,
        .max_scatter_nchw = max_pool_scatter,
        .max_overlap_nhwc = max_pool_overlap,
        .average_overlap_nhwc = average_pool_overlap,
        .max_row_tiles_nhwc = max_pool_row_tiles,
        .average_row_tiles_nhwc = average_pool_row_tiles,
        .max_separate_nhwc = max_pool_separate,
        .max_pairs_nchw = max_pool_pairs,
        .average_pairs_nchw = average_pool_pairs,
        .max_whole_plane_nchw = max_pool_whole_plane,
        .average_whole_plane_nchw = average_pool_whole_plane,
        .average_nchw = average_pool_nchw,
        .average_nhwc = average_pool_nhwc,
        .average_any_nchw = average_pool_any_nchw,
        .global_average_nchw = global_average_nchw,
        .global_average_nhwc = global_average_nhwc,
    };
}

}  // namespace

extern constinit const kernels::Pool2dKernels<float> pool2d_kernels_f32 = make_table<float>();
extern constinit const kernels::Pool2dKernels<double> pool2d_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
