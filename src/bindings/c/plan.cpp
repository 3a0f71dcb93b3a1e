#include "bindings/c/plan.hpp"

using namespace backgrad::c;

size_t backgrad_plan_workspace_bytes(const backgrad_plan* plan) {
    return plan == nullptr ? 0 : plan->workspace_bytes();
}

backgrad_status backgrad_plan_strategy(const backgrad_plan* plan, backgrad_strategy* strategy) {
    return guarded([&] { required(strategy, "strategy") = strategy_to_c(required(plan, "plan").strategy()); });
}

void backgrad_plan_destroy(backgrad_plan* plan) { delete plan; }
