// The block against the oracles of its parts, and bit for bit against the three separate operations.
#include "ops/conv2d_shapes.hpp"
#include "oracle/activation.hpp"
#include "support/block_buffers.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};

BlockShape with_pool(BlockShape shape, BlockPool pool, std::int64_t window, std::int64_t stride, std::int64_t padding) {
    shape.pool = pool;
    shape.pool_window_height = shape.pool_window_width = window;
    shape.pool_stride_height = shape.pool_stride_width = stride;
    shape.pool_padding_top = shape.pool_padding_bottom = shape.pool_padding_left = shape.pool_padding_right = padding;
    return shape;
}

/// The poolings that follow a convolution in turn: none, from every source, overlapping windows, with padding.
struct Ending {
    BlockPool pool;
    std::int64_t window, stride, padding;
    MaxPoolSource source = MaxPoolSource::plane_indices;
    AveragePadding average = AveragePadding::exclude;
};
constexpr Ending endings[] = {
    {BlockPool::max, 2, 2, 0},
    {BlockPool::none, 1, 1, 0},
    {BlockPool::max, 3, 2, 1, MaxPoolSource::input},
    {BlockPool::average, 2, 2, 0},
    {BlockPool::max, 2, 1, 1, MaxPoolSource::window_offsets},
    {BlockPool::average, 3, 1, 1, MaxPoolSource::plane_indices, AveragePadding::include},
    {BlockPool::average, 3, 2, 1},
};

struct Middle {
    Activation activation;
    ActivationSource source;
};
constexpr Middle middles[] = {
    {Activation::relu, ActivationSource::input},        {Activation::tanh, ActivationSource::output},
    {Activation::linear, ActivationSource::input},      {Activation::gelu_erf, ActivationSource::input},
    {Activation::leaky_relu, ActivationSource::output}, {Activation::silu, ActivationSource::input}};

/// Convolutions of every kind of plan, and batches of several segments of several images.
std::vector<Conv2dShape> convolutions() {
    std::vector<Conv2dShape> shapes = layer_kinds();
    for (const Conv2dShape& shape : rotated_kernel_shapes()) shapes.push_back(shape);
    Conv2dShape small{.batch = 23, .in_channels = 32, .in_height = 7, .in_width = 6, .out_channels = 33};
    shapes.push_back(small);
    small.kernel_height = small.kernel_width = 3;
    small.padding_top = small.padding_left = small.padding_bottom = 1;
    shapes.push_back(small);
    Conv2dShape few{.batch = 7, .in_channels = 2, .in_height = 41, .in_width = 43, .out_channels = 5};
    few.kernel_height = few.kernel_width = 5;
    shapes.push_back(few);
    few.batch = 45;
    few.in_height = few.in_width = 17;
    shapes.push_back(few);
    return shapes;
}

/// A block with random reals, and what the three operations make of it.
template <class T>
class Subject {
public:
    Subject(const BlockShape& shape, const BlockBackwardOptions& options)
        : shape_(shape), options_(options), expected_(shape, options), actual_(shape, options) {
        for (BlockBuffers<T>* buffers : {&expected_, &actual_}) {
            std::mt19937_64 random(seed_of(describe(shape.convolution)));
            buffers->fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, random); });
        }
    }

    /// The separate operations and the block under one strategy and all chunk sizes.
    void check(const Strategy& strategy, const Conv2dGradients& gradients, WriteMode mode) {
        BlockBackwardOptions options = options_;
        options.convolution.strategy = strategy;
        options.convolution.gradients = gradients;
        options.convolution.grad_input_mode = options.convolution.grad_weight_mode =
            options.convolution.grad_bias_mode = mode;
        expected_.prepare(T(0.5));
        execute_separately(shape_, options, expected_);
        for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{40'000}, std::int64_t{0}}) {
            options.chunk_bytes = bytes;
            SCOPED_TRACE(describe(shape_, options));
            actual_.prepare(T(0.5));
            execute_block(shape_, options, actual_);
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

/// Endings and activations in turn, so that many of their combinations are met.
class Turns {
public:
    BlockShape shape(const Conv2dShape& convolution) const {
        const Ending& ending = endings[turn_ % std::size(endings)];
        const BlockShape shape{.convolution = convolution};
        const Pool2dShape pooling = shape.pooling();
        // Windows that fit nowhere are legal and tested elsewhere.
        if (std::min(pooling.in_height, pooling.in_width) < ending.window) return shape;
        return with_pool(shape, ending.pool, ending.window, ending.stride, ending.padding);
    }
    BlockBackwardOptions options(const Conv2dShape& convolution, Layout layout) const {
        const Ending& ending = endings[turn_ % std::size(endings)];
        const Middle& middle = middles[turn_ % std::size(middles)];
        BlockBackwardOptions options;
        options.convolution.layout = layout;
        if (convolution.out_height >= 0) options.convolution.input_gradient = InputGradient::rotated_kernel;
        options.activation = middle.activation;
        options.activation_source = middle.source;
        options.max_pool_source = ending.source;
        options.average_padding = ending.average;
        return options;
    }
    void next() { ++turn_; }

private:
    std::size_t turn_ = 0;
};

template <class T>
void check_bits(const Conv2dShape& convolution, Layout layout, const Turns& turns) {
    Subject<T> subject(turns.shape(convolution), turns.options(convolution, layout));
    int turn = 0;
    for (const Isa isa : available_isas())
        for (const Backend backend : available_backends())
            for (const int threads : thread_counts(backend, {1, 3})) {
                const WriteMode mode = turn % 3 == 1 ? WriteMode::accumulate : WriteMode::overwrite;
                subject.check({.backend = backend, .threads = threads, .isa = isa},
                              turn % 2 == 0 ? Conv2dGradients{} : subset(1 + turn / 2 % 7), mode);
                ++turn;
                if (testing::Test::HasFailure()) return;
            }
}

class BlockBits : public testing::TestWithParam<Layout> {};

TEST_P(BlockBits, AreThoseOfTheSeparateOperations) {
    Turns turns;
    const std::size_t repeats = small_scale() ? 1 : 3;
    for (std::size_t repeat = 0; repeat < repeats; ++repeat, turns.next())
        for (const Conv2dShape& convolution : convolutions()) {
            check_bits<float>(convolution, GetParam(), turns);
            check_bits<double>(convolution, GetParam(), turns);
            if (HasFailure()) return;
            turns.next();
        }
}

TEST_P(BlockBits, DoNotDependOnPartitionOrReduction) {
    Turns turns;
    for (const Conv2dShape& convolution : layer_kinds()) {
        Subject<float> subject(turns.shape(convolution), turns.options(convolution, GetParam()));
        for (const Name<Partition>& partition : names<Partition>)
            for (const Name<Reduction>& reduction : names<Reduction>)
                subject.check({.threads = 3, .partition = partition.value, .reduction = reduction.value}, {},
                              WriteMode::overwrite);
        if (HasFailure()) return;
        turns.next();
    }
}

/// Whole numbers, a pooling that does not divide and ReLU make every value exact.
TEST_P(BlockBits, EqualTheOracles) {
    for (const Conv2dShape& convolution : convolutions()) {
        const BlockShape plain{.convolution = convolution};
        const Pool2dShape sizes = plain.pooling();
        const bool pools = std::min(sizes.in_height, sizes.in_width) >= 2;
        const BlockShape shape = pools ? with_pool(plain, BlockPool::max, 2, 2, 0) : plain;
        BlockBackwardOptions options;
        options.convolution.layout = GetParam();
        if (convolution.out_height >= 0) options.convolution.input_gradient = InputGradient::rotated_kernel;
        options.chunk_bytes = 1;
        SCOPED_TRACE(describe(shape, options));
        BlockBuffers<float> buffers(shape, options);
        std::mt19937_64 random(seed_of(describe(convolution)));
        buffers.fill_inputs([&](Guarded<float>& tensor) { fill_integers(tensor, random); });
        std::vector<double> gradient(buffers.grad_output.begin(), buffers.grad_output.end());
        if (pools)
            gradient = oracle::max_pool2d_backward(buffers.pooling, buffers.layout, buffers.grad_output.data(),
                                                   buffers.pool_input.data());
        std::vector<float> activated(gradient.begin(), gradient.end());
        const auto output_gradient =
            oracle::activation_backward(static_cast<std::int64_t>(activated.size()), {}, activated.data(),
                                        static_cast<const float*>(buffers.activation_source.data()));
        const std::vector<float> rounded(output_gradient.begin(), output_gradient.end());
        const oracle::Conv2dResult expected = oracle::conv2d_backward(convolution, options.convolution, rounded.data(),
                                                                      buffers.input.data(), buffers.weight.data());
        execute_block(shape, options, buffers);
        EXPECT_TRUE(equal(expected.grad_input, buffers.grad_input)) << "grad_input";
        EXPECT_TRUE(equal(expected.grad_weight, buffers.grad_weight)) << "grad_weight";
        EXPECT_TRUE(equal(expected.grad_bias, buffers.grad_bias)) << "grad_bias";
        if (HasFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Layouts, BlockBits, testing::ValuesIn(layouts),
                         [](const auto& info) { return std::string(name(info.param)); });

/// What the separate operations do with a batch of none, an output of none, and windows that fit nowhere.
TEST(BlockEdges, AreThoseOfTheSeparateOperations) {
    Conv2dShape none{.batch = 0, .in_channels = 3, .in_height = 9, .in_width = 9, .out_channels = 4};
    Conv2dShape nothing{.batch = 2, .in_channels = 3, .in_height = 2, .in_width = 2, .out_channels = 4};
    nothing.kernel_height = 3;
    const Conv2dShape tiny{.batch = 2, .in_channels = 3, .in_height = 2, .in_width = 2, .out_channels = 4};
    for (const Layout layout : layouts)
        for (const Conv2dShape& convolution : {none, nothing, tiny})
            for (const BlockPool pool : {BlockPool::max, BlockPool::average}) {
                BlockBackwardOptions options;
                options.convolution.layout = layout;
                Subject<float>(with_pool({.convolution = convolution}, pool, 3, 1, 0), options)
                    .check({.threads = 2}, {}, WriteMode::overwrite);
            }
}

/// Small chunks hold less at a time, and the workspace shows it.
TEST(BlockChunks, BoundTheWorkspace) {
    Conv2dShape convolution{.batch = 64, .in_channels = 8, .in_height = 32, .in_width = 32, .out_channels = 16};
    convolution.kernel_height = convolution.kernel_width = 3;
    const BlockShape shape = with_pool({.convolution = convolution}, BlockPool::max, 2, 2, 0);
    BlockBackwardOptions options;
    options.chunk_bytes = 1;
    const BlockBackward<float> small(shape, options);
    options.chunk_bytes = 1 << 30;
    const BlockBackward<float> whole(shape, options);
    EXPECT_LT(small.chunk_images(), 64);
    EXPECT_EQ(whole.chunk_images(), 64);
    EXPECT_LT(small.workspace_bytes(), whole.workspace_bytes());
}

}  // namespace
}  // namespace backgrad::test
