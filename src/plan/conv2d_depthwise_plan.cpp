#include "plan/conv2d_depthwise_plan.hpp"

#include "plan/conv2d_input_plan.hpp"

#include <algorithm>
#include <numeric>

namespace backgrad::plan {

namespace {

constexpr std::int64_t strip_bytes = 48 * 1024;      ///< panels of a strip: about the L1 cache
constexpr std::int64_t state_bytes = 32 * 1024;      ///< chains of a block's units
constexpr std::int64_t task_products = 256 * 1024;   ///< a task should be worth its start
constexpr std::int64_t free_terms = 8192;            ///< pixels per segment where nothing is summed
constexpr std::int64_t vector_slack = 64;            ///< elements that whole vectors reach beyond a panel

/// [begin, end) of grad_output's positions -> the positions of grad_input that belong to it.
Range owned(const Range& outputs, std::int64_t output_size, std::int64_t input_size, std::int64_t stride) {
    const auto bound = [&](std::int64_t at) {
        return at == 0 ? 0 : at == output_size ? input_size : std::min(input_size, at * stride);
    };
    return {bound(outputs.begin), bound(outputs.end)};
}

Range read(const Range& inputs, std::int64_t padding, std::int64_t reach, std::int64_t stride) {
    return {floor_div(inputs.begin + padding - reach, stride), floor_div(inputs.end - 1 + padding, stride) + 1};
}

Range touched(const Range& outputs, std::int64_t padding, std::int64_t reach, std::int64_t stride) {
    return {outputs.begin * stride - padding, (outputs.end - 1) * stride - padding + reach + 1};
}

std::int64_t reach_y(const Conv2dProblem& p) { return (p.kernel_height - 1) * p.dilation_height; }
std::int64_t reach_x(const Conv2dProblem& p) { return (p.kernel_width - 1) * p.dilation_width; }

/// Sizes the panels for the largest strip of `rows` rows.
void size_panels(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t rows) {
    const std::int64_t unit = plan.unit_channels, columns = ceil_div(p.out_width, plan.segments.column_parts);
    const auto most_inputs = [](std::int64_t outputs, std::int64_t output_size, std::int64_t input_size, std::int64_t stride) {
        return std::min(input_size, outputs * stride + std::max<std::int64_t>(0, input_size - output_size * stride));
    };
    const std::int64_t in_rows = most_inputs(rows, p.out_height, p.in_height, p.stride_height);
    const std::int64_t in_columns = most_inputs(columns, p.out_width, p.in_width, p.stride_width);
    const std::int64_t phase_columns = unit == 1 ? round_up(ceil_div(in_columns, p.stride_width), 16)
                                                 : ceil_div(in_columns, p.stride_width);
    const auto panel = [&](std::int64_t height, std::int64_t width) { return round_up(height * width * unit, 16) + vector_slack; };
    plan.strip_rows = rows;
    plan.grad_output_elements = panel((in_rows + reach_y(p)) / p.stride_height + 2, (in_columns + reach_x(p)) / p.stride_width + 2);
    plan.grad_input_elements = plan.gradients.input ? panel(in_rows, phase_columns * p.stride_width) : 0;
    const std::int64_t x_rows = (rows - 1) * p.stride_height + reach_y(p) + 1;
    const std::int64_t x_columns = round_up((columns - 1) * p.stride_width + reach_x(p) + 1, p.stride_width);
    plan.input_elements = plan.gradients.weight ? panel(x_rows, x_columns) : 0;
    plan.split_elements = unit == 1 && p.stride_width > 1 ? plan.input_elements : 0;
}

void choose_strips(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t element_bytes) {
    const std::int64_t most = ceil_div(p.out_height, plan.segments.row_parts);
    std::int64_t parts = 0, rows = most + 1;
    do {
        ++parts;
        if (rows == ceil_div(most, parts)) continue;
        rows = ceil_div(most, parts);
        size_panels(plan, p, rows);
    } while (rows > 1 && (plan.grad_output_elements + plan.input_elements + plan.split_elements +
                          plan.grad_input_elements) * element_bytes > strip_bytes);
}

void choose_blocks(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t element_bytes,
                   const Strategy& strategy) {
    const std::int64_t threads = std::max(1, strategy.threads);
    const std::int64_t pixels = ceil_div(plan.segments.count, plan.segment_groups) * plan.segments.largest();
    const std::int64_t products = std::max<std::int64_t>(1, pixels * p.taps() * plan.unit_channels);
    const std::int64_t state = (plan.state_elements + plan.bias_state_elements) * element_bytes;
    const std::int64_t balanced = std::max<std::int64_t>(1, plan.units * plan.segment_groups / (4 * threads));
    std::int64_t size = std::min({ceil_div(task_products, products), std::max<std::int64_t>(1, state_bytes / state), balanced, plan.units});
    if (strategy.partition == Partition::batch || strategy.partition == Partition::spatial) size = plan.units;
    plan.unit_blocks = ceil_div(plan.units, std::max<std::int64_t>(1, size));
    plan.units_per_block = ceil_div(plan.units, plan.unit_blocks);
}

}  // namespace

Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& p, const Conv2dGradients& gradients, std::size_t element_bytes,
                                   const Strategy& strategy) {
    const std::int64_t bytes = static_cast<std::int64_t>(element_bytes), chains = 64 / bytes;
    Conv2dDepthwisePlan plan{};
    plan.gradients = gradients;
    plan.channels = p.groups;
    plan.unit_channels = p.layout == Layout::nchw ? 1 : chains;
    plan.units = ceil_div(plan.channels, plan.unit_channels);
    if (plan.sums()) {
        plan.segments = weight_segments(p, weight_family(p, element_bytes), element_bytes);
        plan.segment_groups = segment_groups(p, element_bytes, plan.segments, strategy);
    } else {
        plan.segments = make_segments(p.batch, p.out_height, p.out_width, free_terms);
        plan.segment_groups = strategy.partition == Partition::channel ? 1 : plan.segments.count;
    }
    plan.state_elements = plan.gradients.weight ? p.taps() * chains : 0;
    plan.bias_state_elements = chains;
    plan.total_elements = p.taps() * plan.unit_channels;
    choose_strips(plan, p, bytes);
    choose_blocks(plan, p, bytes, strategy);
    plan.weight_elements = gradients.input ? round_up(plan.units_per_block * p.taps() * plan.unit_channels, 16) + vector_slack : 0;
    plan.tasks = plan.segment_groups * plan.unit_blocks;
    plan.join_tasks = plan.partials() ? plan.unit_blocks : 0;
    plan.shared_elements = plan.partials() ? plan.tasks * plan.partial_elements() : 0;
    plan.worker_elements = plan.partial_elements() + plan.weight_elements + round_up(plan.units_per_block, 16) +
                           round_up(plan.units_per_block * plan.state_elements, 16) +
                           round_up(plan.units_per_block * plan.bias_state_elements, 16) + plan.grad_output_elements +
                           plan.input_elements + plan.split_elements + plan.grad_input_elements;
    return plan;
}

DepthwiseWindow depthwise_input(const Conv2dProblem& p, const DepthwiseStrip& strip) {
    return {touched(strip.rows, p.padding_top, reach_y(p), p.stride_height),
            touched(strip.columns, p.padding_left, reach_x(p), p.stride_width)};
}

DepthwiseWindow depthwise_grad_input(const Conv2dProblem& p, const DepthwiseStrip& strip) {
    return {owned(strip.rows, p.out_height, p.in_height, p.stride_height),
            owned(strip.columns, p.out_width, p.in_width, p.stride_width)};
}

DepthwiseWindow depthwise_grad_output(const Conv2dProblem& p, const DepthwiseWindow& grad_input) {
    return {read(grad_input.rows, p.padding_top, reach_y(p), p.stride_height),
            read(grad_input.columns, p.padding_left, reach_x(p), p.stride_width)};
}

DepthwiseTaps depthwise_taps(std::int64_t at, std::int64_t padding, std::int64_t kernel, std::int64_t stride,
                             std::int64_t dilation) {
    const std::int64_t common = std::gcd(stride, dilation), step = stride / common, phase = (at + padding) % stride;
    std::int64_t first = 0;
    while (first < step && first * dilation % stride != phase) ++first;
    const std::int64_t count = first < step && first < kernel ? ceil_div(kernel - first, step) : 0;
    return {first, step, count, floor_div(at + padding - first * dilation, stride), dilation / common};
}

std::int64_t depthwise_row_step(const Conv2dProblem& p) { return std::lcm(p.stride_height, p.dilation_height); }

}  // namespace backgrad::plan
