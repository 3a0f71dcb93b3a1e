// Problems that are too small to gain by a team stay on the calling thread, unless a number of threads was asked for.
#include <backgrad/conv2d.hpp>
#include <backgrad/workspace.hpp>

#include "threads/environment.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace backgrad {
namespace {

Conv2dShape square(std::int64_t channels, std::int64_t size) {
    Conv2dShape shape{.in_channels = channels, .in_height = size, .in_width = size, .out_channels = channels};
    shape.kernel_height = shape.kernel_width = 3;
    return shape;
}

int threads_of(const Conv2dShape& shape, const Strategy& strategy) {
    return Conv2dBackward<float>(shape, {.strategy = strategy}).strategy().threads;
}

class SmallProblems : public testing::Test {
protected:
    test::ScopedEnvironment threads_{"BACKGRAD_NUM_THREADS", "3"};
};

TEST_F(SmallProblems, TakeOneThreadOfThoseThatThereAre) {
    EXPECT_EQ(threads_of(square(4, 8), {.backend = Backend::std_threads}), 1);
    EXPECT_EQ(threads_of(square(64, 56), {.backend = Backend::std_threads}), 3);
}

TEST_F(SmallProblems, TakeTheNumberThatIsAskedFor) {
    EXPECT_EQ(threads_of(square(4, 8), {.backend = Backend::std_threads, .threads = 2}), 2);
}

/// Counts the runs that it is lent for.
class CountingExecutor final : public Executor {
public:
    int workers() const noexcept override { return 2; }
    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count > 0) ++runs;
        for (std::int64_t task = 0; task < task_count; ++task) body(task, static_cast<int>(task % 2));
    }
    int runs = 0;
};

TEST_F(SmallProblems, GoToTheCallersExecutorAllTheSame) {
    CountingExecutor executor;
    const Conv2dShape shape = square(4, 8);
    const Conv2dBackward<float> plan(shape, {.strategy = {.executor = &executor}});
    const std::vector<float> input(4 * 8 * 8, 1), weight(4 * 4 * 9, 1), grad_output(4 * 6 * 6, 1);
    std::vector<float> grad_input(input.size()), grad_weight(weight.size()), grad_bias(4);
    const Workspace workspace(plan.workspace_bytes());
    plan.execute(
        {grad_output.data(), input.data(), weight.data(), grad_input.data(), grad_weight.data(), grad_bias.data()},
        workspace.data());
    EXPECT_GE(executor.runs, 1);
    EXPECT_EQ(grad_bias[0], 36);
}

}  // namespace
}  // namespace backgrad
