// Every wrong argument: an Error that names it, and nothing written.
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/strategies.hpp"

#include <backgrad/conv2d.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

/// A legal problem that each case spoils in one place.
Conv2dShape legal_shape() {
    return {.batch = 2,
            .in_channels = 4,
            .in_height = 5,
            .in_width = 6,
            .out_channels = 6,
            .kernel_height = 3,
            .kernel_width = 3,
            .padding_top = 1,
            .padding_bottom = 1,
            .padding_left = 1,
            .padding_right = 1,
            .groups = 2};
}

/// Runs the call, which must throw; the name of the argument it complains about.
std::string complaint(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        const std::string text = error.what();
        EXPECT_EQ(text.rfind(error.argument() + ": expected ", 0), 0U) << text;
        EXPECT_NE(text.find(", got "), std::string::npos) << text;
        return error.argument();
    }
    return "no error";
}

struct BadShape {
    const char* argument;
    std::function<void(Conv2dShape&)> spoil;
};

class Conv2dBadShape : public testing::TestWithParam<BadShape> {};

TEST_P(Conv2dBadShape, IsRefusedByName) {
    Conv2dShape shape = legal_shape();
    GetParam().spoil(shape);
    EXPECT_EQ(complaint([&] { Conv2dBackward<float> plan(shape); }), GetParam().argument) << describe(shape);
    EXPECT_EQ(complaint([&] { Conv2dBackward<double> plan(shape); }), GetParam().argument) << describe(shape);
    EXPECT_EQ(complaint([&] { conv2d_backward<float>(shape, {}); }), GetParam().argument) << describe(shape);
}

const std::vector<BadShape> bad_shapes{
    {"batch", [](Conv2dShape& s) { s.batch = -1; }},
    {"in_channels", [](Conv2dShape& s) { s.in_channels = -4; }},
    {"in_height", [](Conv2dShape& s) { s.in_height = -1; }},
    {"in_width", [](Conv2dShape& s) { s.in_width = -1; }},
    {"out_channels", [](Conv2dShape& s) { s.out_channels = -6; }},
    {"kernel_height", [](Conv2dShape& s) { s.kernel_height = 0; }},
    {"kernel_width", [](Conv2dShape& s) { s.kernel_width = -3; }},
    {"stride_height", [](Conv2dShape& s) { s.stride_height = 0; }},
    {"stride_width", [](Conv2dShape& s) { s.stride_width = -1; }},
    {"padding_top", [](Conv2dShape& s) { s.padding_top = -1; }},
    {"padding_bottom", [](Conv2dShape& s) { s.padding_bottom = -1; }},
    {"padding_left", [](Conv2dShape& s) { s.padding_left = -1; }},
    {"padding_right", [](Conv2dShape& s) { s.padding_right = -1; }},
    {"dilation_height", [](Conv2dShape& s) { s.dilation_height = 0; }},
    {"dilation_width", [](Conv2dShape& s) { s.dilation_width = -2; }},
    {"groups", [](Conv2dShape& s) { s.groups = 0; }},
    {"groups", [](Conv2dShape& s) { s.groups = 4; }},
    {"groups", [](Conv2dShape& s) { s.groups = 3; }},
    {"out_height", [](Conv2dShape& s) { s.out_height = 6; }},
    {"out_height", [](Conv2dShape& s) { s.out_height = 4; }},
    {"out_width", [](Conv2dShape& s) { s.out_width = 7; }},
    {"out_width", [](Conv2dShape& s) { s.out_width = 5; }},
    {"out_width", [](Conv2dShape& s) { s.out_width = -2; }},
};

INSTANTIATE_TEST_SUITE_P(Arguments, Conv2dBadShape, testing::ValuesIn(bad_shapes), [](const auto& info) {
    return std::string(info.param.argument) + "_" + std::to_string(info.index);
});

/// Sizes whose products or sums leave 64 bits. Which of the factors is named does not matter, that it is refused does.
TEST(Conv2dOverflow, IsRefused) {
    const std::vector<std::function<void(Conv2dShape&)>> spoilers{
        [](Conv2dShape& s) { s.batch = huge; },
        [](Conv2dShape& s) { s.in_height = huge; },
        [](Conv2dShape& s) { s.in_height = s.in_width = std::int64_t{1} << 31; },
        [](Conv2dShape& s) { s.padding_top = huge; },
        [](Conv2dShape& s) { s.padding_left = s.padding_right = huge; },
        [](Conv2dShape& s) { s.kernel_height = huge; },
        [](Conv2dShape& s) { s.dilation_width = huge; },
        [](Conv2dShape& s) { s.in_channels = s.out_channels = std::int64_t{1} << 32; },
        [](Conv2dShape& s) { s.out_channels = huge - 1; },
    };
    for (std::size_t k = 0; k < spoilers.size(); ++k) {
        Conv2dShape shape = legal_shape();
        spoilers[k](shape);
        EXPECT_THROW(Conv2dBackward<float>{shape}, Error) << describe(shape);
        EXPECT_THROW(Conv2dBackward<double>{shape}, Error) << describe(shape);
    }
}

TEST(Conv2dOptions, NameAnOversizedGradientOnlyForTheRotatedKernel) {
    const Conv2dShape oversized{
        .in_height = 4, .in_width = 4, .kernel_height = 3, .kernel_width = 3, .out_height = 3, .out_width = 4};
    EXPECT_EQ(complaint([&] { Conv2dBackward<float> plan(oversized); }), "out_height");
    EXPECT_NO_THROW(Conv2dBackward<float>(oversized, {.input_gradient = InputGradient::rotated_kernel}));
    Conv2dShape undersized = oversized;
    undersized.out_height = 1;
    EXPECT_EQ(
        complaint([&] { Conv2dBackward<float> plan(undersized, {.input_gradient = InputGradient::rotated_kernel}); }),
        "out_height");
}

TEST(Conv2dOptions, RefuseAnIsaThatTheMachineLacks) {
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
        const Conv2dBackwardOptions options{.strategy = {.isa = isa}};
        if (isa::available(isa)) EXPECT_NO_THROW(Conv2dBackward<float>(legal_shape(), options));
        else EXPECT_EQ(complaint([&] { Conv2dBackward<float> plan(legal_shape(), options); }), "strategy.isa");
    }
}

TEST(Conv2dOptions, RefuseValuesOutsideTheirEnumeration) {
    const auto refused = [](const Conv2dBackwardOptions& options) {
        return complaint([&] { Conv2dBackward<float> plan(legal_shape(), options); });
    };
    EXPECT_EQ(refused({.layout = static_cast<Layout>(7)}), "layout");
    EXPECT_EQ(refused({.weight_layout = static_cast<WeightLayout>(7)}), "weight_layout");
    EXPECT_EQ(refused({.input_gradient = static_cast<InputGradient>(7)}), "input_gradient");
    EXPECT_EQ(refused({.algorithm = static_cast<Conv2dAlgorithm>(7)}), "algorithm");
    EXPECT_EQ(refused({.order = static_cast<Conv2dOrder>(7)}), "order");
    EXPECT_EQ(refused({.grad_input_mode = static_cast<WriteMode>(7)}), "grad_input_mode");
    EXPECT_EQ(refused({.grad_weight_mode = static_cast<WriteMode>(7)}), "grad_weight_mode");
    EXPECT_EQ(refused({.grad_bias_mode = static_cast<WriteMode>(7)}), "grad_bias_mode");
}

TEST(Conv2dOptions, RefuseStrategiesThatMakeNoSense) {
    const auto refused = [](const Strategy& strategy) {
        return complaint([&] { Conv2dBackward<float> plan(legal_shape(), {.strategy = strategy}); });
    };
    EXPECT_NE(refused({.threads = -1}), "no error");
    EXPECT_NE(refused({.backend = Backend::caller}), "no error");
    EXPECT_NE(refused({.backend = Backend::openmp, .schedule = Schedule::tbb_auto}), "no error");
    EXPECT_NE(refused({.backend = Backend::tbb, .schedule = Schedule::guided}), "no error");
    EXPECT_NE(refused({.chunk = -1}), "no error");
    EXPECT_NE(refused({.partition = static_cast<Partition>(9)}), "no error");
    EXPECT_NE(refused({.reduction = static_cast<Reduction>(9)}), "no error");
}

/// Pointers: each one that the asked gradients need must be there, and nothing is written before that is known.
class Conv2dPointers : public testing::Test {
protected:
    Conv2dPointers() : plan_(legal_shape()), buffers_(legal_shape(), {}), workspace_(plan_.workspace_bytes()) {
        buffers_.fill_inputs([](Guarded<float>& tensor) { std::fill(tensor.begin(), tensor.end(), 1.0F); });
    }

    std::string refused(const Conv2dBackwardArguments<float>& arguments, void* workspace) {
        const std::string argument = complaint([&] { plan_.execute(arguments, workspace); });
        EXPECT_TRUE(buffers_.grad_input.untouched() && buffers_.grad_weight.untouched() &&
                    buffers_.grad_bias.untouched() && workspace_.untouched())
            << "written in spite of the error";
        return argument;
    }

    Conv2dBackward<float> plan_;
    Conv2dBuffers<float> buffers_;
    GuardedWorkspace workspace_;
};

TEST_F(Conv2dPointers, AreRefusedByNameWhereNull) {
    const auto without = [&](auto member) {
        Conv2dBackwardArguments<float> arguments = buffers_.arguments();
        arguments.*member = nullptr;
        return refused(arguments, workspace_.data());
    };
    using Arguments = Conv2dBackwardArguments<float>;
    EXPECT_EQ(without(&Arguments::grad_output), "grad_output");
    EXPECT_EQ(without(&Arguments::input), "input");
    EXPECT_EQ(without(&Arguments::weight), "weight");
    EXPECT_EQ(without(&Arguments::grad_input), "grad_input");
    EXPECT_EQ(without(&Arguments::grad_weight), "grad_weight");
    EXPECT_EQ(without(&Arguments::grad_bias), "grad_bias");
}

TEST_F(Conv2dPointers, RefuseAWorkspaceThatIsNullOrMisaligned) {
    if (plan_.workspace_bytes() == 0) GTEST_SKIP() << "this plan needs no workspace";
    EXPECT_EQ(refused(buffers_.arguments(), nullptr), "workspace");
    EXPECT_EQ(refused(buffers_.arguments(), workspace_.data() + 4), "workspace");
}

TEST_F(Conv2dPointers, AreRefusedByTheOneOffCall) {
    Conv2dBackwardArguments<float> arguments = buffers_.arguments();
    arguments.input = nullptr;
    EXPECT_EQ(complaint([&] { conv2d_backward<float>(legal_shape(), arguments); }), "input");
    EXPECT_TRUE(buffers_.grad_input.untouched() && buffers_.grad_weight.untouched() && buffers_.grad_bias.untouched());
}

/// Tensors without elements need no pointer.
TEST(Conv2dEmpty, NeedsNoPointers) {
    const Conv2dShape shape{.batch = 0, .in_channels = 2, .in_height = 3, .in_width = 3, .out_channels = 2};
    Conv2dBuffers<float> buffers(shape, {});
    const Conv2dBackward<float> plan(shape);
    GuardedWorkspace workspace(plan.workspace_bytes());
    Conv2dBackwardArguments<float> arguments = buffers.arguments();
    arguments.grad_output = arguments.input = nullptr;
    arguments.grad_input = nullptr;
    std::fill(buffers.weight.begin(), buffers.weight.end(), 1.0F);
    EXPECT_NO_THROW(plan.execute(arguments, workspace.data()));
    EXPECT_TRUE(equal(std::vector<double>(4, 0.0), buffers.grad_weight));
    EXPECT_TRUE(equal(std::vector<double>(2, 0.0), buffers.grad_bias));
}

}  // namespace
}  // namespace backgrad::test
