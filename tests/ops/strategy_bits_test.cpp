// Poolings, activations and softmax: the same bits by every back end, thread count, schedule and vector ISA,
// run after run. Those of conv2d are in conv2d_bits_test.cpp,
// of blocks in block_strategies_test.cpp.
#include "oracle/pool2d.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/error.hpp>
#include <backgrad/names.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/softmax.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

template <class T>
using Gradient = std::vector<T>;

template <class T>
std::vector<T> reals(std::int64_t elements) {
    std::vector<T> values(static_cast<std::size_t>(elements));
    std::mt19937_64 random(static_cast<std::uint64_t>(elements));
    fill_reals(values, random);
    return values;
}

/// Makes a plan of the strategy once and executes it `repeats` times; calls check after each.
template <class T, class Plan, class Arguments>
void repeat(const Plan& plan, const Arguments& arguments, Gradient<T>& gradient, int repeats,
            const std::function<void()>& check) {
    for (int i = 0; i < repeats && !testing::Test::HasFailure(); ++i) {
        std::fill(gradient.begin(), gradient.end(), T(-3));
        plan.execute(arguments);
        check();
    }
}

/// Calls run(strategy, repeats, gradient, check) for every strategy; every check compares with the first gradient.
template <class T, class Run>
void expect_same_bits(std::size_t elements, const Run& run) {
    if (vector_isas().empty()) GTEST_SKIP() << "the promise is about the vector ISAs, this machine has none";
    const int repeats = small_scale() ? 2 : 20;
    Gradient<T> first, gradient(elements);
    for_each_equal_strategy(testing::Test::HasFailure, [&](const Strategy& strategy) {
        SCOPED_TRACE(describe(strategy));
        run(strategy, repeats, gradient, [&] {
            if (first.empty()) first = gradient;
            EXPECT_EQ(std::memcmp(first.data(), gradient.data(), elements * sizeof(T)), 0);
        });
    });
}

template <class T>
class StrategyBits : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(StrategyBits, Types);

/// Whether the derivative can be told from that source.
template <class T>
bool is_defined(Activation activation, ActivationSource source) {
    try {
        ActivationBackward<T>(1, {.activation = activation, .source = source});
        return true;
    } catch (const Error&) {
        return false;
    }
}

constexpr Pool2dShape overlapping{.batch = 3,
                                  .channels = 19,
                                  .in_height = 23,
                                  .in_width = 31,
                                  .window_height = 3,
                                  .window_width = 3,
                                  .stride_height = 2,
                                  .stride_width = 2,
                                  .padding_top = 1,
                                  .padding_bottom = 1,
                                  .padding_left = 1,
                                  .padding_right = 1};

TYPED_TEST(StrategyBits, OfMaxPoolingFromEverySource) {
    using T = TypeParam;
    const Pool2dShape& shape = overlapping;
    const std::int64_t outputs = shape.batch * shape.channels * shape.out_height() * shape.out_width();
    const std::vector<T> input = reals<T>(shape.batch * shape.channels * shape.in_height * shape.in_width);
    const std::vector<T> grad_output = reals<T>(outputs);
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        const auto indices = oracle::max_pool2d_plane_indices(shape, layout, input.data());
        const auto offsets = oracle::max_pool2d_window_offsets(shape, layout, input.data());
        for (const Name<MaxPoolSource>& source : names<MaxPoolSource>) {
            SCOPED_TRACE(source.word);
            expect_same_bits<T>(input.size(),
                                [&](const Strategy& strategy, int repeats, auto& gradient, const auto& check) {
                                    const MaxPool2dBackward<T> plan(
                                        shape, {.layout = layout, .source = source.value, .strategy = strategy});
                                    repeat<T>(plan,
                                              MaxPool2dBackwardArguments<T>{.grad_output = grad_output.data(),
                                                                            .input = input.data(),
                                                                            .plane_indices = indices.data(),
                                                                            .window_offsets = offsets.data(),
                                                                            .grad_input = gradient.data()},
                                              gradient, repeats, check);
                                });
        }
    }
}

TYPED_TEST(StrategyBits, OfAveragePooling) {
    using T = TypeParam;
    const Pool2dShape& shape = overlapping;
    const std::vector<T> grad_output = reals<T>(shape.batch * shape.channels * shape.out_height() * shape.out_width());
    const std::size_t inputs =
        static_cast<std::size_t>(shape.batch * shape.channels * shape.in_height * shape.in_width);
    for (const Layout layout : {Layout::nchw, Layout::nhwc})
        expect_same_bits<T>(inputs, [&](const Strategy& strategy, int repeats, auto& gradient, const auto& check) {
            const AvgPool2dBackward<T> plan(shape, {.layout = layout, .strategy = strategy});
            repeat<T>(plan,
                      AvgPool2dBackwardArguments<T>{.grad_output = grad_output.data(), .grad_input = gradient.data()},
                      gradient, repeats, check);
        });
}

TYPED_TEST(StrategyBits, OfGlobalAveragePooling) {
    using T = TypeParam;
    const GlobalAvgPool2dShape shape{.batch = 9, .channels = 70, .in_height = 7, .in_width = 9};
    const std::vector<T> grad_output = reals<T>(shape.batch * shape.channels);
    const std::size_t inputs = grad_output.size() * static_cast<std::size_t>(shape.in_height * shape.in_width);
    for (const Layout layout : {Layout::nchw, Layout::nhwc})
        expect_same_bits<T>(inputs, [&](const Strategy& strategy, int repeats, auto& gradient, const auto& check) {
            const GlobalAvgPool2dBackward<T> plan(shape, {.layout = layout, .strategy = strategy});
            repeat<T>(
                plan,
                GlobalAvgPool2dBackwardArguments<T>{.grad_output = grad_output.data(), .grad_input = gradient.data()},
                gradient, repeats, check);
        });
}

TYPED_TEST(StrategyBits, OfEveryActivationFromEverySource) {
    using T = TypeParam;
    constexpr std::int64_t elements = 40'003;
    const std::vector<T> source = reals<T>(elements), grad_output = reals<T>(elements);
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(activation_mask_bytes(elements)));
    const std::int64_t mask_bytes = static_cast<std::int64_t>(mask.size());
    make_activation_mask(elements, source.data(), mask.data(), mask_bytes);
    int pairs = 0;
    for (const Name<Activation>& activation : names<Activation>)
        for (const Name<ActivationSource>& from : names<ActivationSource>) {
            if (!is_defined<T>(activation.value, from.value)) continue;
            SCOPED_TRACE(std::string(activation.word) + " from " + std::string(from.word));
            ++pairs;
            expect_same_bits<T>(
                source.size(), [&](const Strategy& strategy, int repeats, auto& gradient, const auto& check) {
                    const ActivationBackward<T> plan(
                        elements, {.activation = activation.value, .source = from.value, .strategy = strategy});
                    repeat<T>(plan,
                              ActivationBackwardArguments<T>{.grad_output = grad_output.data(),
                                                             .source = source.data(),
                                                             .grad_input = gradient.data(),
                                                             .mask = mask.data(),
                                                             .mask_bytes = mask_bytes},
                              gradient, repeats, check);
                });
        }
    EXPECT_GT(pairs, static_cast<int>(std::size(names<Activation>))) << "some have several sources";
}

TYPED_TEST(StrategyBits, OfSoftmaxFromEverySource) {
    using T = TypeParam;
    const SoftmaxShape shape{37, 211, 3};
    const std::vector<T> source = reals<T>(37 * 211 * 3), grad_output = reals<T>(37 * 211 * 3);
    for (const ActivationSource from : {ActivationSource::input, ActivationSource::output}) {
        SCOPED_TRACE(name(from));
        expect_same_bits<T>(source.size(), [&](const Strategy& strategy, int repeats, auto& gradient,
                                               const auto& check) {
            const SoftmaxBackward<T> plan(shape, {.source = from, .strategy = strategy});
            repeat<T>(plan,
                      SoftmaxBackwardArguments<T>{
                          .grad_output = grad_output.data(), .source = source.data(), .grad_input = gradient.data()},
                      gradient, repeats, check);
        });
    }
}

TYPED_TEST(StrategyBits, OfSoftmaxWithCrossEntropy) {
    using T = TypeParam;
    const SoftmaxShape shape{137, 101, 1};
    const std::vector<T> logits = reals<T>(137 * 101);
    std::vector<std::int64_t> labels(137);
    for (std::size_t row = 0; row < labels.size(); ++row) labels[row] = static_cast<std::int64_t>(row * 7 % 101);
    expect_same_bits<T>(logits.size(), [&](const Strategy& strategy, int repeats, auto& gradient, const auto& check) {
        const SoftmaxCrossEntropyBackward<T> plan(shape, {.strategy = strategy});
        repeat<T>(plan,
                  SoftmaxCrossEntropyBackwardArguments<T>{
                      .logits = logits.data(), .labels = labels.data(), .grad_logits = gradient.data()},
                  gradient, repeats, check);
    });
}

}  // namespace
}  // namespace backgrad::test
