#pragma once

#include <backgrad/backgrad.h>
#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>

/// A pool behind a C function is an executor like any other.
struct backgrad_executor final : backgrad::CallbackExecutor {
    using CallbackExecutor::CallbackExecutor;
};

namespace backgrad::c {

/// Throws Error for values that are no enumerators.
Strategy strategy_from_c(const backgrad_strategy& strategy);

/// The executor of the strategy, if any, came from C.
backgrad_strategy strategy_to_c(const Strategy& strategy) noexcept;

}  // namespace backgrad::c
