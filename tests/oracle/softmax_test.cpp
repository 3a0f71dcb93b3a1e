// The softmax of the oracle against finite differences.
#include "oracle/softmax.hpp"

#include "oracle/finite_difference.hpp"
#include "support/random.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace backgrad::oracle {
namespace {

constexpr SoftmaxShape shapes[] = {{2, 5, 1}, {2, 4, 3}, {1, 1, 2}};

std::vector<double> reals(std::int64_t count, int seed) {
    std::mt19937_64 random(seed);
    std::vector<double> values(count);
    test::fill_reals(values, random);
    return values;
}

TEST(SoftmaxOracle, AgreesWithFiniteDifferences) {
    for (const SoftmaxShape& shape : shapes) {
        const std::int64_t elements = shape.outer * shape.length * shape.inner;
        const std::vector<double> x = reals(elements, 1), gradient = reals(elements, 2);
        const auto loss = [&](const std::vector<double>& at) {
            return dot(gradient, softmax_forward(shape, at.data()));
        };
        const auto expected = finite_difference(loss, x);
        const auto y = softmax_forward(shape, x.data());
        const auto from_x = softmax_backward(shape, ActivationSource::input, gradient.data(), x.data());
        const auto from_y = softmax_backward(shape, ActivationSource::output, gradient.data(), y.data());
        for (std::int64_t k = 0; k < elements; ++k) {
            EXPECT_NEAR(expected[k], from_x[k], 1e-8);
            EXPECT_NEAR(expected[k], from_y[k], 1e-8);
        }
    }
}

TEST(SoftmaxOracle, CrossEntropyAgreesWithFiniteDifferences) {
    for (const SoftmaxShape& shape : shapes) {
        const std::vector<double> x = reals(shape.outer * shape.length * shape.inner, 3);
        std::vector<std::int64_t> labels(shape.outer * shape.inner);
        for (std::size_t row = 0; row < labels.size(); ++row)
            labels[row] = static_cast<std::int64_t>(row) % (shape.length + 1) - 1;
        const auto loss = [&](const std::vector<double>& at) {
            return 0.25 * cross_entropy(shape, at.data(), labels.data());
        };
        const auto expected = finite_difference(loss, x);
        const auto actual = softmax_cross_entropy_backward(shape, 0.25, x.data(), labels.data());
        for (std::size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(expected[k], actual[k], 1e-8);
    }
}

}  // namespace
}  // namespace backgrad::oracle
