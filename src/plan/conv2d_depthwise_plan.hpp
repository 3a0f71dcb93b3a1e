#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "plan/segments.hpp"

#include <backgrad/strategy.hpp>

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {

/// A strip of grad_output: some rows and columns of one image. All that is asked for is computed while it is in cache.
struct DepthwiseStrip {
    std::int64_t image;
    Range rows, columns;
};

/// A window of a tensor's image, which may reach beyond it on every side.
struct DepthwiseWindow {
    Range rows, columns;
};

/// The taps along one axis that meet one class of grad_input's positions Y, Y + step, Y + 2 * step, ...: tap first +
/// m * tap_step takes grad_output at position output - m * output_step, which rises by output_step with Y's class.
struct DepthwiseTaps {
    std::int64_t first, tap_step, count;
    std::int64_t output, output_step;
};

/// The gradients of a depthwise convolution. Channels form units (one in NCHW, a cache line of them in NHWC), pixels the
/// segments of grad_weight and grad_bias. One task = (segment group, block of units); it makes one pass over
/// grad_output for every gradient that is asked for. Where only grad_input is asked for, segments are free.
struct Conv2dDepthwisePlan {
    Conv2dGradients gradients;
    Segments segments;
    std::int64_t segment_groups;
    std::int64_t channels, unit_channels, units, unit_blocks, units_per_block;
    std::int64_t strip_rows;
    std::int64_t tasks, join_tasks;

    /// Elements per unit: chains of the taps, of the bias, and finished sums of the taps.
    std::int64_t state_elements, bias_state_elements, total_elements;
    /// Elements of a task's scratch, and of the partial sums that all share.
    std::int64_t grad_output_elements, input_elements, split_elements, grad_input_elements, weight_elements;
    std::int64_t worker_elements, shared_elements;

    bool sums() const { return gradients.weight || gradients.bias; }
    bool partials() const { return sums() && segment_groups > 1; }
    /// One partial sum: the taps of a block's units, then their bias.
    std::int64_t partial_elements() const {
        return round_up(units_per_block * (total_elements + unit_channels), 16);
    }
    Range segment_group(std::int64_t group) const { return share(segments.count, segment_groups, group); }
    Range unit_block(std::int64_t block) const { return share(units, unit_blocks, block); }
    /// Channels of the unit that lie in the tensor.
    Range unit_range(std::int64_t unit) const {
        const std::int64_t begin = unit * unit_channels, end = begin + unit_channels;
        return {begin, end < channels ? end : channels};
    }
};

/// Plans the gradients for a depthwise problem that has output pixels.
Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& problem, const Conv2dGradients& gradients,
                                   std::size_t element_bytes, const Strategy& strategy);

/// The input that a strip's weight gradient reads.
DepthwiseWindow depthwise_input(const Conv2dProblem& problem, const DepthwiseStrip& strip);

/// The part of grad_input that belongs to a strip. The parts of all strips of an image cover it exactly once.
DepthwiseWindow depthwise_grad_input(const Conv2dProblem& problem, const DepthwiseStrip& strip);

/// The grad_output that a part of grad_input reads.
DepthwiseWindow depthwise_grad_output(const Conv2dProblem& problem, const DepthwiseWindow& grad_input);

/// The taps for position `at` of grad_input along an axis.
DepthwiseTaps depthwise_taps(std::int64_t at, std::int64_t padding, std::int64_t kernel, std::int64_t stride,
                             std::int64_t dilation);

/// Rows of grad_input at this distance share rows of grad_output.
std::int64_t depthwise_row_step(const Conv2dProblem& problem);

}  // namespace backgrad::plan
