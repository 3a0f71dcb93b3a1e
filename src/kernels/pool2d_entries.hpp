#pragma once

#include "kernels/pool2d_kernels.hpp"

/// The entry points of the pooling kernels, one file each; pool2d_kernels.cpp gathers them into the table.
namespace backgrad::BACKGRAD_ISA {

using Pool2dEntry32 = void(const kernels::Pool2dProblem&, const kernels::Pool2dTensors<float>&,
                           const kernels::Pool2dBox&) noexcept;
using Pool2dEntry64 = void(const kernels::Pool2dProblem&, const kernels::Pool2dTensors<double>&,
                           const kernels::Pool2dBox&) noexcept;

Pool2dEntry32 max_pool_nchw, max_pool_nhwc, max_pool_any_nchw, max_pool_any_nhwc;
Pool2dEntry64 max_pool_nchw, max_pool_nhwc, max_pool_any_nchw, max_pool_any_nhwc;
Pool2dEntry32 average_pool_nchw, average_pool_nhwc, average_pool_any_nchw;
Pool2dEntry64 average_pool_nchw, average_pool_nhwc, average_pool_any_nchw;
Pool2dEntry32 max_pool_phases, average_pool_phases, max_pool_strips, average_pool_strips, max_pool_input_row_tiles,
    max_pool_overlap, average_pool_overlap, max_pool_row_tiles, average_pool_row_tiles;
Pool2dEntry32 max_pool_scatter, max_pool_separate, max_pool_pairs, average_pool_pairs, max_pool_whole_plane,
    average_pool_whole_plane;
Pool2dEntry64 max_pool_phases, average_pool_phases, max_pool_strips, average_pool_strips, max_pool_input_row_tiles,
    max_pool_overlap, average_pool_overlap, max_pool_row_tiles, average_pool_row_tiles;
Pool2dEntry64 max_pool_scatter, max_pool_separate, max_pool_pairs, average_pool_pairs, max_pool_whole_plane,
    average_pool_whole_plane;
Pool2dEntry32 global_average_nchw, global_average_nhwc;
Pool2dEntry64 global_average_nchw, global_average_nhwc;

}  // namespace backgrad::BACKGRAD_ISA
