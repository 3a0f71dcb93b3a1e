#pragma once

#include "plan/conv2d_depthwise_planes.hpp"
#include "plan/conv2d_problem.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "plan/segments.hpp"

#include <backgrad/strategy.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// What is worked on at once, while it is in cache: some rows of one image, which are whole segments or an image of
/// one.
struct DepthwiseStrip {
    std::int64_t image;
    Range segments;
    bool begins, ends;  ///< whether the segments begin and end here
    Range rows;         ///< of grad_output and, where their weight gradient needs them, of input
    Range input_rows;
    Range target_rows;  ///< of grad_input; the strips of all tasks cover each row exactly once
    Range source_rows;  ///< of grad_output that rows and target_rows need
};

/// The taps along one axis that positions Y of grad_input with (Y + padding) % stride = phase see: first + m *
/// tap_step. Tap m takes grad_output at output(Y) - m * output_step. Positions at a distance of class_step share
/// theirs, shifted by output_step.
struct DepthwiseTaps {
    std::int64_t first, tap_step, count;
    std::int64_t output_step;
};

/// One axis of the convolution: the taps of its phases.
struct DepthwiseAxis {
    std::int64_t padding, stride, dilation, class_step;
    std::vector<DepthwiseTaps> phases;

    const DepthwiseTaps& taps(std::int64_t at) const {
        return phases[static_cast<std::size_t>((at + padding) % stride)];
    }
    /// grad_output's position for tap 0 of position `at`; there is one where taps(at).count > 0.
    std::int64_t output(std::int64_t at) const { return (at + padding - taps(at).first * dilation) / stride; }
};

/// Register tiles of the input gradient: `rows` for each row phase, and pixels.
struct DepthwiseTile {
    std::int64_t rows, pixels;
};

/// What the kernels of an ISA offer: the length of a vector and the most rows of a tile for each number of pixels, of a
/// depthwise convolution and of narrow groups.
struct DepthwiseTileLimits {
    int lanes;
    int rows[9], group_rows[9];
};

/// The gradients of a depthwise convolution, or of one of narrow groups: see lane_group(). Channels form units of one
/// vector, or of a group that fills several, pixels the segments of grad_weight and grad_bias. One task = (segment
/// group, block of units); it makes one pass over grad_output for every gradient that is asked for. Where only
/// grad_input is asked for, segments are free.
struct Conv2dDepthwisePlan {
    Conv2dGradients gradients;
    Segments segments;
    std::int64_t segment_groups;
    std::int64_t lanes, group_channels;
    std::int64_t channels, unit_channels, units, unit_blocks, units_per_block;
    std::int64_t line_units;      ///< that share a cache line of NHWC's pixels: blocks are cut between lines
    std::int64_t units_at_once;   ///< whose panels are filled together
    std::int64_t strip_segments;  ///< most segments of a strip
    DepthwiseAxis rows, columns;
    std::vector<DepthwiseTile> tiles;                      ///< of each phase of rows
    bool over_planes;                                      ///< whether the sums are taken straight from NCHW planes
    DepthwisePlanesPlan planes;                            ///< if so
    bool over_rows;                                        ///< whether they are taken straight from rows of NHWC
    std::vector<DepthwisePlaneInputColumns> input_planes;  ///< empty where grad_input needs panels
    bool input_over_rows;  ///< whether grad_input is computed straight from rows of NHWC
    bool target_in_place;  ///< whether tiles may write grad_input where it goes: NHWC's pixels are whole units
    std::int64_t tasks;
    bool streaming = false;  ///< whether grad_input goes past the caches

    std::int64_t weight_elements;  ///< per unit: sums of the taps, for each channel of grad_output in a group
    /// The sums over planes: chains of a unit, their sums, and the blocks of columns as the kernels read them.
    std::int64_t chain_elements, plane_sum_elements, plane_block_elements;
    /// Columns of zeros before and behind a row of a grad_output panel, for grad_input's taps beside the image.
    std::int64_t margin_left, margin_right;
    /// Elements of a unit's panels, for a strip of grad_output, input and grad_input.
    std::int64_t source_elements, input_elements, target_elements;
    /// Elements on their way to grad_input's planes, at least a row for each phase of rows and a line more.
    std::int64_t stage_elements;
    /// Elements of a task's scratch, and of the partial sums that all share.
    std::int64_t worker_elements, shared_elements;

    std::int64_t vectors() const { return unit_channels / lanes; }
    std::int64_t margins() const { return margin_left + margin_right; }
    /// Whether narrow groups share a vector; else a group fills one or more.
    bool groups_share_vector() const { return group_channels < lanes; }
    bool sums() const { return gradients.weight || gradients.bias; }
    bool sums_from_panels() const { return sums() && !over_planes && !over_rows; }
    /// Which panels are needed.
    bool target_panels() const { return gradients.input && !input_over_rows; }
    bool source_panels() const { return target_panels() || sums_from_panels(); }
    bool input_panels() const { return gradients.weight && sums_from_panels(); }
    bool partials() const { return sums() && segment_groups > 1; }
    /// One partial sum: the taps of a block's units, then their bias.
    std::int64_t partial_elements() const { return round_up(units_per_block * (weight_elements + unit_channels), 16); }
    Range segment_group(std::int64_t group) const { return share(segments.count, segment_groups, group); }
    Range unit_block(std::int64_t block) const {
        const Range lines = share(ceil_div(units, line_units), unit_blocks, block);
        return {lines.begin * line_units, std::min(units, lines.end * line_units)};
    }
    /// Channels of units that lie in the tensor.
    Range unit_range(const Range& units_of) const {
        const std::int64_t end = units_of.end * unit_channels;
        return {units_of.begin * unit_channels, end < channels ? end : channels};
    }
};

/// What a depthwise plan chooses, by rule. Only where the sums are taken decides the order of additions.
struct DepthwiseWay {
    bool sums_in_place;           ///< of grad_weight and grad_bias: straight over planes (NCHW) or rows (NHWC)
    bool input_in_place;          ///< grad_input straight from planes or rows
    std::int64_t units_per_task;  ///< 0: by rule
    std::int64_t tile_pixels;     ///< of the input gradient's register tiles; 0: those with the fewest slots
};
DepthwiseWay depthwise_way(const Conv2dProblem& problem, const Conv2dGradients& gradients, std::size_t element_bytes);

/// Plans the gradients in the given way, whose parts must exist for the problem.
Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& problem, const Conv2dGradients& gradients,
                                   const DepthwiseWay& way, const DepthwiseTileLimits& limits,
                                   std::size_t element_bytes, const Strategy& strategy);

/// Plans the gradients for a problem with a lane_group() and output pixels.
Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& problem, const Conv2dGradients& gradients,
                                   const DepthwiseTileLimits& limits, std::size_t element_bytes,
                                   const Strategy& strategy);

/// The strip at `image` (where segments hold several) that begins with the first of `segments`.
DepthwiseStrip depthwise_strip(const Conv2dProblem& problem, const Conv2dDepthwisePlan& plan, const Range& segments,
                               std::int64_t image);

/// The phases of one axis.
DepthwiseAxis depthwise_axis(std::int64_t padding, std::int64_t kernel, std::int64_t stride, std::int64_t dilation);

}  // namespace backgrad::plan
