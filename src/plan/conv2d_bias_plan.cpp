#include "plan/conv2d_bias_plan.hpp"

#include <algorithm>

namespace backgrad::plan {

Conv2dBiasPlan plan_bias(const Conv2dProblem& p, std::size_t element_bytes, const Strategy& strategy) {
    Conv2dProblem whole = p;
    whole.out_height = p.grad_output_height;
    whole.out_width = p.grad_output_width;
    Conv2dBiasPlan plan{};
    const LaneFamily family = weight_family(p, element_bytes);
    plan.segments = weight_segments(whole, family, element_bytes);
    plan.passes = weight_passes(whole, family, plan.segments);
    plan.segment_groups = segment_groups(p, element_bytes, plan.segments, strategy);
    const std::int64_t wanted =
        ceil_div(2 * std::max(1, strategy.threads), plan.segment_groups * std::max<std::int64_t>(1, p.groups));
    plan.channel_blocks = std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, ceil_div(p.out_channels, 16)));
    plan.channels_per_block = ceil_div(p.out_channels, plan.channel_blocks);
    plan.tasks = p.groups * plan.segment_groups * plan.channel_blocks;
    plan.worker_elements = round_up(plan.channels_per_block * static_cast<std::int64_t>(64 / element_bytes), 16);
    plan.shared_elements = plan.tasks * plan.partial_elements();
    return plan;
}

}  // namespace backgrad::plan
