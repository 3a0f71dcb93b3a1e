// Blocks: the same bits by every back end, thread count, schedule and vector ISA, run after run. That they are those of
// the separate operations is in block_test.cpp.
#include "ops/conv2d_shapes.hpp"
#include "support/block_buffers.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace backgrad::test {
namespace {

/// A block with random reals, and its gradients as one thread computes them with the first vector ISA.
template <class T>
class Subject {
public:
    Subject(const BlockShape& shape, const BlockBackwardOptions& options)
        : shape_(shape), options_(options), expected_(shape, options), actual_(shape, options) {
        for (BlockBuffers<T>* buffers : {&expected_, &actual_}) {
            std::mt19937_64 random(seed_of(describe(shape.convolution)));
            buffers->fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, random); });
        }
        options_.convolution.strategy = {.backend = Backend::serial, .threads = 1, .isa = vector_isas().front()};
        execute_block(shape_, options_, expected_);
    }

    /// One plan under a strategy, executed `repeats` times.
    void check(const Strategy& strategy, int repeats) {
        options_.convolution.strategy = strategy;
        SCOPED_TRACE(describe(shape_, options_));
        const BlockBackward<T> plan(shape_, options_);
        GuardedWorkspace workspace(plan.workspace_bytes());
        for (int repeat = 0; repeat < repeats && !testing::Test::HasFailure(); ++repeat) {
            actual_.prepare(T(-3));
            workspace.reset();
            plan.execute(actual_.arguments(), workspace.data());
            EXPECT_TRUE(same_bits(expected_.grad_input, actual_.grad_input)) << "grad_input";
            EXPECT_TRUE(same_bits(expected_.grad_weight, actual_.grad_weight)) << "grad_weight";
            EXPECT_TRUE(same_bits(expected_.grad_bias, actual_.grad_bias)) << "grad_bias";
        }
    }

private:
    BlockShape shape_;
    BlockBackwardOptions options_;
    BlockBuffers<T> expected_, actual_;
};

BlockShape with_pool(const Conv2dShape& convolution, BlockPool pool, std::int64_t window, std::int64_t stride) {
    BlockShape shape{.convolution = convolution};
    shape.pool = pool;
    shape.pool_window_height = shape.pool_window_width = window;
    shape.pool_stride_height = shape.pool_stride_width = stride;
    return shape;
}

Conv2dShape convolution(std::int64_t batch, std::int64_t in_channels, std::int64_t size, std::int64_t out_channels) {
    Conv2dShape shape{.batch = batch,
                      .in_channels = in_channels,
                      .in_height = size,
                      .in_width = size + 1,
                      .out_channels = out_channels};
    shape.kernel_height = shape.kernel_width = 3;
    shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 1;
    return shape;
}

struct BlockCase {
    BlockShape shape;
    Activation activation;
};

/// Channels as lanes, a folded input gradient, and depthwise; every pooling.
std::vector<BlockCase> cases() {
    Conv2dShape depthwise = convolution(5, 18, 11, 18);
    depthwise.groups = 18;
    return {{with_pool(convolution(5, 16, 10, 33), BlockPool::max, 3, 2), Activation::relu},
            {with_pool(convolution(3, 2, 17, 40), BlockPool::average, 2, 2), Activation::gelu_erf},
            {with_pool(depthwise, BlockPool::none, 1, 1), Activation::silu}};
}

class BlockStrategies : public testing::TestWithParam<Layout> {
protected:
    void SetUp() override {
        if (vector_isas().empty()) GTEST_SKIP() << "the promise is about the vector ISAs, this machine has none";
    }

    /// In chunks of a few images, whose tasks go on with each other's sums.
    template <class T>
    static void check_case(const BlockCase& block, int repeats) {
        BlockBackwardOptions options;
        options.convolution.layout = GetParam();
        options.activation = block.activation;
        options.chunk_bytes = 40'000;
        Subject<T> subject(block.shape, options);
        for_each_equal_strategy(
            HasFailure, [&](const Strategy& strategy) { subject.check(strategy, small_scale() ? 2 : repeats); });
    }
};

TEST_P(BlockStrategies, GiveFloatsTheSameBits) {
    for (const BlockCase& block : cases()) check_case<float>(block, 20);
}

TEST_P(BlockStrategies, GiveDoublesTheSameBits) {
    for (const BlockCase& block : cases()) check_case<double>(block, 20);
}

INSTANTIATE_TEST_SUITE_P(Layouts, BlockStrategies, testing::Values(Layout::nchw, Layout::nhwc),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
