// Softmax alone and joined with cross entropy against the oracle: rows of any length, side by side or consecutive,
// stable for large logits, the same bits on all vector ISAs.
#include "oracle/softmax.hpp"
#include "support/describe.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"
#include "support/thrown.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace backgrad::test {
namespace {

std::vector<SoftmaxShape> shapes() {
    std::vector<SoftmaxShape> all;
    for (const std::int64_t length : {1, 2, 7, 8, 9, 10, 15, 16, 17, 33, 100, 1000, 1024, 1025, 5000})
        for (const std::int64_t inner : {1, 2, 5, 16, 65})
            if (length * inner < 70000) all.push_back({3, length, inner});
    return all;
}

std::int64_t elements(const SoftmaxShape& shape) { return shape.outer * shape.length * shape.inner; }

/// Logits between -range and range.
template <class T>
std::vector<T> logits(const SoftmaxShape& shape, double range) {
    std::mt19937_64 random(shape.length * 131 + shape.inner);
    std::vector<T> values(elements(shape));
    for (T& value : values) value = static_cast<T>(range * real(random));
    return values;
}

template <class T>
std::vector<T> gradients(const SoftmaxShape& shape) {
    std::mt19937_64 random(shape.length + 17);
    std::vector<T> values(elements(shape));
    fill_reals(values, random);
    return values;
}

/// Some rows have labels that name no class.
std::vector<std::int64_t> labels(const SoftmaxShape& shape) {
    std::mt19937_64 random(shape.length + 23);
    std::vector<std::int64_t> values(shape.outer * shape.inner);
    for (std::int64_t& label : values) label = between(random, 0, shape.length - 1);
    for (std::size_t k = 1; k < values.size(); k += 4) values[k] = k % 8 == 1 ? -100 : shape.length;
    return values;
}

/// The bound of the header, relative to the largest probability-weighted gradient.
template <class T>
double relative_bound(const SoftmaxShape& shape, double range) {
    const double chains = shape.inner == 1 ? 64.0 / sizeof(T) : 1;
    const double unit = std::numeric_limits<T>::epsilon() / 2;
    return 2 * (static_cast<double>(shape.length) / chains + 8 + 2 * range) * unit;
}

template <class T>
void expect_near(const SoftmaxShape& shape, const Strategy& strategy, const std::vector<double>& expected,
                 const Guarded<T>& actual, double old, double tolerance) {
    ASSERT_TRUE(actual.intact());
    for (std::size_t k = 0; k < expected.size(); ++k)
        ASSERT_NEAR(expected[k] + old, actual[k], tolerance) << shape.outer << "x" << shape.length << "x" << shape.inner
                                                             << " " << describe(strategy) << " element " << k;
}

std::vector<Strategy> strategies() {
    std::vector<Strategy> all;
    for (const Isa isa : available_isas())
        for (const int threads : {1, 3}) all.push_back({.threads = threads, .isa = isa});
    return all;
}

template <class T>
void check_softmax() {
    for (const SoftmaxShape& shape : shapes())
        for (const double range : {1.0, 60.0})
            for (const auto source : {ActivationSource::input, ActivationSource::output}) {
                std::vector<T> value = logits<T>(shape, range);
                if (source == ActivationSource::output) {
                    const std::vector<double> x(value.begin(), value.end());
                    const auto y = oracle::softmax_forward(shape, x.data());
                    std::transform(y.begin(), y.end(), value.begin(), [](double p) { return static_cast<T>(p); });
                }
                const std::vector<T> gradient = gradients<T>(shape);
                const auto expected = oracle::softmax_backward(shape, source, gradient.data(), value.data());
                for (const Strategy& strategy : strategies()) {
                    const bool accumulate = strategy.threads == 3;
                    Guarded<T> result(elements(shape));
                    if (accumulate) std::fill(result.begin(), result.end(), T(2));
                    const SoftmaxBackward<T> plan(
                        shape, {.source = source,
                                .grad_input_mode = accumulate ? WriteMode::accumulate : WriteMode::overwrite,
                                .strategy = strategy});
                    plan.execute({.grad_output = gradient.data(), .source = value.data(), .grad_input = result.data()});
                    const double rounding = accumulate ? 4 * std::numeric_limits<T>::epsilon() : 0;
                    expect_near(shape, strategy, expected, result, accumulate ? 2 : 0,
                                relative_bound<T>(shape, range) * 2 + rounding);
                    if (testing::Test::HasFatalFailure()) return;
                }
            }
}

TEST(SoftmaxBackward, StaysWithinItsBoundInFloat) { check_softmax<float>(); }
TEST(SoftmaxBackward, StaysWithinItsBoundInDouble) { check_softmax<double>(); }

template <class T>
void check_cross_entropy() {
    constexpr double scale = 0.125;
    for (const SoftmaxShape& shape : shapes())
        for (const double range : {1.0, 60.0}) {
            const std::vector<T> x = logits<T>(shape, range);
            const std::vector<std::int64_t> label = labels(shape);
            const auto expected = oracle::softmax_cross_entropy_backward(shape, scale, x.data(), label.data());
            for (const Strategy& strategy : strategies()) {
                const bool accumulate = strategy.threads == 3;
                Guarded<T> result(elements(shape));
                if (accumulate) std::fill(result.begin(), result.end(), T(2));
                const SoftmaxCrossEntropyBackward<T> plan(
                    shape, {.scale = scale,
                            .grad_logits_mode = accumulate ? WriteMode::accumulate : WriteMode::overwrite,
                            .strategy = strategy});
                plan.execute({.logits = x.data(), .labels = label.data(), .grad_logits = result.data()});
                const double rounding = accumulate ? 4 * std::numeric_limits<T>::epsilon() : 0;
                expect_near(shape, strategy, expected, result, accumulate ? 2 : 0,
                            relative_bound<T>(shape, range) * scale + rounding);
                if (testing::Test::HasFatalFailure()) return;
            }
        }
}

TEST(SoftmaxCrossEntropyBackward, StaysWithinItsBoundInFloat) { check_cross_entropy<float>(); }
TEST(SoftmaxCrossEntropyBackward, StaysWithinItsBoundInDouble) { check_cross_entropy<double>(); }

TEST(SoftmaxCrossEntropyBackward, IsStableForTheLargestLogits) {
    const float huge = std::numeric_limits<float>::max();
    for (const std::int64_t inner : {1, 2})
        for (const Isa isa : available_isas()) {
            const SoftmaxShape shape{1, 3, inner};
            std::vector<float> x(3 * inner), result(3 * inner);
            for (std::int64_t i = 0; i < inner; ++i) {
                x[0 * inner + i] = -huge;
                x[1 * inner + i] = huge;
                x[2 * inner + i] = 0;
            }
            const std::vector<std::int64_t> label(inner, 0);
            SoftmaxCrossEntropyBackward<float>(shape, {.strategy = {.isa = isa}})
                .execute({.logits = x.data(), .labels = label.data(), .grad_logits = result.data()});
            for (std::int64_t i = 0; i < inner; ++i) {
                EXPECT_EQ(result[0 * inner + i], -1);
                EXPECT_EQ(result[1 * inner + i], 1);
                EXPECT_EQ(result[2 * inner + i], 0);
            }
        }
}

TEST(SoftmaxCrossEntropyBackward, AMillionClassesAddUp) {
    const SoftmaxShape shape{1, 1000000, 1};
    // Ascending logits bring a larger maximum in every block.
    std::vector<float> x(shape.length), result(shape.length);
    for (std::int64_t k = 0; k < shape.length; ++k) x[k] = static_cast<float>(k) / 50000;
    const std::int64_t label = 17;
    SoftmaxCrossEntropyBackward<float>(shape).execute(
        {.logits = x.data(), .labels = &label, .grad_logits = result.data()});
    double sum = 0;
    for (const float value : result) sum += value;
    EXPECT_NEAR(sum, 0, 1e-3);
    const auto expected = oracle::softmax_cross_entropy_backward(shape, 1, x.data(), &label);
    for (std::int64_t k = 0; k < shape.length; k += 999)
        ASSERT_NEAR(expected[k], result[k], 1e-4 * std::abs(expected[k])) << k;
}

TEST(SoftmaxBits, DoNotDependOnThreadsOrIsaAndInPlaceIsTheSame) {
    for (const SoftmaxShape& shape : shapes()) {
        const std::vector<float> x = logits<float>(shape, 5), gradient = gradients<float>(shape);
        const std::vector<std::int64_t> label = labels(shape);
        std::vector<float> softmax, entropy;
        for (const Isa isa : vector_isas())
            for (const int threads : {1, 2, 5}) {
                const Strategy strategy{.threads = threads, .isa = isa};
                std::vector<float> first = x, second = x;
                SoftmaxBackward<float>(shape, {.source = ActivationSource::input, .strategy = strategy})
                    .execute({.grad_output = gradient.data(), .source = first.data(), .grad_input = first.data()});
                SoftmaxCrossEntropyBackward<float>(shape, {.strategy = strategy})
                    .execute({.logits = second.data(), .labels = label.data(), .grad_logits = second.data()});
                if (softmax.empty()) {
                    softmax.resize(x.size());
                    SoftmaxBackward<float>(shape, {.source = ActivationSource::input, .strategy = strategy})
                        .execute({.grad_output = gradient.data(), .source = x.data(), .grad_input = softmax.data()});
                    entropy = second;
                }
                ASSERT_EQ(std::memcmp(softmax.data(), first.data(), first.size() * sizeof(float)), 0)
                    << shape.length << "x" << shape.inner << " " << describe(strategy);
                ASSERT_EQ(std::memcmp(entropy.data(), second.data(), second.size() * sizeof(float)), 0)
                    << shape.length << "x" << shape.inner << " " << describe(strategy);
            }
    }
}

TEST(SoftmaxShape, FollowsTheLayout) {
    const SoftmaxShape nchw = softmax_over_channels(2, 3, 4, 5, Layout::nchw);
    EXPECT_EQ(nchw.outer, 2);
    EXPECT_EQ(nchw.length, 3);
    EXPECT_EQ(nchw.inner, 20);
    const SoftmaxShape nhwc = softmax_over_channels(2, 3, 4, 5, Layout::nhwc);
    EXPECT_EQ(nhwc.outer, 40);
    EXPECT_EQ(nhwc.length, 3);
    EXPECT_EQ(nhwc.inner, 1);
}

TEST(SoftmaxErrors, NameTheArgument) {
    constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 2;
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({-1, 1, 1}); }), "outer");
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({1, -1, 1}); }), "length");
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({1, 1, -1}); }), "inner");
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({1, huge, 1}); }), "length");
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({huge, 1, huge}); }), "outer * inner");
    EXPECT_EQ(thrown_argument([] { SoftmaxBackward<float>({huge, 9, 1}); }), "source");
    EXPECT_EQ(thrown_argument([] { SoftmaxCrossEntropyBackward<float>({1, 2, 1}, {.scale = NAN}); }), "scale");
    float value = 4;
    std::int64_t label = 0;
    const SoftmaxBackward<float> softmax({1, 1, 1});
    EXPECT_EQ(thrown_argument([&] { softmax.execute({.source = &value, .grad_input = &value}); }), "grad_output");
    EXPECT_EQ(thrown_argument([&] { softmax.execute({.grad_output = &value, .grad_input = &value}); }), "source");
    EXPECT_EQ(thrown_argument([&] { softmax.execute({.grad_output = &value, .source = &value}); }), "grad_input");
    const SoftmaxCrossEntropyBackward<float> entropy({1, 1, 1});
    EXPECT_EQ(thrown_argument([&] { entropy.execute({.labels = &label, .grad_logits = &value}); }), "logits");
    EXPECT_EQ(thrown_argument([&] { entropy.execute({.logits = &value, .grad_logits = &value}); }), "labels");
    EXPECT_EQ(thrown_argument([&] { entropy.execute({.logits = &value, .labels = &label}); }), "grad_logits");
    EXPECT_EQ(value, 4);
    EXPECT_NO_THROW(SoftmaxBackward<float>({0, 3, 1}).execute({}));
    EXPECT_NO_THROW(SoftmaxBackward<float>({2, 0, 1}).execute({}));
    EXPECT_NO_THROW(SoftmaxCrossEntropyBackward<float>({2, 3, 0}).execute({}));
}

}  // namespace
}  // namespace backgrad::test
