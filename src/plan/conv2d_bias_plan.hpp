#pragma once

#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::plan {

/// The bias gradient where it is computed without the weight gradient: the same segments and segment groups, so the
/// same bits. One task = (convolution group, segment group, channel block).
struct Conv2dBiasPlan {
    Segments segments;
    Passes passes;
    std::int64_t segment_groups, channel_blocks, channels_per_block, tasks;
    std::int64_t worker_elements, shared_elements;

    Range segment_group(std::int64_t group) const { return share(segments.count, segment_groups, group); }
    Range channel_block(const Conv2dProblem& p, std::int64_t block) const {
        return share(p.out_channels, channel_blocks, block);
    }
    std::int64_t blocks() const { return channel_blocks; }
    std::int64_t segment_group_of(std::int64_t task) const { return task / channel_blocks % segment_groups; }
    std::int64_t partial_elements() const { return round_up(channels_per_block, 16); }
};

Conv2dBiasPlan plan_bias(const Conv2dProblem& problem, std::size_t element_bytes, const Strategy& strategy);

}  // namespace backgrad::plan
