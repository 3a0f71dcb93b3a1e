// The activation whose derivative the caller passes.
#include "support/describe.hpp"
#include "support/strategies.hpp"

#include <backgrad/activation_function.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// A derivative with a state of its own.
struct Scaled {
    float factor;
    float operator()(float x) const { return factor * x * x; }
};

TEST(ActivationFunctionBackward, AppliesTheDerivativeOnEveryBackend) {
    for (const std::int64_t elements : {0, 1, 4096, 4097, 50000})
        for (const Backend backend : available_backends())
            for (const WriteMode mode : {WriteMode::overwrite, WriteMode::accumulate}) {
                std::vector<float> gradient(elements, 3.0F), source(elements), result(elements, 10.0F);
                for (std::int64_t k = 0; k < elements; ++k) source[k] = static_cast<float>(k % 17);
                const Strategy strategy{.backend = backend, .threads = backend == Backend::serial ? 1 : 3};
                activation_function_backward<float>(
                    elements, {.grad_output = gradient.data(), .source = source.data(), .grad_input = result.data()},
                    Scaled{2.0F}, mode, strategy);
                const float old = mode == WriteMode::accumulate ? 10.0F : 0.0F;
                for (std::int64_t k = 0; k < elements; ++k)
                    ASSERT_EQ(result[k], old + 3.0F * 2.0F * source[k] * source[k]) << describe(strategy) << " " << k;
            }
}

TEST(ActivationFunctionBackward, WorksInPlaceAndWithALambda) {
    std::vector<double> values{-1, 0, 0.5, 2};
    activation_function_backward<double>(
        4, {.grad_output = values.data(), .source = values.data(), .grad_input = values.data()},
        [](double x) { return std::cos(x); });
    EXPECT_EQ(values[2], 0.5 * std::cos(0.5));
}

TEST(ActivationFunctionBackward, NamesWrongArguments) {
    const auto one = [](float) { return 1.0F; };
    const auto thrown = [](const auto& call) -> std::string {
        try {
            call();
        } catch (const Error& error) {
            return error.argument();
        }
        return "nothing";
    };
    float value = 1;
    EXPECT_EQ(thrown([&] { activation_function_backward<float>(-1, {}, one); }), "elements");
    EXPECT_EQ(thrown([&] { activation_function_backward<float>(1, {}, one); }), "grad_output");
    EXPECT_EQ(thrown([&] { activation_function_backward<float>(1, {.grad_output = &value}, one); }), "source");
    EXPECT_EQ(thrown([&] { activation_function_backward<float>(1, {.grad_output = &value, .source = &value}, one); }),
              "grad_input");
}

}  // namespace
}  // namespace backgrad::test
