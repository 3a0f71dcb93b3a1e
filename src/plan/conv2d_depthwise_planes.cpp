#include "plan/conv2d_depthwise_planes.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

constexpr std::int64_t most_taps = 9;        ///< whose sums fit the registers of every ISA
constexpr std::int64_t most_columns = 1024;  ///< wider rows would be cut into several segments

bool has_centre(std::int64_t kernel, std::int64_t padding, std::int64_t stride, std::int64_t dilation, std::int64_t in,
                std::int64_t out) {
    return kernel % 2 == 1 && (dilation == 1 || kernel == 1) && padding == kernel / 2 && out == ceil_div(in, stride);
}

/// Elements that exist from `begin` on, of those that half the lanes need.
void count_elements(std::int64_t begin, std::int64_t end, std::int64_t half, bool paired, std::int64_t (&elements)[2]) {
    elements[0] = std::clamp<std::int64_t>(end - begin, 0, half);
    elements[1] = paired ? elements[0] : std::clamp<std::int64_t>(end - begin - half, 0, half);
}

DepthwisePlaneColumns make_block(const Conv2dProblem& p, const DepthwisePlanesPlan& plan, std::int64_t origin,
                                 const Range& columns) {
    const std::int64_t lanes = plan.paired ? plan.lanes / 2 : plan.lanes;
    const auto bits = [&](std::int64_t lane) {
        return plan.paired ? (1U << lane) | (1U << (lane + lanes)) : 1U << lane;
    };
    DepthwisePlaneColumns block{
        origin, 0, std::vector<std::uint32_t>(static_cast<std::size_t>(p.kernel_width)), {}, {}};
    for (std::int64_t x = columns.begin; x < columns.end; ++x) block.own |= bits(x - origin);
    for (std::int64_t c = 0; c < p.kernel_width; ++c)
        for (std::int64_t x = columns.begin; x < columns.end; ++x) {
            const std::int64_t column = p.input_column(x, c);
            if (column >= 0 && column < p.in_width)
                block.taps[static_cast<std::size_t>(c)] |= bits(x + tap_column(p, c).shift - origin);
        }
    const std::int64_t half = plan.lanes / 2;
    count_elements(origin, p.out_width, half, plan.paired, block.grad_output_elements);
    count_elements(origin * p.stride_width, p.in_width, half * p.stride_width, plan.paired, block.input_elements);
    return block;
}

}  // namespace

bool works_on_planes(const Conv2dProblem& p) {
    return p.depthwise() && p.layout == Layout::nchw && p.taps() <= most_taps && p.stride_height == p.stride_width &&
           p.stride_height <= 2 && p.out_width <= most_columns &&
           has_centre(p.kernel_height, p.padding_top, p.stride_height, p.dilation_height, p.in_height, p.out_height) &&
           has_centre(p.kernel_width, p.padding_left, p.stride_width, p.dilation_width, p.in_width, p.out_width) &&
           p.grad_output_height == p.out_height && p.grad_output_width == p.out_width;
}

DepthwiseTapColumn tap_column(const Conv2dProblem& p, std::int64_t c) {
    const std::int64_t offset = c - p.kernel_width / 2;
    const std::int64_t phase = (offset + p.stride_width * p.kernel_width) % p.stride_width;
    return {phase, (offset - phase) / p.stride_width};
}

DepthwisePlanesPlan plan_planes(const Conv2dProblem& p, std::size_t element_bytes) {
    DepthwisePlanesPlan plan{};
    plan.lanes = static_cast<std::int64_t>(64 / element_bytes);
    plan.paired = p.batch > 1 && p.out_width <= plan.lanes / 2;
    const std::int64_t lanes = plan.paired ? plan.lanes / 2 : plan.lanes;
    const std::int64_t left = -tap_column(p, 0).shift, right = tap_column(p, p.kernel_width - 1).shift;
    // The first block begins at lane 0 and the last ends at the last lane, so that both lie in the row.
    for (std::int64_t begin = 0, end = 0; begin < p.out_width; begin = end) {
        std::int64_t origin = std::max<std::int64_t>(0, begin - left);
        if (origin + lanes >= p.out_width) {
            origin = std::max<std::int64_t>(0, p.out_width - lanes);
            end = p.out_width;
        } else {
            end = origin + lanes - right;
        }
        plan.blocks.push_back(make_block(p, plan, origin, {begin, end}));
    }
    return plan;
}

std::vector<DepthwisePlaneInputColumns> plan_input_planes(const Conv2dProblem& p, std::size_t element_bytes) {
    const std::int64_t lanes = static_cast<std::int64_t>(64 / element_bytes);
    const std::int64_t lowest = -(p.kernel_width / 2 / p.stride_width);
    const std::int64_t highest = (p.kernel_width / 2 + p.stride_width - 1) / p.stride_width;
    std::vector<DepthwisePlaneInputColumns> blocks;
    for (std::int64_t begin = 0, end = 0; begin < p.out_width; begin = end) {
        std::int64_t origin = std::max<std::int64_t>(0, begin + lowest);
        if (origin + lanes >= p.out_width) {
            origin = std::max<std::int64_t>(0, p.out_width - lanes);
            end = p.out_width;
        } else {
            end = origin + lanes - highest;
        }
        DepthwisePlaneInputColumns block{{begin, end}, origin, {}};
        for (std::int64_t distance = lowest; distance <= highest; ++distance) {
            std::uint32_t exists = 0;
            for (std::int64_t x = begin; x < end; ++x)
                if (x + distance >= 0 && x + distance < p.out_width) exists |= 1U << (x - begin);
            block.exists.push_back(exists);
        }
        blocks.push_back(block);
    }
    return blocks;
}

}  // namespace backgrad::plan
