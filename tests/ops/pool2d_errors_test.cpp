// Wrong arguments of the poolings: what is thrown, what it says, and that nothing is written.
#include "support/thrown.hpp"

#include <backgrad/pool2d.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace backgrad::test {
namespace {

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 2;

Pool2dShape legal() {
    return {.batch = 1,
            .channels = 2,
            .in_height = 4,
            .in_width = 4,
            .window_height = 2,
            .window_width = 2,
            .stride_height = 2,
            .stride_width = 2};
}

TEST(Pool2dErrors, NameTheArgument) {
    const std::pair<const char*, void (*)(Pool2dShape&)> wrong[] = {
        {"batch", [](Pool2dShape& s) { s.batch = -1; }},
        {"channels", [](Pool2dShape& s) { s.channels = -2; }},
        {"in_height", [](Pool2dShape& s) { s.in_height = -1; }},
        {"in_width", [](Pool2dShape& s) { s.in_width = -1; }},
        {"window_height", [](Pool2dShape& s) { s.window_height = 0; }},
        {"window_width", [](Pool2dShape& s) { s.window_width = -3; }},
        {"stride_height", [](Pool2dShape& s) { s.stride_height = 0; }},
        {"stride_width", [](Pool2dShape& s) { s.stride_width = 0; }},
        {"padding_top", [](Pool2dShape& s) { s.padding_top = 2; }},
        {"padding_bottom", [](Pool2dShape& s) { s.padding_bottom = -1; }},
        {"padding_left", [](Pool2dShape& s) { s.padding_left = -1; }},
        {"padding_right", [](Pool2dShape& s) { s.padding_right = 5; }},
        {"dilation_height", [](Pool2dShape& s) { s.dilation_height = 0; }},
        {"dilation_width", [](Pool2dShape& s) { s.dilation_width = -1; }},
        {"window_height", [](Pool2dShape& s) { s.window_height = huge, s.dilation_height = huge; }},
        {"in_height * in_width with padding", [](Pool2dShape& s) { s.in_height = 1 << 16, s.in_width = 1 << 16; }},
        {"input", [](Pool2dShape& s) { s.batch = huge, s.channels = huge; }},
    };
    for (const auto& [argument, spoil] : wrong) {
        Pool2dShape shape = legal();
        spoil(shape);
        EXPECT_EQ(thrown_argument([&] { MaxPool2dBackward<float>{shape}; }), argument);
        EXPECT_EQ(thrown_argument([&] { AvgPool2dBackward<double>{shape}; }), argument);
    }
}

TEST(Pool2dErrors, WindowOffsetsAreBytes) {
    Pool2dShape shape = legal();
    shape.in_height = shape.in_width = 20;
    shape.window_height = 16;
    shape.window_width = 16;
    EXPECT_NO_THROW((MaxPool2dBackward<float>(shape, {.source = MaxPoolSource::window_offsets})));
    shape.window_width = 17;
    EXPECT_EQ(thrown_argument([&] { MaxPool2dBackward<float>(shape, {.source = MaxPoolSource::window_offsets}); }),
              "window_height * window_width");
}

TEST(Pool2dErrors, NullPointersAreFoundBeforeAnythingIsWritten) {
    std::vector<float> grad_output(8, 1.0F), grad_input(32, 7.0F);
    const MaxPool2dBackward<float> indices(legal());
    EXPECT_EQ(thrown_argument([&] { indices.execute({.grad_input = grad_input.data()}); }), "grad_output");
    EXPECT_EQ(thrown_argument([&] { indices.execute({.grad_output = grad_output.data()}); }), "grad_input");
    EXPECT_EQ(
        thrown_argument([&] { indices.execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()}); }),
        "plane_indices");
    const MaxPool2dBackward<float> input(legal(), {.source = MaxPoolSource::input});
    EXPECT_EQ(
        thrown_argument([&] { input.execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()}); }),
        "input");
    const MaxPool2dBackward<float> offsets(legal(), {.source = MaxPoolSource::window_offsets});
    EXPECT_EQ(
        thrown_argument([&] { offsets.execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()}); }),
        "window_offsets");
    const AvgPool2dBackward<float> average(legal());
    EXPECT_EQ(thrown_argument([&] { average.execute({.grad_input = grad_input.data()}); }), "grad_output");
    const GlobalAvgPool2dBackward<float> global({.channels = 2, .in_height = 4, .in_width = 4});
    EXPECT_EQ(thrown_argument([&] { global.execute({.grad_input = grad_input.data()}); }), "grad_output");
    EXPECT_EQ(thrown_argument([&] { global.execute({.grad_output = grad_output.data()}); }), "grad_input");
    EXPECT_EQ(grad_input, std::vector<float>(32, 7.0F));
}

TEST(Pool2dErrors, GlobalAverageChecksItsShape) {
    EXPECT_EQ(thrown_argument([] { GlobalAvgPool2dBackward<float>({.batch = -1}); }), "batch");
    EXPECT_EQ(thrown_argument([] { GlobalAvgPool2dBackward<float>({.channels = -1}); }), "channels");
    EXPECT_EQ(thrown_argument([] { GlobalAvgPool2dBackward<float>({.in_height = -1}); }), "in_height");
    EXPECT_EQ(thrown_argument([] { GlobalAvgPool2dBackward<float>({.in_width = -1}); }), "in_width");
    EXPECT_EQ(thrown_argument([] { GlobalAvgPool2dBackward<float>({.in_height = huge}); }), "input");
}

TEST(Pool2dSizes, ZeroSizesAreLegal) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        Pool2dShape shape = legal();
        shape.batch = 0;
        EXPECT_NO_THROW(MaxPool2dBackward<float>(shape, {.layout = layout}).execute({}));
        shape = legal();
        shape.channels = 0;
        EXPECT_NO_THROW(AvgPool2dBackward<float>(shape, {.layout = layout}).execute({}));
        shape = legal();
        shape.in_height = 0;
        EXPECT_NO_THROW(MaxPool2dBackward<float>(shape, {.layout = layout}).execute({}));
        shape.in_width = 0;
        EXPECT_NO_THROW(AvgPool2dBackward<float>(shape, {.layout = layout}).execute({}));
        EXPECT_NO_THROW(GlobalAvgPool2dBackward<float>({.in_height = 0}, {.layout = layout}).execute({}));
    }
}

TEST(Pool2dSizes, WithoutWindowsTheGradientIsZero) {
    // Sizes so large that nothing may be computed from them.
    const Pool2dShape shape{.channels = 3,
                            .in_height = 5,
                            .in_width = 21,
                            .window_height = huge,
                            .window_width = 3,
                            .stride_height = huge,
                            .stride_width = huge};
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        std::vector<float> grad_input(3 * 5 * 21, 9.0F);
        MaxPool2dBackward<float>(shape, {.layout = layout}).execute({.grad_input = grad_input.data()});
        EXPECT_EQ(grad_input, std::vector<float>(grad_input.size(), 0.0F));
        grad_input.assign(grad_input.size(), 9.0F);
        AvgPool2dBackward<float>(shape, {.layout = layout, .grad_input_mode = WriteMode::accumulate})
            .execute({.grad_input = grad_input.data()});
        EXPECT_EQ(grad_input, std::vector<float>(grad_input.size(), 9.0F));
    }
}

TEST(Pool2dSizes, StridesBeyondTheInputLeaveOneWindow) {
    const Pool2dShape shape{.in_height = 3,
                            .in_width = 40,
                            .window_height = 2,
                            .window_width = 2,
                            .stride_height = huge,
                            .stride_width = huge};
    const std::vector<float> grad_output{4};
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        std::vector<float> grad_input(120, 9.0F), expected(120, 0.0F);
        for (const int k : {0, 1, 40, 41}) expected[static_cast<std::size_t>(k)] = 1;
        AvgPool2dBackward<float>(shape, {.layout = layout})
            .execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()});
        EXPECT_EQ(grad_input, expected);
    }
}

}  // namespace
}  // namespace backgrad::test
