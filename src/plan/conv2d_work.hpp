#pragma once

#include "plan/conv2d_plan.hpp"
#include "plan/work.hpp"

namespace backgrad::plan {

/// The work of a convolution's plan by the cost models that chose its blocks.
Work conv2d_work(const Conv2dProblem& problem, const Conv2dPlan& plan, const RegisterTiles& tiles,
                 std::size_t element_bytes);

}  // namespace backgrad::plan
