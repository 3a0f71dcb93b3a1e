#include "first_touch.hpp"

#include "cell.hpp"
#include "problem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace backgrad::bench {
namespace {

/// Runs tasks in reverse and notes them.
class Noting final : public Executor {
public:
    int workers() const noexcept override { return 3; }
    void run(std::int64_t task_count, TaskBody body) noexcept override {
        ++runs;
        tasks = task_count;
        for (std::int64_t task = task_count; task-- > 0;) body(task, 0);
    }
    int runs = 0;
    std::int64_t tasks = 0;
};

TEST(FirstTouch, EachWorkerWritesItsShareOfAllBytes) {
    std::vector<char> bytes(1003, 'x');
    Noting executor;
    first_touch(bytes.data(), 1001, executor);
    EXPECT_EQ(executor.tasks, 3);
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + 1001, [](char byte) { return byte == 0; }));
    EXPECT_EQ(bytes[1001], 'x');
}

TEST(FirstTouch, MeasuredThreadsWriteEveryTensorOfAProblem) {
    Cell cell;
    cell.operation = Operation::conv2d_backward;
    cell.shape.values = {1, 1, 2, 4, 4, 3, 3, 3, 1, 1, 1};
    Noting executor;
    const Problem<float> problem(cell, &executor);
    EXPECT_EQ(executor.runs, 6) << "grad_output, input, weight and three gradients";
}

TEST(FirstTouch, TheThreadsAreThoseThatAreMeasured) {
    Cell cell;
    cell.variant = "std";
    cell.threads = 3;
    EXPECT_EQ(measured_threads(cell)->workers(), 3);
    cell.threads = 1;
    EXPECT_EQ(measured_threads(cell), nullptr);
}

}  // namespace
}  // namespace backgrad::bench
