#pragma once

#include "plan/conv2d_bias_plan.hpp"
#include "plan/conv2d_blocking.hpp"
#include "plan/conv2d_depthwise_plan.hpp"
#include "plan/conv2d_input_plan.hpp"
#include "plan/conv2d_problem.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "plan/task_order.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace backgrad::plan {

/// The task lists of the main phase, in the order in which interleave numbers them.
enum class MainTasks : std::int32_t { weight, bias, depthwise, input };

/// Elements of the partial sums, the packed weights and the counters, which lie one after the other in the shared part
/// of the workspace.
struct SharedMemory {
    std::int64_t weight_partials = 0, bias_partials = 0, packed_weights = 0, depthwise_partials = 0;
    std::int64_t tap_sums = 0;  ///< of a folding input gradient
    std::int64_t counters = 0;  ///< of Conv2dPlan

    std::int64_t partials() const { return weight_partials + bias_partials + depthwise_partials; }
    std::int64_t elements() const { return partials() + packed_weights + tap_sums + counters; }
};

/// The plan of a convolution's gradients, two phases: packing of the weights; sums of the gradients, where the last
/// partial sum of a block joins all of them. Each gradient's tasks walk over grad_output at the same pace.
struct Conv2dPlan {
    std::optional<Conv2dWeightPlan> weight;
    std::optional<Conv2dBiasPlan> bias;  ///< only where the weight gradient's tasks do not compute it
    std::optional<Conv2dInputPlan> input;
    std::optional<Conv2dDepthwisePlan> depthwise;  ///< takes the place of weight and input
    std::vector<OrderedTask> main_tasks;
    std::vector<OrderedTask> late_tasks;  ///< see put_input_last
    SharedMemory shared;
    std::int64_t worker_elements = 0;  ///< of one worker's scratch

    std::int64_t pack_tasks() const { return input ? input->pack_tasks : 0; }
    /// 32-bit counters of finished tasks, for the joining of partial sums, and of sums per tap: those of the weight,
    /// then of the bias, of the input and of a depthwise plan.
    std::int64_t weight_counters() const { return weight && weight->partials() ? weight->tasks : 0; }
    std::int64_t bias_counters() const { return bias ? bias->tasks : 0; }
    std::int64_t input_counters() const { return input ? input->counters : 0; }
    std::int64_t depthwise_counters() const { return depthwise && depthwise->partials() ? depthwise->tasks : 0; }
    std::int64_t counters() const {
        return weight_counters() + bias_counters() + input_counters() + depthwise_counters();
    }

    /// Whether grad_input goes past the caches where it can.
    void set_streaming(bool streaming) {
        if (depthwise) depthwise->streaming = streaming;
        if (input) input->streaming = streaming;
    }
};

/// What a plan must know about an ISA.
struct Conv2dTiles {
    RegisterTiles dense;
    DepthwiseTileLimits depthwise;
};

/// Plans the gradients that are asked for.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy);

/// Plans them with some things chosen. See conv2d_blockings.hpp.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy, const Conv2dBlocking& blocking);

/// As the first for a batch that comes `images` at a time: the input gradient is planned for so many, and the other
/// sums are continued. See conv2d_chunks.hpp.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy, std::int64_t images);

/// Moves the tasks of grad_input from the main tasks to late ones, which follow the joining of the other gradients. A
/// depthwise plan has no such tasks.
void put_input_last(Conv2dPlan& plan);

}  // namespace backgrad::plan
