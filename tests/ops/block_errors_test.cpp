// Every wrong argument of a block: an Error that names it, and nothing written.
#include "support/block_buffers.hpp"

#include <backgrad/error.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// A legal block with a max pooling that each case spoils in one place.
BlockShape legal_shape() {
    return {.convolution = {.batch = 2, .in_channels = 4, .in_height = 8, .in_width = 9, .out_channels = 6},
            .pool = BlockPool::max,
            .pool_window_height = 2,
            .pool_window_width = 2,
            .pool_stride_height = 2,
            .pool_stride_width = 2};
}

std::string complaint(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.argument();
    }
    return "no error";
}

struct BadShape {
    const char* argument;
    void (*spoil)(BlockShape&);
};

const std::vector<BadShape> bad_shapes{
    {"batch", [](BlockShape& s) { s.convolution.batch = -1; }},
    {"stride_height", [](BlockShape& s) { s.convolution.stride_height = 0; }},
    {"pool", [](BlockShape& s) { s.pool = static_cast<BlockPool>(7); }},
    {"pool_window_height", [](BlockShape& s) { s.pool_window_height = 0; }},
    {"pool_window_width", [](BlockShape& s) { s.pool_window_width = -1; }},
    {"pool_stride_height", [](BlockShape& s) { s.pool_stride_height = 0; }},
    {"pool_stride_width", [](BlockShape& s) { s.pool_stride_width = 0; }},
    {"pool_padding_top", [](BlockShape& s) { s.pool_padding_top = 2; }},
    {"pool_padding_bottom", [](BlockShape& s) { s.pool_padding_bottom = -1; }},
    {"pool_padding_left", [](BlockShape& s) { s.pool_padding_left = 2; }},
    {"pool_padding_right", [](BlockShape& s) { s.pool_padding_right = 2; }},
    {"pool_dilation_height", [](BlockShape& s) { s.pool_dilation_height = 0; }},
    {"pool_dilation_width", [](BlockShape& s) { s.pool_dilation_width = 0; }},
};

TEST(BlockErrors, NameTheSizeThatIsWrong) {
    EXPECT_EQ(complaint([] { BlockBackward<float> plan(legal_shape()); }), "no error");
    for (const BadShape& bad : bad_shapes) {
        BlockShape shape = legal_shape();
        bad.spoil(shape);
        EXPECT_EQ(complaint([&] { BlockBackward<float> plan(shape); }), bad.argument);
        EXPECT_EQ(complaint([&] { BlockBackward<double> plan(shape); }), bad.argument);
    }
}

TEST(BlockErrors, NameTheOptionThatIsWrong) {
    const auto refused = [](const BlockShape& shape, const BlockBackwardOptions& options) {
        return complaint([&] { BlockBackward<float> plan(shape, options); });
    };
    EXPECT_EQ(refused(legal_shape(), {.convolution = {.gradients = {false, false, false}}}), "gradients");
    EXPECT_EQ(refused(legal_shape(), {.convolution = {.order = Conv2dOrder::weights_first}}), "convolution.order");
    EXPECT_EQ(refused(legal_shape(), {.activation = Activation::silu, .activation_source = ActivationSource::output}),
              "activation_source");
    EXPECT_EQ(refused(legal_shape(),
                      {.activation = Activation::elu, .activation_source = ActivationSource::output, .alpha = -2}),
              "alpha");
    EXPECT_EQ(refused(legal_shape(), {.max_pool_source = static_cast<MaxPoolSource>(9)}), "max_pool_source");
    EXPECT_EQ(refused(legal_shape(), {.chunk_bytes = -1}), "chunk_bytes");
    BlockShape wide = legal_shape();
    wide.pool_window_height = wide.pool_window_width = 17;
    EXPECT_EQ(refused(wide, {.max_pool_source = MaxPoolSource::window_offsets}),
              "pool_window_height * pool_window_width");
}

/// Pointers: each one that the plan names must be there, and nothing is written before that is known.
class BlockPointers : public testing::Test {
protected:
    using Arguments = BlockBackwardArguments<float>;

    static std::string without(const auto member, const BlockBackwardOptions& options) {
        const BlockBackward<float> plan(legal_shape(), options);
        BlockBuffers<float> buffers(legal_shape(), options);
        GuardedWorkspace workspace(plan.workspace_bytes());
        Arguments arguments = buffers.arguments();
        arguments.*member = nullptr;
        const std::string argument = complaint([&] { plan.execute(arguments, workspace.data()); });
        const bool untouched = buffers.grad_input.untouched() && buffers.grad_weight.untouched() &&
                               buffers.grad_bias.untouched() && workspace.untouched();
        EXPECT_TRUE(argument == "no error" || untouched) << "written in spite of the error";
        return argument;
    }
};

TEST_F(BlockPointers, AreRefusedByNameWhereNull) {
    const BlockBackwardOptions indices, offsets{.max_pool_source = MaxPoolSource::window_offsets},
        values{.max_pool_source = MaxPoolSource::input};
    EXPECT_EQ(without(&Arguments::grad_output, indices), "grad_output");
    EXPECT_EQ(without(&Arguments::activation_source, indices), "activation_source");
    EXPECT_EQ(without(&Arguments::plane_indices, indices), "plane_indices");
    EXPECT_EQ(without(&Arguments::window_offsets, offsets), "window_offsets");
    EXPECT_EQ(without(&Arguments::pool_input, values), "pool_input");
    EXPECT_EQ(without(&Arguments::input, indices), "input");
    EXPECT_EQ(without(&Arguments::weight, indices), "weight");
    EXPECT_EQ(without(&Arguments::grad_input, indices), "grad_input");
    EXPECT_EQ(without(&Arguments::grad_weight, indices), "grad_weight");
    EXPECT_EQ(without(&Arguments::grad_bias, indices), "grad_bias");
}

TEST_F(BlockPointers, ThatThePlanDoesNotNameMayBeNull) {
    const BlockBackwardOptions indices, offsets{.max_pool_source = MaxPoolSource::window_offsets},
        linear{.activation = Activation::linear};
    EXPECT_EQ(without(&Arguments::pool_input, indices), "no error");
    EXPECT_EQ(without(&Arguments::window_offsets, indices), "no error");
    EXPECT_EQ(without(&Arguments::plane_indices, offsets), "no error");
    EXPECT_EQ(without(&Arguments::activation_source, linear), "no error");
}

TEST_F(BlockPointers, RefuseAWorkspaceThatIsNullOrMisaligned) {
    const BlockBackward<float> plan(legal_shape());
    BlockBuffers<float> buffers(legal_shape(), {});
    GuardedWorkspace workspace(plan.workspace_bytes());
    EXPECT_EQ(complaint([&] { plan.execute(buffers.arguments(), nullptr); }), "workspace");
    EXPECT_EQ(complaint([&] { plan.execute(buffers.arguments(), workspace.data() + 4); }), "workspace");
    EXPECT_TRUE(buffers.grad_input.untouched());
}

}  // namespace
}  // namespace backgrad::test
