// The activations against long double: the error of every derivative over all exponents, the same bits on all vector
// ISAs, in place, accumulated, at any length and alignment.
#include "oracle/activation.hpp"
#include "support/describe.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"
#include "support/thrown.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/names.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace backgrad::test {
namespace {

struct Case {
    Activation activation;
    ActivationSource source;
    double alpha;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const Name<Activation>& activation : names<Activation>) {
        all.push_back({activation.value, ActivationSource::input, -1});
        switch (activation.value) {
            case Activation::gelu_erf:
            case Activation::gelu_tanh:
            case Activation::silu:
            case Activation::hardswish:
                break;
            default:
                all.push_back({activation.value, ActivationSource::output, -1});
        }
    }
    all.push_back({Activation::leaky_relu, ActivationSource::input, 0.25});
    all.push_back({Activation::elu, ActivationSource::input, 2.5});
    all.push_back({Activation::elu, ActivationSource::output, 2.5});
    return all;
}

std::string describe(const Case& c) {
    return std::string(name(c.activation)) + " from " + (c.source == ActivationSource::input ? "input" : "output") +
           " alpha " + std::to_string(c.alpha);
}

/// Values of every exponent and both signs, more of them where the functions bend, and their neighbours' neighbours:
/// for outputs those that the function can have.
template <class T>
std::vector<T> sources(const Case& c) {
    std::vector<T> values{T(0), -T(0), std::numeric_limits<T>::denorm_min(), -std::numeric_limits<T>::denorm_min()};
    std::mt19937_64 random(5);
    using Limits = std::numeric_limits<T>;
    for (int exponent = Limits::min_exponent - 1; exponent < Limits::max_exponent; ++exponent)
        for (int k = 0; k < (sizeof(T) == 4 ? 40 : 8); ++k) {
            const T value = std::ldexp(static_cast<T>(1 + std::abs(real(random))), exponent);
            values.push_back(value);
            values.push_back(-value);
        }
    const int dense = small_scale() ? 20000 : 200000;
    for (int k = 0; k < dense; ++k) values.push_back(static_cast<T>(12 * real(random)));
    for (int k = 0; k < dense / 10; ++k) values.push_back(static_cast<T>(800 * real(random)));
    if (c.source == ActivationSource::input) return values;
    for (T& value : values) value = static_cast<T>(oracle::activation_at(c.activation, c.alpha, value));
    return values;
}

template <class T>
std::vector<T> run(const Case& c, const Strategy& strategy, const std::vector<T>& gradient,
                   const std::vector<T>& source) {
    std::vector<T> result(source.size());
    const ActivationBackward<T> plan(
        static_cast<std::int64_t>(source.size()),
        {.activation = c.activation, .source = c.source, .alpha = c.alpha, .strategy = strategy});
    plan.execute({.grad_output = gradient.data(), .source = source.data(), .grad_input = result.data()});
    return result;
}

/// The unit in the last place of the larger of |value| and 1e-3.
template <class T>
double unit_of(long double value) {
    const double magnitude = std::max(1e-3, std::abs(static_cast<double>(value)));
    return std::ldexp(1.0, std::ilogb(magnitude) - (std::numeric_limits<T>::digits - 1));
}

/// alpha is rounded to T before anything else happens.
template <class T>
double rounded_alpha(const Case& c) {
    if (c.alpha != -1) return static_cast<double>(static_cast<T>(c.alpha));
    return c.activation == Activation::leaky_relu ? static_cast<double>(static_cast<T>(0.01)) : -1.0;
}

template <class T>
void check_errors(double most_units) {
    for (const Case& c : cases()) {
        const std::vector<T> source = sources<T>(c), ones(source.size(), T(1));
        for (const Isa isa : available_isas()) {
            const std::vector<T> result = run(c, {.isa = isa}, ones, source);
            double worst = 0;
            T at = 0;
            for (std::size_t k = 0; k < source.size(); ++k) {
                const long double exact =
                    oracle::activation_derivative_at(c.activation, c.source, rounded_alpha<T>(c), source[k]);
                const double error =
                    static_cast<double>(std::abs(static_cast<long double>(result[k]) - exact)) / unit_of<T>(exact);
                if (!(error > worst) && !std::isnan(error)) continue;
                worst = error;
                at = source[k];
                if (std::isnan(error)) break;
            }
            // The scalar ISA rounds a * b + c twice.
            EXPECT_LE(worst, isa == Isa::scalar ? most_units + 1 : most_units)
                << describe(c) << " " << name(isa) << " at " << at;
            if (std::getenv("BACKGRAD_TEST_PRINT_ERRORS"))
                std::printf("%-40s %-7s %5.2f units at %g\n", describe(c).c_str(), std::string(name(isa)).c_str(),
                            worst, static_cast<double>(at));
        }
    }
}

TEST(ActivationError, IsAtMostFourUnitsInFloat) { check_errors<float>(4); }
TEST(ActivationError, IsAtMostEightUnitsInDouble) { check_errors<double>(8); }

template <class T>
void check_bits() {
    for (const Case& c : cases()) {
        std::vector<T> source = sources<T>(c), gradient(source.size());
        source.push_back(std::numeric_limits<T>::infinity());
        source.push_back(-std::numeric_limits<T>::infinity());
        std::mt19937_64 random(6);
        fill_reals(gradient, random);
        gradient.resize(source.size(), T(1));
        std::vector<T> first;
        for (const Isa isa : vector_isas())
            for (const int threads : {1, 3}) {
                const std::vector<T> result = run(c, {.threads = threads, .isa = isa}, gradient, source);
                if (first.empty()) first = result;
                ASSERT_EQ(std::memcmp(first.data(), result.data(), result.size() * sizeof(T)), 0)
                    << describe(c) << " " << name(isa);
            }
    }
}

TEST(ActivationBits, DoNotDependOnThreadsOrIsaInFloat) { check_bits<float>(); }
TEST(ActivationBits, DoNotDependOnThreadsOrIsaInDouble) { check_bits<double>(); }

/// Every length up to a few vectors, guarded, overwritten, accumulated and in place, against one long run.
template <class T>
void check_lengths() {
    constexpr std::int64_t longest = 75;
    std::mt19937_64 random(9);
    std::vector<T> gradient(longest), source(longest);
    fill_reals(gradient, random);
    fill_reals(source, random);
    for (const Case& c : cases())
        for (const Isa isa : available_isas()) {
            const std::vector<T> expected = run(c, {.isa = isa}, gradient, source);
            for (std::int64_t length = 0; length <= longest; length += length < 40 ? 1 : 7)
                for (const WriteMode mode : {WriteMode::overwrite, WriteMode::accumulate})
                    for (const int place : {0, 1, 2}) {  // apart, in grad_output, in source
                        if (place != 0 && mode == WriteMode::accumulate) continue;
                        Guarded<T> g(length), s(length), out(length);
                        std::copy_n(gradient.begin(), length, g.begin());
                        std::copy_n(source.begin(), length, s.begin());
                        if (mode == WriteMode::accumulate) std::fill(out.begin(), out.end(), T(2));
                        Guarded<T>& target = place == 0 ? out : place == 1 ? g : s;
                        const ActivationBackward<T> plan(length, {.activation = c.activation,
                                                                  .source = c.source,
                                                                  .alpha = c.alpha,
                                                                  .grad_input_mode = mode,
                                                                  .strategy = {.isa = isa}});
                        plan.execute({.grad_output = g.data(), .source = s.data(), .grad_input = target.data()});
                        ASSERT_TRUE(g.intact() && s.intact() && out.intact()) << describe(c);
                        for (std::int64_t k = 0; k < length; ++k) {
                            const T old = mode == WriteMode::accumulate ? T(2) : T(0);
                            const T value = mode == WriteMode::accumulate ? old + expected[k] : expected[k];
                            ASSERT_EQ(value, target[k])
                                << describe(c) << " " << name(isa) << " length " << length << " element " << k;
                        }
                    }
        }
}

TEST(ActivationBackward, AnyLengthInFloat) { check_lengths<float>(); }
TEST(ActivationBackward, AnyLengthInDouble) { check_lengths<double>(); }

/// Tensors beyond the last-level cache are written by streaming stores; they give the same as short runs do.
TEST(ActivationBackward, StreamingStoresGiveTheSame) {
    if (small_scale()) GTEST_SKIP() << "too large for a sanitizer build";
    const std::int64_t elements = (std::int64_t{48} << 20) + 21;
    std::vector<float> gradient(elements), result(elements + 3);
    for (std::int64_t k = 0; k < elements; ++k) gradient[k] = static_cast<float>(k % 1013 - 500) / 64;
    const Case c{Activation::sigmoid, ActivationSource::output, -1};
    const ActivationBackward<float> plan(elements, {.activation = c.activation, .source = c.source});
    plan.execute({.grad_output = gradient.data(), .source = gradient.data(), .grad_input = result.data() + 3});
    const std::vector<float> period(gradient.begin(), gradient.begin() + 1013);
    const std::vector<float> expected = run(c, {}, period, period);
    for (std::int64_t k = 0; k < elements; ++k) ASSERT_EQ(result[k + 3], expected[k % 1013]) << k;
}

TEST(ActivationBackward, ReluSelectsAndDoesNotMultiply) {
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> gradient{infinity, nan, -infinity, 3, -4}, source{-1, 0, nan, 2, -0.0F};
    for (const Isa isa : available_isas()) {
        const auto result = run<float>({Activation::relu, ActivationSource::input, -1}, {.isa = isa}, gradient, source);
        const std::vector<float> expected{0, 0, 0, 3, 0};
        EXPECT_EQ(std::memcmp(result.data(), expected.data(), sizeof(float) * 5), 0) << name(isa);
    }
}

TEST(ActivationBackward, NanAndInfinityGoWhereTheFormulaSends) {
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    // NaN with payloads in every byte: bit tricks of the exponential must not turn one into a number.
    const auto payload = [](std::uint32_t bits) {
        float value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    };
    const std::vector<float> source{nan,      payload(0x7fc00001), payload(0xffc00ff3), payload(0x7fd55555), infinity,
                                    -infinity};
    const std::vector<float> ones(source.size(), 1.0F);
    for (const Activation activation :
         {Activation::sigmoid, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh, Activation::silu,
          Activation::elu, Activation::softplus, Activation::hardswish})
        for (const Isa isa : available_isas()) {
            const auto result = run<float>({activation, ActivationSource::input, -1}, {.isa = isa}, ones, source);
            for (std::size_t k = 0; k < 4; ++k) EXPECT_TRUE(std::isnan(result[k])) << name(activation) << k;
            const bool bell = activation == Activation::sigmoid || activation == Activation::tanh;
            EXPECT_EQ(result[4], bell ? 0.0F : 1.0F) << name(activation) << " " << name(isa);
            EXPECT_EQ(result[5], 0.0F) << name(activation) << " " << name(isa);
        }
}

TEST(ActivationErrors, NameTheArgument) {
    using Plan = ActivationBackward<float>;
    EXPECT_EQ(thrown_argument([] { Plan(-1); }), "elements");
    EXPECT_EQ(thrown_argument([] { Plan(std::numeric_limits<std::int64_t>::max() / 4); }), "elements");
    for (const Activation activation :
         {Activation::gelu_erf, Activation::gelu_tanh, Activation::silu, Activation::hardswish})
        EXPECT_EQ(thrown_argument([&] { Plan(1, {.activation = activation, .source = ActivationSource::output}); }),
                  "source");
    for (const Activation activation : {Activation::leaky_relu, Activation::elu}) {
        EXPECT_EQ(thrown_argument([&] { Plan(1, {.activation = activation, .alpha = NAN}); }), "alpha");
        EXPECT_EQ(thrown_argument(
                      [&] { Plan(1, {.activation = activation, .source = ActivationSource::output, .alpha = -0.5}); }),
                  "alpha");
    }
}

TEST(ActivationErrors, NullPointersAreFoundBeforeAnythingIsWritten) {
    float value = 3;
    const ActivationBackward<float> plan(1);
    EXPECT_EQ(thrown_argument([&] { plan.execute({.source = &value, .grad_input = &value}); }), "grad_output");
    EXPECT_EQ(thrown_argument([&] { plan.execute({.grad_output = &value, .grad_input = &value}); }), "source");
    EXPECT_EQ(thrown_argument([&] { plan.execute({.grad_output = &value, .source = &value}); }), "grad_input");
    EXPECT_EQ(value, 3);
    EXPECT_NO_THROW(ActivationBackward<float>(0).execute({}));
    const ActivationBackward<float> linear(1, {.activation = Activation::linear});
    EXPECT_NO_THROW(linear.execute({.grad_output = &value, .grad_input = &value}));
}

}  // namespace
}  // namespace backgrad::test
