// A block through C: every option reaches the C++ plan, so that the bits are the same.
#include "bindings/c_api.hpp"

#include <backgrad/block.hpp>
#include <backgrad/workspace.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// Every field of the pooling has a value of its own, so that no two can be mixed up unnoticed.
constexpr BlockShape shape{
    .convolution = {.batch = 3, .in_channels = 4, .in_height = 19, .in_width = 23, .out_channels = 5},
    .pool = BlockPool::max,
    .pool_window_height = 4,
    .pool_window_width = 5,
    .pool_stride_height = 2,
    .pool_stride_width = 3,
    .pool_padding_top = 0,
    .pool_padding_bottom = 1,
    .pool_padding_left = 2,
    .pool_padding_right = 3,
    .pool_dilation_height = 2,
    .pool_dilation_width = 1};

backgrad_block_shape to_c(const BlockShape& s) {
    backgrad_block_shape c = backgrad_block_default_shape();
    c.convolution.batch = s.convolution.batch;
    c.convolution.in_channels = s.convolution.in_channels;
    c.convolution.in_height = s.convolution.in_height;
    c.convolution.in_width = s.convolution.in_width;
    c.convolution.out_channels = s.convolution.out_channels;
    c.pool = static_cast<backgrad_block_pool>(s.pool);
    c.pool_window_height = s.pool_window_height;
    c.pool_window_width = s.pool_window_width;
    c.pool_stride_height = s.pool_stride_height;
    c.pool_stride_width = s.pool_stride_width;
    c.pool_padding_top = s.pool_padding_top;
    c.pool_padding_bottom = s.pool_padding_bottom;
    c.pool_padding_left = s.pool_padding_left;
    c.pool_padding_right = s.pool_padding_right;
    c.pool_dilation_height = s.pool_dilation_height;
    c.pool_dilation_width = s.pool_dilation_width;
    return c;
}

backgrad_block_backward_options to_c(const BlockBackwardOptions& o) {
    backgrad_block_backward_options c = backgrad_block_backward_default_options();
    c.convolution.layout = static_cast<backgrad_layout>(o.convolution.layout);
    c.convolution.compute_grad_bias = o.convolution.gradients.bias;
    c.activation = static_cast<backgrad_activation>(o.activation);
    c.activation_source = static_cast<backgrad_activation_source>(o.activation_source);
    c.alpha = o.alpha;
    c.max_pool_source = static_cast<backgrad_max_pool_source>(o.max_pool_source);
    c.average_padding = static_cast<backgrad_average_padding>(o.average_padding);
    c.chunk_bytes = o.chunk_bytes;
    return c;
}

template <class T>
struct Tensors {
    explicit Tensors(const BlockShape& s) {
        const Pool2dShape p = s.pooling();
        const Conv2dShape& c = s.convolution;
        const std::int64_t between = p.batch * p.channels * p.in_height * p.in_width;
        grad_output = numbers<T>(static_cast<std::size_t>(p.batch * p.channels * p.out_height() * p.out_width()), 1);
        pool_input = numbers<T>(static_cast<std::size_t>(between), 2);
        activation_source = numbers<T>(static_cast<std::size_t>(between), 3);
        input = numbers<T>(static_cast<std::size_t>(c.batch * c.in_channels * c.in_height * c.in_width), 4);
        weight = numbers<T>(static_cast<std::size_t>(c.out_channels * c.in_channels), 5);
        grad_input = numbers<T>(input.size(), 6);
        grad_weight = numbers<T>(weight.size(), 7);
        grad_bias = numbers<T>(static_cast<std::size_t>(c.out_channels), 8);
        for (std::size_t k = 0; k < grad_output.size(); ++k) {
            plane_indices.push_back(
                static_cast<std::int32_t>(k * 7 % static_cast<std::size_t>(p.in_height * p.in_width)));
            window_offsets.push_back(static_cast<std::uint8_t>(k % 20));
        }
    }

    std::vector<T> grad_output, pool_input, activation_source, input, weight, grad_input, grad_weight, grad_bias;
    std::vector<std::int32_t> plane_indices;
    std::vector<std::uint8_t> window_offsets;
};

template <class T>
void expect_same(const BlockShape& s, const BlockBackwardOptions& options) {
    Tensors<T> cpp(s), c(s);
    block_backward<T>(s,
                      {.grad_output = cpp.grad_output.data(),
                       .plane_indices = cpp.plane_indices.data(),
                       .window_offsets = cpp.window_offsets.data(),
                       .pool_input = cpp.pool_input.data(),
                       .activation_source = cpp.activation_source.data(),
                       .input = cpp.input.data(),
                       .weight = cpp.weight.data(),
                       .grad_input = cpp.grad_input.data(),
                       .grad_weight = cpp.grad_weight.data(),
                       .grad_bias = cpp.grad_bias.data()},
                      options);
    const backgrad_block_shape c_shape = to_c(s);
    const backgrad_block_backward_options c_options = to_c(options);
    OwnedPlan owned;
    ASSERT_EQ(backgrad_block_backward_create(&owned.plan, dtype_of<T>, &c_shape, &c_options), BACKGRAD_OK);
    const Workspace workspace(backgrad_plan_workspace_bytes(owned.plan));
    EXPECT_EQ(backgrad_plan_workspace_bytes(owned.plan), BlockBackward<T>(s, options).workspace_bytes());
    const backgrad_block_backward_arguments arguments{
        c.grad_output.data(),       c.plane_indices.data(), c.window_offsets.data(), c.pool_input.data(),
        c.activation_source.data(), c.input.data(),         c.weight.data(),         c.grad_input.data(),
        c.grad_weight.data(),       c.grad_bias.data()};
    ASSERT_EQ(backgrad_block_backward_execute(owned.plan, &arguments, workspace.data()), BACKGRAD_OK);
    EXPECT_EQ(cpp.grad_input, c.grad_input);
    EXPECT_EQ(cpp.grad_weight, c.grad_weight);
    EXPECT_EQ(cpp.grad_bias, c.grad_bias);
}

void expect_same(const std::string& title, const BlockShape& s, const BlockBackwardOptions& options) {
    SCOPED_TRACE(title);
    expect_same<float>(s, options);
    expect_same<double>(s, options);
}

TEST(CBlock, EveryOptionArrives) {
    expect_same("defaults", shape, {});
    expect_same("layout", shape, {.convolution = {.layout = Layout::nhwc}});
    expect_same("without grad_bias", shape, {.convolution = {.gradients = {true, true, false}}});
    expect_same("activation", shape, {.activation = Activation::gelu_erf});
    expect_same("activation source", shape,
                {.activation = Activation::tanh, .activation_source = ActivationSource::output});
    expect_same("alpha", shape, {.activation = Activation::leaky_relu, .alpha = 0.25});
    expect_same("window offsets", shape, {.max_pool_source = MaxPoolSource::window_offsets});
    expect_same("maxima from the input", shape, {.max_pool_source = MaxPoolSource::input});
    expect_same("chunks", shape, {.chunk_bytes = 1});
    BlockShape average = shape;
    average.pool = BlockPool::average;
    expect_same("average", average, {});
    expect_same("average with padding", average, {.average_padding = AveragePadding::include});
    BlockShape none = shape;
    none.pool = BlockPool::none;
    expect_same("no pooling", none, {});
}

TEST(CBlock, DefaultsAreThoseOfCpp) {
    expect_same("default shape", BlockShape{}, {});
    const backgrad_block_shape c = backgrad_block_default_shape();
    EXPECT_EQ(c.pool, BACKGRAD_BLOCK_POOL_NONE);
    EXPECT_EQ(c.pool_window_height * c.pool_window_width * c.pool_stride_height * c.pool_stride_width, 1);
    EXPECT_EQ(c.pool_dilation_height * c.pool_dilation_width, 1);
    OwnedPlan owned;
    EXPECT_EQ(backgrad_block_backward_create(&owned.plan, BACKGRAD_F32, &c, nullptr), BACKGRAD_OK);
}

TEST(CBlock, RefusesWhatIsNoEnumerator) {
    backgrad_block_shape c = to_c(shape);
    c.pool = static_cast<backgrad_block_pool>(9);
    OwnedPlan owned;
    EXPECT_EQ(backgrad_block_backward_create(&owned.plan, BACKGRAD_F32, &c, nullptr), BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(backgrad_last_error()).rfind("shape.pool", 0), 0U) << backgrad_last_error();
}

}  // namespace
}  // namespace backgrad::test
