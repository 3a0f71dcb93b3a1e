// The poolings of the oracle against finite differences, and its two forms (scatter and per element) against each
// other.
#include "oracle/pool2d.hpp"

#include "oracle/finite_difference.hpp"
#include "support/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace backgrad::oracle {
namespace {

const std::vector<Pool2dShape>& shapes() {
    static const std::vector<Pool2dShape> all{
        {.batch = 2,
         .channels = 3,
         .in_height = 4,
         .in_width = 6,
         .window_height = 2,
         .window_width = 2,
         .stride_height = 2,
         .stride_width = 2},
        {.batch = 1,
         .channels = 2,
         .in_height = 5,
         .in_width = 7,
         .window_height = 3,
         .window_width = 2,
         .stride_height = 1,
         .stride_width = 3,
         .padding_top = 1,
         .padding_bottom = 2,
         .padding_right = 1},
        {.batch = 1,
         .channels = 1,
         .in_height = 7,
         .in_width = 5,
         .window_height = 2,
         .window_width = 3,
         .padding_left = 2,
         .dilation_height = 3,
         .dilation_width = 2},
        // Windows of padding alone.
        {.in_height = 1,
         .in_width = 1,
         .window_height = 2,
         .window_width = 2,
         .padding_top = 1,
         .padding_bottom = 2,
         .padding_left = 2,
         .padding_right = 1,
         .dilation_height = 2,
         .dilation_width = 2},
    };
    return all;
}

constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};

std::vector<double> reals(std::int64_t elements, const char* seed) {
    std::mt19937_64 random(test::seed_of(seed));
    std::vector<double> values(elements);
    test::fill_reals(values, random);
    return values;
}

/// Values that all differ by far more than the step of the differences, so that no maximum changes place.
std::vector<double> distinct(std::int64_t elements) {
    std::vector<double> values(elements);
    std::iota(values.begin(), values.end(), 0.0);
    std::mt19937_64 random(7);
    for (std::size_t k = values.size(); k > 1; --k)
        std::swap(values[k - 1], values[test::below(random, static_cast<std::int64_t>(k))]);
    return values;
}

void expect_near(const std::vector<double>& expected, const std::vector<double>& actual) {
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(expected[k], actual[k], 1e-7) << k;
}

TEST(Pool2dOracle, MaximumAgreesWithFiniteDifferences) {
    for (const Layout layout : layouts)
        for (const Pool2dShape& shape : shapes()) {
            const std::vector<double> input = distinct(input_tensor(shape, layout).elements());
            const std::vector<double> gradient = reals(output_tensor(shape, layout).elements(), "maximum");
            const auto loss = [&](const std::vector<double>& x) {
                return dot(gradient, max_pool2d_forward(shape, layout, x.data()));
            };
            expect_near(finite_difference(loss, input),
                        max_pool2d_backward(shape, layout, gradient.data(), input.data()));
        }
}

TEST(Pool2dOracle, AverageAgreesWithFiniteDifferences) {
    for (const Layout layout : layouts)
        for (const AveragePadding padding : {AveragePadding::exclude, AveragePadding::include})
            for (const Pool2dShape& shape : shapes()) {
                const std::vector<double> input = reals(input_tensor(shape, layout).elements(), "input");
                const std::vector<double> gradient = reals(output_tensor(shape, layout).elements(), "average");
                const auto loss = [&](const std::vector<double>& x) {
                    return dot(gradient, avg_pool2d_forward(shape, layout, padding, x.data()));
                };
                expect_near(finite_difference(loss, input),
                            avg_pool2d_backward(shape, layout, padding, gradient.data()));
            }
}

TEST(Pool2dOracle, GlobalAverageAgreesWithFiniteDifferences) {
    const GlobalAvgPool2dShape shape{.batch = 2, .channels = 3, .in_height = 3, .in_width = 2};
    const Pool2dShape window{
        .batch = 2, .channels = 3, .in_height = 3, .in_width = 2, .window_height = 3, .window_width = 2};
    for (const Layout layout : layouts) {
        const std::vector<double> input = reals(input_tensor(shape, layout).elements(), "input");
        const std::vector<double> gradient = reals(shape.batch * shape.channels, "global");
        const auto loss = [&](const std::vector<double>& x) {
            return dot(gradient, avg_pool2d_forward(window, layout, AveragePadding::exclude, x.data()));
        };
        expect_near(finite_difference(loss, input), global_avg_pool2d_backward(shape, layout, gradient.data()));
    }
}

TEST(Pool2dOracle, ElementsAgreeWithTensors) {
    for (const Layout layout : layouts)
        for (const Pool2dShape& shape : shapes()) {
            const Tensor4d in = input_tensor(shape, layout);
            const std::vector<double> input = distinct(in.elements());
            const std::vector<double> gradient = reals(output_tensor(shape, layout).elements(), "elements");
            const std::vector<double> maximum = max_pool2d_backward(shape, layout, gradient.data(), input.data());
            const std::vector<double> average =
                avg_pool2d_backward(shape, layout, AveragePadding::exclude, gradient.data());
            for (std::int64_t n = 0; n < in.batch; ++n)
                for (std::int64_t c = 0; c < in.channels; ++c)
                    for (std::int64_t y = 0; y < in.height; ++y)
                        for (std::int64_t x = 0; x < in.width; ++x) {
                            const std::int64_t at = in.offset(n, c, y, x);
                            EXPECT_NEAR(
                                maximum[at],
                                max_pool2d_grad_input_at(shape, layout, gradient.data(), input.data(), n, c, y, x),
                                1e-12);
                            EXPECT_NEAR(average[at],
                                        avg_pool2d_grad_input_at(shape, layout, AveragePadding::exclude,
                                                                 gradient.data(), n, c, y, x),
                                        1e-12);
                        }
        }
}

TEST(Pool2dOracle, TakesTheFirstMaximumAndTheFirstNan) {
    const Pool2dShape shape{.in_height = 2, .in_width = 3, .window_height = 2, .window_width = 3};
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    const auto index = [&](const std::vector<double>& input) {
        return max_pool2d_plane_indices(shape, Layout::nchw, input.data()).front();
    };
    EXPECT_EQ(index({1, 4, 2, 4, 3, 4}), 1);
    EXPECT_EQ(index({1, 4, 2, nan, infinity, nan}), 3);
    EXPECT_EQ(index({-infinity, -infinity, -infinity, -infinity, -infinity, -infinity}), 0);
    EXPECT_EQ(index({infinity, 1, 2, 3, nan, 5}), 4);
}

}  // namespace
}  // namespace backgrad::oracle
