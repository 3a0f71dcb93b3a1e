// Failures of the C API: a status, a message that names the argument, and nothing written.
#include "bindings/c_api.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace backgrad::test {
namespace {

const backgrad_conv2d_shape one_pixel = backgrad_conv2d_default_shape();

/// The call was refused, and the message starts with the argument's name.
void expect_refused(backgrad_status status, const std::string& argument) {
    EXPECT_EQ(status, BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(backgrad_last_error()).rfind(argument + ": expected ", 0), 0U) << backgrad_last_error();
}

TEST(CErrors, NullPointersAreRefused) {
    OwnedPlan owned;
    expect_refused(backgrad_conv2d_backward_create(nullptr, BACKGRAD_F32, &one_pixel, nullptr), "plan");
    expect_refused(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, nullptr, nullptr), "shape");
    EXPECT_EQ(owned.plan, nullptr);
    expect_refused(backgrad_conv2d_backward_execute(nullptr, nullptr, nullptr), "plan");
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &one_pixel, nullptr), BACKGRAD_OK);
    expect_refused(backgrad_conv2d_backward_execute(owned.plan, nullptr, nullptr), "arguments");
    expect_refused(backgrad_plan_strategy(owned.plan, nullptr), "strategy");
    expect_refused(backgrad_strategy_set(nullptr, "threads", "1"), "strategy");
    expect_refused(backgrad_executor_create(nullptr, nullptr, nullptr, 1), "executor");
    EXPECT_EQ(backgrad_plan_workspace_bytes(nullptr), 0U);
    backgrad_plan_destroy(nullptr);
    backgrad_executor_destroy(nullptr);
}

TEST(CErrors, ArgumentsOfTheCppApiKeepTheirNames) {
    OwnedPlan owned;
    backgrad_conv2d_shape shape = one_pixel;
    shape.stride_height = 0;
    expect_refused(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &shape, nullptr), "stride_height");
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &one_pixel, nullptr), BACKGRAD_OK);
    const backgrad_conv2d_backward_arguments nothing{};
    expect_refused(backgrad_conv2d_backward_execute(owned.plan, &nothing, nullptr), "grad_output");
}

TEST(CErrors, ValuesThatAreNoEnumeratorsAreRefused) {
    OwnedPlan owned;
    const auto no_dtype = static_cast<backgrad_dtype>(7);
    expect_refused(backgrad_conv2d_backward_create(&owned.plan, no_dtype, &one_pixel, nullptr), "dtype");
    backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    options.layout = static_cast<backgrad_layout>(2);
    expect_refused(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &one_pixel, &options), "options.layout");
    options = backgrad_conv2d_backward_default_options();
    options.strategy.backend = static_cast<backgrad_backend>(6);
    expect_refused(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &one_pixel, &options),
                   "strategy.backend");
    EXPECT_EQ(owned.plan, nullptr);
    EXPECT_STREQ(backgrad_backend_name(static_cast<backgrad_backend>(6)), "unknown");
}

TEST(CErrors, PlansOfAnotherOperationAreRefused) {
    OwnedPlan owned;
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &one_pixel, nullptr), BACKGRAD_OK);
    const float one = 1;
    float result = 5;
    const backgrad_avg_pool2d_backward_arguments arguments{&one, &result};
    expect_refused(backgrad_avg_pool2d_backward_execute(owned.plan, &arguments), "plan");
    EXPECT_STREQ(backgrad_last_error(), "plan: expected a plan of avg_pool2d_backward, got one of conv2d_backward");
    EXPECT_EQ(result, 5);
}

TEST(CErrors, MessagesBelongToTheThread) {
    expect_refused(backgrad_strategy_set(nullptr, "threads", "1"), "strategy");
    std::thread([] {
        EXPECT_STREQ(backgrad_last_error(), "");
        expect_refused(backgrad_executor_create(nullptr, nullptr, nullptr, 1), "executor");
    }).join();
    EXPECT_EQ(std::string(backgrad_last_error()).rfind("strategy:", 0), 0U);
}

TEST(CErrors, LongMessagesAreCutNotLost) {
    backgrad_strategy strategy{};
    const std::string word(5000, 'x');
    expect_refused(backgrad_strategy_set(&strategy, "backend", word.c_str()), "backend");
    EXPECT_LT(std::string(backgrad_last_error()).size(), 5000U);
}

}  // namespace
}  // namespace backgrad::test
