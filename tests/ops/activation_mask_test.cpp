// ReLU and leaky ReLU from a mask: the bits of the pass from the input, at any length, alignment and in place.
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"
#include "support/thrown.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/block.hpp>
#include <backgrad/names.hpp>
#include <backgrad/softmax.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

constexpr Activation masked[] = {Activation::relu, Activation::leaky_relu};

/// Reals of both signs, and what a comparison with zero could get wrong.
template <class T>
std::vector<T> inputs(std::int64_t elements) {
    std::vector<T> values(static_cast<std::size_t>(elements));
    std::mt19937_64 random(3);
    fill_reals(values, random);
    using Limits = std::numeric_limits<T>;
    const T special[] = {T(0),
                         -T(0),
                         Limits::quiet_NaN(),
                         -Limits::quiet_NaN(),
                         Limits::infinity(),
                         -Limits::infinity(),
                         Limits::denorm_min(),
                         -Limits::denorm_min()};
    for (std::size_t k = 0; k < values.size(); k += 3) values[k] = special[k / 3 % 8];
    return values;
}

template <class T>
std::vector<std::uint8_t> mask_of(const std::vector<T>& input) {
    const auto elements = static_cast<std::int64_t>(input.size());
    Guarded<std::uint8_t> mask(activation_mask_bytes(elements));
    make_activation_mask(elements, input.data(), mask.data(), static_cast<std::int64_t>(mask.size()));
    EXPECT_TRUE(mask.intact());
    return {mask.begin(), mask.end()};
}

template <class T>
void check_mask() {
    for (std::int64_t elements = 0; elements < 70; ++elements) {
        const std::vector<T> input = inputs<T>(elements);
        std::vector<std::uint8_t> expected(static_cast<std::size_t>((elements + 7) / 8));
        for (std::size_t k = 0; k < input.size(); ++k) {
            if (input[k] > 0) expected[k / 8] = static_cast<std::uint8_t>(expected[k / 8] | 1u << k % 8);
        }
        ASSERT_EQ(mask_of(input), expected) << elements;
    }
}

TEST(ActivationMask, HasABitPerElementInFloat) { check_mask<float>(); }
TEST(ActivationMask, HasABitPerElementInDouble) { check_mask<double>(); }

template <class T>
std::vector<T> expected_gradient(const ActivationBackwardOptions& options, const std::vector<T>& gradient,
                                 const std::vector<T>& input, T old) {
    std::vector<T> result(input.size(), old);
    const ActivationBackward<T> plan(static_cast<std::int64_t>(input.size()), options);
    plan.execute({.grad_output = gradient.data(), .source = input.data(), .grad_input = result.data()});
    return result;
}

/// `offset` elements shift the target, so that streaming stores must begin within a byte of the mask.
template <class T>
void check_gradient(ActivationBackwardOptions options, std::int64_t elements, std::int64_t offset, bool in_place) {
    const std::vector<T> input = inputs<T>(elements);
    std::vector<T> gradient(input.size());
    std::mt19937_64 random(4);
    fill_reals(gradient, random);
    const std::vector<T> expected = expected_gradient(options, gradient, input, T(2));
    options.source = ActivationSource::mask;
    const std::vector<std::uint8_t> mask = mask_of(input);
    Guarded<T> target(elements + offset);
    T* const to = target.data() + offset;
    if (in_place) std::copy(gradient.begin(), gradient.end(), to);
    else std::fill_n(to, elements, T(2));
    const ActivationBackward<T> plan(elements, options);
    plan.execute({.grad_output = in_place ? to : gradient.data(),
                  .grad_input = to,
                  .mask = mask.data(),
                  .mask_bytes = static_cast<std::int64_t>(mask.size())});
    EXPECT_TRUE(target.intact());
    ASSERT_TRUE(elements == 0 || std::memcmp(to, expected.data(), expected.size() * sizeof(T)) == 0)
        << name(options.activation) << " " << name(options.strategy.isa) << " elements " << elements << " offset "
        << offset;
}

template <class T>
void check_lengths() {
    for (const Activation activation : masked) {
        for (const Isa isa : available_isas()) {
            for (std::int64_t elements = 0; elements < 70; ++elements) {
                check_gradient<T>({.activation = activation, .strategy = {.isa = isa}}, elements, 0, false);
                check_gradient<T>({.activation = activation, .strategy = {.isa = isa}}, elements, 1, true);
                check_gradient<T>(
                    {.activation = activation, .grad_input_mode = WriteMode::accumulate, .strategy = {.isa = isa}},
                    elements, 0, false);
                if (testing::Test::HasFatalFailure()) return;
            }
            check_gradient<T>({.activation = activation, .alpha = 0.25, .strategy = {.threads = 3, .isa = isa}}, 20011,
                              0, false);
        }
    }
}

TEST(ActivationFromMask, GivesTheBitsOfTheInputInFloat) { check_lengths<float>(); }
TEST(ActivationFromMask, GivesTheBitsOfTheInputInDouble) { check_lengths<double>(); }

/// Beyond the last-level cache stores stream, from the first aligned element on.
TEST(ActivationFromMask, GivesTheBitsOfTheInputWithStreamingStores) {
    if (small_scale()) GTEST_SKIP() << "too large for a sanitizer build";
    const std::int64_t elements = (std::int64_t{48} << 20) + 21;
    for (const Isa isa : vector_isas()) check_gradient<float>({.strategy = {.isa = isa}}, elements, 3, false);
}

TEST(ActivationMaskErrors, NameTheArgument) {
    EXPECT_EQ(thrown_argument([] { activation_mask_bytes(-1); }), "elements");
    const float input[9] = {};
    std::uint8_t mask[2] = {7, 7};
    EXPECT_EQ(thrown_argument([&] { make_activation_mask(9, input, mask, 1); }), "mask_bytes");
    EXPECT_EQ(thrown_argument([&] { make_activation_mask<float>(9, nullptr, mask, 2); }), "input");
    EXPECT_EQ(thrown_argument([&] { make_activation_mask(9, input, nullptr, 2); }), "mask");
    EXPECT_EQ(mask[0], 7);
    for (const Name<Activation>& activation : names<Activation>) {
        const bool fine = std::find(std::begin(masked), std::end(masked), activation.value) != std::end(masked);
        const auto make = [&] {
            ActivationBackward<float>(1, {.activation = activation.value, .source = ActivationSource::mask});
        };
        EXPECT_EQ(thrown_argument(make), fine ? "nothing" : "source") << activation.word;
    }
    const ActivationBackward<float> plan(9, {.source = ActivationSource::mask});
    float gradient[9] = {}, result[9] = {3};
    EXPECT_EQ(thrown_argument([&] { plan.execute({.grad_output = gradient, .grad_input = result}); }), "mask");
    EXPECT_EQ(thrown_argument([&] {
                  plan.execute({.grad_output = gradient, .grad_input = result, .mask = mask, .mask_bytes = 1});
              }),
              "mask_bytes");
    EXPECT_EQ(result[0], 3);
}

TEST(ActivationMaskErrors, OtherOperationsReadNoMask) {
    EXPECT_EQ(
        thrown_argument([] { SoftmaxBackward<float>({.outer = 1, .length = 1}, {.source = ActivationSource::mask}); }),
        "source");
    EXPECT_EQ(thrown_argument([] {
                  BlockBackward<float>({},
                                       {.activation = Activation::relu, .activation_source = ActivationSource::mask});
              }),
              "activation_source");
}

}  // namespace
}  // namespace backgrad::test
