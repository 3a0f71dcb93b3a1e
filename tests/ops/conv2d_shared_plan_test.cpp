// One plan, many host threads: each with its own workspace and gradients, all at once.
#include "ops/conv2d_shapes.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace backgrad::test {
namespace {

class Conv2dSharedPlan : public testing::TestWithParam<Backend> {};

TEST_P(Conv2dSharedPlan, ServesEightHostThreads) {
    constexpr int hosts = 8;
    const Conv2dShape shape = layer_kinds().front();
    const Conv2dBackwardOptions options{.strategy = {.backend = GetParam(), .threads = threads_for(GetParam(), 2)}};
    const Conv2dBackward<float> plan(shape, options);

    std::vector<std::unique_ptr<Conv2dBuffers<float>>> buffers;
    std::vector<oracle::Conv2dResult> expected;
    for (int host = 0; host < hosts; ++host) {
        auto& own = *buffers.emplace_back(std::make_unique<Conv2dBuffers<float>>(shape, options));
        std::mt19937_64 random(static_cast<std::uint64_t>(host));
        own.fill_inputs([&](Guarded<float>& tensor) { fill_integers(tensor, random); });
        expected.push_back(
            oracle::conv2d_backward(shape, options, own.grad_output.data(), own.input.data(), own.weight.data()));
    }

    std::atomic<int> waiting{hosts};  // all start together
    std::vector<std::thread> threads;
    for (int host = 0; host < hosts; ++host)
        threads.emplace_back([&, host] {
            GuardedWorkspace workspace(plan.workspace_bytes());
            waiting.fetch_sub(1);
            while (waiting.load() > 0) std::this_thread::yield();
            for (int repeat = 0; repeat < 5; ++repeat) plan.execute(buffers[host]->arguments(), workspace.data());
            EXPECT_TRUE(workspace.intact());
        });
    for (std::thread& thread : threads) thread.join();

    for (int host = 0; host < hosts; ++host) {
        EXPECT_TRUE(equal(expected[host].grad_input, buffers[host]->grad_input)) << "host thread " << host;
        EXPECT_TRUE(equal(expected[host].grad_weight, buffers[host]->grad_weight)) << "host thread " << host;
        EXPECT_TRUE(equal(expected[host].grad_bias, buffers[host]->grad_bias)) << "host thread " << host;
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, Conv2dSharedPlan, testing::ValuesIn(available_backends()),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
