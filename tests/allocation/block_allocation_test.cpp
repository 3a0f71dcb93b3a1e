// Execution of a block allocates nothing.
#include "allocation/counting_new.hpp"
#include "support/block_buffers.hpp"
#include "support/strategies.hpp"

#include <backgrad/names.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace backgrad::test {
namespace {

class BlockAllocation : public testing::TestWithParam<Backend> {};

TEST_P(BlockAllocation, IsNoneInExecution) {
    BlockShape shape{.convolution = {.batch = 5,
                                     .in_channels = 20,
                                     .in_height = 18,
                                     .in_width = 20,
                                     .out_channels = 33,
                                     .kernel_height = 3,
                                     .kernel_width = 3,
                                     .padding_top = 1,
                                     .padding_left = 1},
                     .pool_window_height = 2,
                     .pool_window_width = 2};
    for (const BlockPool pool : {BlockPool::none, BlockPool::max, BlockPool::average})
        for (const Layout layout : {Layout::nchw, Layout::nhwc})
            for (const Isa isa : available_isas()) {
                shape.pool = pool;
                BlockBackwardOptions options;
                options.convolution.layout = layout;
                options.convolution.strategy = {
                    .backend = GetParam(), .threads = threads_for(GetParam(), 2), .isa = isa};
                options.chunk_bytes = 1;
                BlockBuffers<float> buffers(shape, options);
                buffers.fill_inputs([](Guarded<float>& tensor) { std::fill(tensor.begin(), tensor.end(), 1.0F); });
                const BlockBackward<float> plan(shape, options);
                ASSERT_LT(plan.chunk_images(), shape.convolution.batch);
                GuardedWorkspace workspace(plan.workspace_bytes());
                const BlockBackwardArguments<float> arguments = buffers.arguments();
                plan.execute(arguments, workspace.data());  // a runtime may set itself up on its first use
                const std::int64_t before = allocation_count();
                for (int repeat = 0; repeat < 3; ++repeat) plan.execute(arguments, workspace.data());
                EXPECT_EQ(allocation_count(), before);
            }
}

INSTANTIATE_TEST_SUITE_P(Backends, BlockAllocation, testing::ValuesIn(available_backends()),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
