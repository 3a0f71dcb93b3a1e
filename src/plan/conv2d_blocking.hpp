#pragma once

#include "plan/conv2d_depthwise_plan.hpp"
#include "plan/conv2d_input_plan.hpp"
#include "plan/conv2d_weight_plan.hpp"

#include <optional>

namespace backgrad::plan {

struct WeightBlocking {
    WeightWay way;
    WeightCut cut;
};

struct InputBlocking {
    InputWay way;
    InputCut cut;
};

/// What a plan of a convolution chooses by its cost models and rules. What is left open, they choose.
struct Conv2dBlocking {
    std::optional<WeightBlocking> weight;
    std::optional<InputBlocking> input;
    std::optional<DepthwiseWay> depthwise;

    /// Whether anything is.
    bool chosen() const { return weight || input || depthwise; }
};

}  // namespace backgrad::plan
