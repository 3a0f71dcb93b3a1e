// Infinities and NaN in the tensors: they reach exactly the gradients that have a term with them. Padding, tails and
// masked lanes have no terms, so nothing there may turn an infinity into a NaN.
#include "oracle/conv2d.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace backgrad::test {
namespace {

/// The tensor that holds what is not finite.
enum class Place { grad_output, input, weight, everywhere };

constexpr const char* place_names[] = {"grad_output", "input", "weight", "everywhere"};

std::vector<Conv2dShape> shapes() {
    return {
        {.batch = 2,
         .in_channels = 17,
         .in_height = 6,
         .in_width = 7,
         .out_channels = 18,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
        {.batch = 2,
         .in_channels = 3,
         .in_height = 9,
         .in_width = 9,
         .out_channels = 5,
         .kernel_height = 5,
         .kernel_width = 5,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 2,
         .padding_bottom = 2,
         .padding_left = 2,
         .padding_right = 2},
        {.batch = 1, .in_channels = 19, .in_height = 5, .in_width = 7, .out_channels = 33},
        {.batch = 2,
         .in_channels = 64,
         .in_height = 5,
         .in_width = 6,
         .out_channels = 130,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
        {.batch = 2,
         .in_channels = 18,
         .in_height = 7,
         .in_width = 6,
         .out_channels = 15,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 1,
         .padding_left = 1},
        {.batch = 1,
         .in_channels = 9,
         .in_height = 9,
         .in_width = 10,
         .out_channels = 9,
         .kernel_height = 5,
         .kernel_width = 5,
         .padding_top = 2,
         .padding_bottom = 2,
         .padding_left = 2,
         .padding_right = 2,
         .groups = 9},
        {.batch = 3,
         .in_channels = 17,
         .in_height = 5,
         .in_width = 7,
         .out_channels = 17,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1,
         .groups = 17},
        {.batch = 1,
         .in_channels = 3,
         .in_height = 9,
         .in_width = 61,
         .out_channels = 3,
         .kernel_height = 3,
         .kernel_width = 3,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1,
         .groups = 3},
        {.batch = 1,
         .in_channels = 8,
         .in_height = 8,
         .in_width = 9,
         .out_channels = 12,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 2,
         .padding_left = 2,
         .dilation_height = 2,
         .dilation_width = 2,
         .groups = 4},
        {.batch = 1,
         .in_channels = 2,
         .in_height = 2,
         .in_width = 2,
         .out_channels = 3,
         .kernel_height = 5,
         .kernel_width = 5,
         .padding_top = 2,
         .padding_bottom = 2,
         .padding_left = 2,
         .padding_right = 2},
        {.batch = 2,
         .in_channels = 3,
         .in_height = 40,
         .in_width = 46,
         .out_channels = 32,
         .kernel_height = 3,
         .kernel_width = 5,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 2,
         .padding_right = 1},
        {.batch = 1,
         .in_channels = 2,
         .in_height = 5,
         .in_width = 40,
         .out_channels = 3,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
    };
}

/// Puts infinities of both signs and a NaN at the tensor's ends and somewhere inside.
template <class T>
void spoil(Guarded<T>& tensor, std::mt19937_64& random) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const auto size = static_cast<std::int64_t>(tensor.size());
    tensor[0] = infinity;
    tensor[size - 1] = -infinity;
    tensor[below(random, size)] = std::numeric_limits<T>::quiet_NaN();
    tensor[below(random, size)] = infinity;
}

template <class T>
testing::AssertionResult same(const std::vector<double>& expected, const Guarded<T>& actual) {
    for (std::size_t k = 0; k < expected.size(); ++k) {
        const double a = expected[k], b = static_cast<double>(actual[k]);
        if (a == b || (std::isnan(a) && std::isnan(b))) continue;
        return testing::AssertionFailure() << "[" << k << "]: expected " << a << ", got " << b;
    }
    return testing::AssertionSuccess();
}

class Conv2dNonFinite : public testing::TestWithParam<std::tuple<Layout, Place>> {
protected:
    template <class T>
    static void check(const Conv2dShape& shape, const Conv2dGradients& gradients) {
        const auto [layout, place] = GetParam();
        Conv2dBackwardOptions options{.layout = layout, .gradients = gradients};
        Conv2dBuffers<T> buffers(shape, options);
        std::mt19937_64 random(seed_of(describe(shape)));
        // Whole numbers with zeros among them: an infinity times zero is a NaN, and the oracle says where.
        buffers.fill_inputs([&](Guarded<T>& tensor) { fill_integers(tensor, random); });
        if (place == Place::grad_output || place == Place::everywhere) spoil(buffers.grad_output, random);
        if (place == Place::input || place == Place::everywhere) spoil(buffers.input, random);
        if (place == Place::weight || place == Place::everywhere) spoil(buffers.weight, random);
        const oracle::Conv2dResult expected = oracle::conv2d_backward(shape, options, buffers.grad_output.data(),
                                                                      buffers.input.data(), buffers.weight.data());
        for (const Isa isa : available_isas())
            for (const int threads : {1, 3}) {
                options.strategy = {.threads = threads, .isa = isa};
                SCOPED_TRACE(describe(shape) + " " + describe(options));
                buffers.reset_gradients();
                execute(shape, options, buffers);
                EXPECT_TRUE(!gradients.input || same(expected.grad_input, buffers.grad_input)) << "grad_input";
                EXPECT_TRUE(!gradients.weight || same(expected.grad_weight, buffers.grad_weight)) << "grad_weight";
                EXPECT_TRUE(!gradients.bias || same(expected.grad_bias, buffers.grad_bias)) << "grad_bias";
            }
    }
};

TEST_P(Conv2dNonFinite, ReachesExactlyItsTerms) {
    for (const Conv2dShape& shape : shapes()) {
        check<float>(shape, {});
        check<double>(shape, {});
        if (HasFailure()) return;
    }
}

/// Sums of grad_output tell what is not finite where the bias is asked for; here they are not at hand.
TEST_P(Conv2dNonFinite, ReachesExactlyTheTermsOfTheWeightAlone) {
    for (const Conv2dShape& shape : shapes()) {
        check<float>(shape, {.input = false, .weight = true, .bias = false});
        if (HasFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Places, Conv2dNonFinite,
                         testing::Combine(testing::Values(Layout::nchw, Layout::nhwc),
                                          testing::Values(Place::grad_output, Place::input, Place::weight,
                                                          Place::everywhere)),
                         [](const auto& info) {
                             return std::string(name(std::get<0>(info.param))) + "_" +
                                    place_names[static_cast<int>(std::get<1>(info.param))];
                         });

}  // namespace
}  // namespace backgrad::test
