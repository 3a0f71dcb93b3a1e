// The derivatives of the oracle against finite differences of its functions, from the input and from the output.
#include "oracle/activation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace backgrad::oracle {
namespace {

constexpr Activation all[] = {Activation::linear, Activation::relu,     Activation::leaky_relu, Activation::sigmoid,
                              Activation::tanh,   Activation::gelu_erf, Activation::gelu_tanh,  Activation::silu,
                              Activation::elu,    Activation::softplus, Activation::hardswish};
constexpr Activation from_output[] = {Activation::linear, Activation::relu, Activation::leaky_relu, Activation::sigmoid,
                                      Activation::tanh,   Activation::elu,  Activation::softplus};

/// Points away from the kinks at -3, 0 and 3.
template <class Check>
void for_each_point(const Check& check) {
    for (int k = -60; k < 60; ++k) check(0.1L * static_cast<long double>(k) + 0.037L);
}

long double difference(Activation activation, double alpha, long double x) {
    const long double step = 1e-5L;
    return (activation_at(activation, alpha, x + step) - activation_at(activation, alpha, x - step)) / (2 * step);
}

TEST(ActivationOracle, AgreesWithFiniteDifferences) {
    for (const Activation activation : all)
        for (const double alpha : {-1.0, 0.3})
            for_each_point([&](long double x) {
                EXPECT_NEAR(
                    static_cast<double>(difference(activation, alpha, x)),
                    static_cast<double>(activation_derivative_at(activation, ActivationSource::input, alpha, x)), 1e-8)
                    << static_cast<int>(activation) << " at " << static_cast<double>(x);
            });
}

TEST(ActivationOracle, InputAndOutputAgree) {
    for (const Activation activation : from_output)
        for (const double alpha : {-1.0, 0.3})
            for_each_point([&](long double x) {
                const long double y = activation_at(activation, alpha, x);
                EXPECT_NEAR(
                    static_cast<double>(activation_derivative_at(activation, ActivationSource::input, alpha, x)),
                    static_cast<double>(activation_derivative_at(activation, ActivationSource::output, alpha, y)),
                    1e-15)
                    << static_cast<int>(activation) << " at " << static_cast<double>(x);
            });
}

TEST(ActivationOracle, RefusesOutputsThatDoNotTell) {
    EXPECT_THROW(activation_derivative_at(Activation::silu, ActivationSource::output, -1, 0.5L), std::invalid_argument);
}

TEST(ActivationOracle, ReluIgnoresTheGradientWhereItIsFlat) {
    const double gradient[] = {INFINITY, 2}, input[] = {-1, 3};
    const auto result = activation_backward(2, {}, gradient, input);
    EXPECT_EQ(result[0], 0);
    EXPECT_EQ(result[1], 2);
}

}  // namespace
}  // namespace backgrad::oracle
