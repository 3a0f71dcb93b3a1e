// Strategies in C: by enumerator, by name, and with the caller's thread pool.
#include "bindings/c_api.hpp"

#include <backgrad/workspace.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace backgrad::test {
namespace {

TEST(CStrategy, FieldsAreSetByName) {
    backgrad_strategy strategy{};
    ASSERT_EQ(backgrad_strategy_set(&strategy, "backend", "std"), BACKGRAD_OK);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "threads", "3"), BACKGRAD_OK);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "partition", "channel"), BACKGRAD_OK);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "schedule", "dynamic:4"), BACKGRAD_OK);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "reduction", "owner"), BACKGRAD_OK);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "isa", "scalar"), BACKGRAD_OK);
    EXPECT_EQ(strategy.backend, BACKGRAD_BACKEND_STD);
    EXPECT_EQ(strategy.threads, 3);
    EXPECT_EQ(strategy.partition, BACKGRAD_PARTITION_CHANNEL);
    EXPECT_EQ(strategy.schedule, BACKGRAD_SCHEDULE_DYNAMIC);
    EXPECT_EQ(strategy.chunk, 4);
    EXPECT_EQ(strategy.reduction, BACKGRAD_REDUCTION_OWNER);
    EXPECT_EQ(strategy.isa, BACKGRAD_ISA_SCALAR);
    ASSERT_EQ(backgrad_strategy_set(&strategy, "threads", "auto"), BACKGRAD_OK);
    EXPECT_EQ(strategy.threads, 0);
}

TEST(CStrategy, UnknownFieldsAndWordsAreRefused) {
    backgrad_strategy strategy{};
    EXPECT_EQ(backgrad_strategy_set(&strategy, "colour", "red"), BACKGRAD_INVALID_ARGUMENT);
    for (const char* const threads : {"0", "-1", "two", "2x", ""}) {
        EXPECT_EQ(backgrad_strategy_set(&strategy, "threads", threads), BACKGRAD_INVALID_ARGUMENT) << threads;
    }
    EXPECT_EQ(backgrad_strategy_set(&strategy, "schedule", "dynamic:0"), BACKGRAD_INVALID_ARGUMENT);
}

TEST(CStrategy, NamesAreThoseOfTheEnvironment) {
    EXPECT_STREQ(backgrad_backend_name(BACKGRAD_BACKEND_OPENMP), "openmp");
    EXPECT_STREQ(backgrad_partition_name(BACKGRAD_PARTITION_BATCH_CHANNEL), "batch_channel");
    EXPECT_STREQ(backgrad_schedule_name(BACKGRAD_SCHEDULE_TBB_SIMPLE), "simple");
    EXPECT_STREQ(backgrad_reduction_name(BACKGRAD_REDUCTION_PARTIALS), "partials");
    EXPECT_STREQ(backgrad_isa_name(BACKGRAD_ISA_AVX512), "avx512");
}

TEST(CStrategy, APlanTellsWhatItChose) {
    backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    options.strategy.backend = BACKGRAD_BACKEND_STD;
    options.strategy.threads = 2;
    options.strategy.isa = BACKGRAD_ISA_SCALAR;
    const backgrad_conv2d_shape shape = backgrad_conv2d_default_shape();
    OwnedPlan owned;
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &shape, &options), BACKGRAD_OK);
    backgrad_strategy strategy{};
    ASSERT_EQ(backgrad_plan_strategy(owned.plan, &strategy), BACKGRAD_OK);
    EXPECT_EQ(strategy.backend, BACKGRAD_BACKEND_STD);
    EXPECT_EQ(strategy.threads, 2);
    EXPECT_EQ(strategy.schedule, BACKGRAD_SCHEDULE_STATIC);
    EXPECT_EQ(strategy.isa, BACKGRAD_ISA_SCALAR);
    EXPECT_EQ(strategy.executor, nullptr);
}

/// Runs the tasks in reverse, under the last worker number, and counts them.
struct ReversePool {
    std::int64_t tasks = 0;

    static void parallel_for(void* pool, std::int64_t task_count, backgrad_task task, void* context) {
        static_cast<ReversePool*>(pool)->tasks += task_count;
        for (std::int64_t t = task_count; t-- > 0;) task(context, t, 2);
    }
};

/// grad_weight of a small convolution under a strategy.
std::vector<float> grad_weight(const backgrad_strategy& strategy) {
    backgrad_conv2d_shape shape = backgrad_conv2d_default_shape();
    shape.batch = 4;
    shape.in_channels = 8;
    shape.in_height = shape.in_width = 20;
    shape.out_channels = 24;
    shape.kernel_height = shape.kernel_width = 3;
    backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    options.compute_grad_input = options.compute_grad_bias = 0;
    options.strategy = strategy;
    const std::vector<float> grad_output = numbers<float>(4 * 24 * 18 * 18, 1),
                             input = numbers<float>(4 * 8 * 20 * 20, 2);
    std::vector<float> result(24 * 8 * 3 * 3);
    OwnedPlan owned;
    EXPECT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &shape, &options), BACKGRAD_OK);
    const Workspace workspace(backgrad_plan_workspace_bytes(owned.plan));
    backgrad_conv2d_backward_arguments arguments{};
    arguments.grad_output = grad_output.data();
    arguments.input = input.data();
    arguments.grad_weight = result.data();
    EXPECT_EQ(backgrad_conv2d_backward_execute(owned.plan, &arguments, workspace.data()), BACKGRAD_OK);
    return result;
}

TEST(CStrategy, TheCallersPoolRunsEveryTaskAndGivesTheSameBits) {
    ReversePool pool;
    backgrad_executor* executor = nullptr;
    ASSERT_EQ(backgrad_executor_create(&executor, ReversePool::parallel_for, &pool, 3), BACKGRAD_OK);
    backgrad_strategy callers{}, serial{};
    callers.executor = executor;
    serial.backend = BACKGRAD_BACKEND_SERIAL;
    EXPECT_EQ(grad_weight(callers), grad_weight(serial));
    EXPECT_GT(pool.tasks, 0);
    backgrad_executor_destroy(executor);
}

TEST(CStrategy, APoolNeedsAFunctionAndAWorker) {
    backgrad_executor* executor = nullptr;
    EXPECT_EQ(backgrad_executor_create(&executor, nullptr, nullptr, 1), BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(backgrad_executor_create(&executor, ReversePool::parallel_for, nullptr, 0), BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(executor, nullptr);
}

TEST(CVersion, IsTheProjects) { EXPECT_STREQ(backgrad_version(), BACKGRAD_PROJECT_VERSION); }

}  // namespace
}  // namespace backgrad::test
