#include "oracle/conv2d.hpp"

#include "oracle/finite_difference.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

namespace backgrad::oracle {
namespace {

using test::describe;

/// Reals for every tensor of one small problem.
struct Tensors {
    Tensors(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : grad_output(output_tensor(shape, options.layout).elements()),
          input(input_tensor(shape, options.layout).elements()),
          weight(weight_tensor(shape, options.layout, options.weight_layout).elements()),
          bias(shape.out_channels) {
        std::mt19937_64 random(test::seed_of(describe(shape)));
        for (auto* tensor : {&grad_output, &input, &weight, &bias}) test::fill_reals(*tensor, random);
    }
    std::vector<double> grad_output, input, weight, bias;
};

void expect_near(const std::vector<double>& expected, const std::vector<double>& actual, const std::string& what) {
    ASSERT_EQ(expected.size(), actual.size()) << what;
    for (std::size_t k = 0; k < expected.size(); ++k)
        EXPECT_NEAR(expected[k], actual[k], 1e-8) << what << "[" << k << "]";
}

/// Every gradient, element by element.
Conv2dResult gather(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const Tensors& tensors) {
    const Tensor4d input = input_tensor(shape, options.layout);
    const WeightTensor weight = weight_tensor(shape, options.layout, options.weight_layout);
    Conv2dResult result{std::vector<double>(input.elements()), std::vector<double>(weight.elements()), {}};
    for (std::int64_t n = 0; n < input.batch; ++n)
        for (std::int64_t i = 0; i < input.channels; ++i)
            for (std::int64_t y = 0; y < input.height; ++y)
                for (std::int64_t x = 0; x < input.width; ++x)
                    result.grad_input[input.offset(n, i, y, x)] =
                        conv2d_grad_input_at(shape, options, tensors.grad_output.data(), tensors.weight.data(), n, i, y,
                                             x)
                            .value;
    for (std::int64_t o = 0; o < weight.out_channels; ++o)
        for (std::int64_t i = 0; i < weight.in_channels; ++i)
            for (std::int64_t r = 0; r < weight.height; ++r)
                for (std::int64_t c = 0; c < weight.width; ++c)
                    result.grad_weight[weight.offset(o, i, r, c)] =
                        conv2d_grad_weight_at(shape, options, tensors.grad_output.data(), tensors.input.data(), o, i, r,
                                              c)
                            .value;
    for (std::int64_t o = 0; o < shape.out_channels; ++o)
        result.grad_bias.push_back(conv2d_grad_bias_at(shape, options, tensors.grad_output.data(), o).value);
    return result;
}

void expect_same(const Conv2dResult& expected, const Conv2dResult& actual) {
    expect_near(expected.grad_input, actual.grad_input, "grad_input");
    expect_near(expected.grad_weight, actual.grad_weight, "grad_weight");
    expect_near(expected.grad_bias, actual.grad_bias, "grad_bias");
}

/// Small problems, one for each thing that an index can get wrong.
std::vector<Conv2dShape> small_shapes() {
    std::vector<Conv2dShape> shapes{
        {.batch = 2, .in_channels = 2, .in_height = 5, .in_width = 4, .out_channels = 3},
        {.in_channels = 2, .in_height = 5, .in_width = 6, .out_channels = 3, .kernel_height = 3, .kernel_width = 2},
        {.in_height = 7, .in_width = 8, .kernel_height = 3, .kernel_width = 3, .stride_height = 2, .stride_width = 3},
        {.in_height = 2, .in_width = 9, .stride_height = 4, .stride_width = 2},
        {.in_height = 4,
         .in_width = 5,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
        {.in_height = 4,
         .in_width = 5,
         .kernel_height = 2,
         .kernel_width = 3,
         .padding_top = 2,
         .padding_bottom = 0,
         .padding_left = 1,
         .padding_right = 3},
        {.in_height = 2,
         .in_width = 2,
         .kernel_height = 5,
         .kernel_width = 4,
         .padding_top = 3,
         .padding_bottom = 1,
         .padding_left = 0,
         .padding_right = 3},
        {.in_height = 8,
         .in_width = 9,
         .kernel_height = 3,
         .kernel_width = 2,
         .padding_top = 1,
         .padding_left = 2,
         .dilation_height = 2,
         .dilation_width = 3},
        {.batch = 2,
         .in_channels = 4,
         .in_height = 4,
         .in_width = 4,
         .out_channels = 6,
         .kernel_height = 3,
         .kernel_width = 2,
         .padding_top = 1,
         .groups = 2},
        {.in_channels = 3,
         .in_height = 6,
         .in_width = 6,
         .out_channels = 6,
         .kernel_height = 5,
         .kernel_width = 5,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 2,
         .padding_bottom = 2,
         .padding_left = 2,
         .padding_right = 2,
         .groups = 3},
    };
    return shapes;
}

class OracleConv2d : public testing::TestWithParam<std::tuple<Layout, WeightLayout>> {
protected:
    static Conv2dBackwardOptions options() {
        Conv2dBackwardOptions options;
        std::tie(options.layout, options.weight_layout) = GetParam();
        return options;
    }
};

TEST_P(OracleConv2d, AgreesWithFiniteDifferences) {
    for (const Conv2dShape& shape : small_shapes()) {
        SCOPED_TRACE(describe(shape));
        const Tensors tensors(shape, options());
        const auto loss = [&](const std::vector<double>& input, const std::vector<double>& weight,
                              const std::vector<double>& bias) {
            return dot(tensors.grad_output, conv2d_forward(shape, options(), input.data(), weight.data(), bias.data()));
        };
        // The loss is linear in each of the three, so a large step costs nothing and keeps rounding away.
        const Conv2dResult expected{
            finite_difference([&](const auto& x) { return loss(x, tensors.weight, tensors.bias); }, tensors.input, 1.0),
            finite_difference([&](const auto& x) { return loss(tensors.input, x, tensors.bias); }, tensors.weight, 1.0),
            finite_difference([&](const auto& x) { return loss(tensors.input, tensors.weight, x); }, tensors.bias,
                              1.0)};
        expect_same(expected, conv2d_backward(shape, options(), tensors.grad_output.data(), tensors.input.data(),
                                              tensors.weight.data()));
        expect_same(expected, gather(shape, options(), tensors));
    }
}

TEST_P(OracleConv2d, GathersAndScattersTheSameRotatedKernel) {
    Conv2dBackwardOptions rotated = options();
    rotated.input_gradient = InputGradient::rotated_kernel;
    for (const Conv2dShape& shape : small_shapes()) {
        SCOPED_TRACE(describe(shape));
        const Tensors tensors(shape, rotated);
        expect_same(
            conv2d_backward(shape, rotated, tensors.grad_output.data(), tensors.input.data(), tensors.weight.data()),
            gather(shape, rotated, tensors));
    }
}

INSTANTIATE_TEST_SUITE_P(Layouts, OracleConv2d,
                         testing::Combine(testing::Values(Layout::nchw, Layout::nhwc),
                                          testing::Values(WeightLayout::oihw, WeightLayout::ohwi,
                                                          WeightLayout::automatic)));

/// The reference's loop, written out: every window that lies inside the input scatters the rotated kernel.
TEST(OracleRotatedKernel, IsTheScatterFormula) {
    constexpr std::int64_t channels = 2, filters = 3, height = 7, width = 8, kernel = 3, stride = 2;
    constexpr std::int64_t out_height = 4, out_width = 5;  // one row and two columns of windows too many
    const Conv2dShape shape{.in_channels = channels,
                            .in_height = height,
                            .in_width = width,
                            .out_channels = filters,
                            .kernel_height = kernel,
                            .kernel_width = kernel,
                            .stride_height = stride,
                            .stride_width = stride,
                            .out_height = out_height,
                            .out_width = out_width};
    const Conv2dBackwardOptions options{.input_gradient = InputGradient::rotated_kernel};
    const Tensors tensors(shape, options);
    Conv2dResult expected{std::vector<double>(channels * height * width),
                          std::vector<double>(filters * channels * kernel * kernel), std::vector<double>(filters)};
    for (std::int64_t o = 0; o < filters; ++o)
        for (std::int64_t y = 0; y < out_height; ++y)
            for (std::int64_t x = 0; x < out_width; ++x) {
                const double gradient = tensors.grad_output[(o * out_height + y) * out_width + x];
                expected.grad_bias[o] += gradient;
                if (y * stride + kernel > height || x * stride + kernel > width) continue;
                for (std::int64_t i = 0; i < channels; ++i)
                    for (std::int64_t a = 0; a < kernel; ++a)
                        for (std::int64_t b = 0; b < kernel; ++b) {
                            const std::int64_t at = (i * height + y * stride + a) * width + x * stride + b;
                            const std::int64_t filter = (o * channels + i) * kernel * kernel;
                            expected.grad_input[at] +=
                                gradient * tensors.weight[filter + (kernel - 1 - a) * kernel + (kernel - 1 - b)];
                            expected.grad_weight[filter + a * kernel + b] += gradient * tensors.input[at];
                        }
            }
    expect_same(expected, conv2d_backward(shape, options, tensors.grad_output.data(), tensors.input.data(),
                                          tensors.weight.data()));
    expect_same(expected, gather(shape, options, tensors));
}

TEST(OracleValue, CountsWhatABoundNeeds) {
    const Conv2dShape shape{.in_channels = 1, .in_height = 1, .in_width = 3};
    const std::vector<float> grad_output{2, -3, 0.5F}, input{4, 5, -6};
    const Value value = conv2d_grad_weight_at(shape, {}, grad_output.data(), input.data(), 0, 0, 0, 0);
    EXPECT_EQ(value.value, 8 - 15 - 3);
    EXPECT_EQ(value.absolute_sum, 8 + 15 + 3);
    EXPECT_EQ(value.terms, 3);
}

}  // namespace
}  // namespace backgrad::oracle
