// The outputs of the NumPy reference that backgrad supersedes, in float and double, both layouts, every ISA and back
// end. tests/data/seed_vectors/README.md tells the rules and the tolerances.
#include "ops/seed_vectors.hpp"
#include "support/describe.hpp"
#include "support/strategies.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace backgrad::test {
namespace {

/// Rows of a matrix become its columns; a CHW tensor seen as C x HW turns into HWC.
template <class To, class From>
std::vector<To> transposed(const std::vector<From>& from, std::int64_t rows, std::int64_t columns) {
    std::vector<To> to(from.size());
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t column = 0; column < columns; ++column)
            to[column * rows + row] = static_cast<To>(from[row * columns + column]);
    return to;
}

/// A tensor of the vectors in the library's layout: its first axis counts channels.
template <class T>
std::vector<T> to_layout(const VectorTensor& tensor, Layout layout) {
    if (layout == Layout::nchw) return {tensor.data.begin(), tensor.data.end()};
    const std::int64_t channels = tensor.size(0, 3);
    return transposed<T>(tensor.data, channels, tensor.size(1, 3) * tensor.size(2, 3));
}

/// The way back, for comparison with the vectors.
template <class T>
std::vector<T> to_chw(const std::vector<T>& data, const VectorTensor& like, Layout layout) {
    if (layout == Layout::nchw) return data;
    return transposed<T>(data, like.size(1, 3) * like.size(2, 3), like.size(0, 3));
}

/// The error that an element may have; 0 asks for ==.
using Tolerance = std::function<double(std::size_t)>;

double exact(std::size_t) { return 0; }

bool matches(double expected, double actual, double tolerance) {
    if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
    return expected == actual || std::abs(expected - actual) <= tolerance;
}

template <class T>
void expect_matches(const VectorTensor& expected, const std::vector<T>& actual, const Tolerance& tolerance,
                    const std::string& what) {
    ASSERT_EQ(expected.data.size(), actual.size()) << what;
    for (std::size_t k = 0; k < actual.size(); ++k)
        ASSERT_TRUE(matches(expected.data[k], actual[k], tolerance(k)))
            << what << "[" << k << "]: expected " << expected.data[k] << ", got " << actual[k] << ", tolerance "
            << tolerance(k);
}

/// Calls check(strategy) for each ISA and back end, with three workers where it may.
template <class Check>
void for_each_strategy(const Check& check) {
    for (const Isa isa : available_isas())
        for (const Backend backend : available_backends()) {
            const Strategy strategy{.backend = backend, .threads = threads_for(backend, 3), .isa = isa};
            SCOPED_TRACE(describe(strategy));
            check(strategy);
            if (testing::Test::HasFatalFailure()) return;
        }
}

/// Calls check(layout, strategy) for each layout and strategy.
template <class Check>
void for_each_way(const Check& check) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        SCOPED_TRACE(name(layout));
        for_each_strategy([&](const Strategy& strategy) { check(layout, strategy); });
        if (testing::Test::HasFatalFailure()) return;
    }
}

template <class T>
void check_conv2d(const VectorCase& vector) {
    const VectorTensor grad_output = vector.tensor("grad_output"), weight = vector.tensor("weight"),
                       input = vector.tensor("input"), grad_input = vector.tensor("grad_input"),
                       grad_weight = vector.tensor("grad_weight"), grad_bias = vector.tensor("grad_bias");
    const std::int64_t kernel = vector.integer("kernel_size"), stride = vector.integer("stride");
    const Conv2dShape shape{.in_channels = input.size(0, 3),
                            .in_height = input.size(1, 3),
                            .in_width = input.size(2, 3),
                            .out_channels = grad_output.size(0, 3),
                            .kernel_height = kernel,
                            .kernel_width = kernel,
                            .stride_height = stride,
                            .stride_width = stride,
                            .out_height = grad_output.size(1, 3),
                            .out_width = grad_output.size(2, 3)};
    for_each_way([&](Layout layout, const Strategy& strategy) {
        const auto g = to_layout<T>(grad_output, layout), x = to_layout<T>(input, layout);
        const std::vector<T> w(weight.data.begin(), weight.data.end());
        std::vector<T> dx(x.size()), dw(w.size()), db(static_cast<std::size_t>(shape.out_channels));
        conv2d_backward<T>(shape, {g.data(), x.data(), w.data(), dx.data(), dw.data(), db.data()},
                           {.layout = layout,
                            .weight_layout = WeightLayout::oihw,
                            .input_gradient = InputGradient::rotated_kernel,
                            .strategy = strategy});
        expect_matches(grad_input, to_chw(dx, grad_input, layout), exact, "grad_input");
        expect_matches(grad_weight, dw, exact, "grad_weight");
        expect_matches(grad_bias, db, exact, "grad_bias");
    });
}

/// The pooling that a case describes, with the output sizes checked against those of its grad_output.
Pool2dShape pool_shape(const VectorCase& vector, const VectorTensor& input, const VectorTensor& grad_output) {
    const std::int64_t window = vector.integer("window"), stride = vector.integer("stride");
    const Pool2dShape shape{.channels = input.size(0, 3),
                            .in_height = input.size(1, 3),
                            .in_width = input.size(2, 3),
                            .window_height = window,
                            .window_width = window,
                            .stride_height = stride,
                            .stride_width = stride};
    EXPECT_EQ(shape.out_height(), grad_output.size(1, 3)) << "height of grad_output";
    EXPECT_EQ(shape.out_width(), grad_output.size(2, 3)) << "width of grad_output";
    return shape;
}

template <class T>
void check_max_pool(const VectorCase& vector) {
    const VectorTensor grad_output = vector.tensor("grad_output"), input = vector.tensor("input"),
                       grad_input = vector.tensor("grad_input");
    const Pool2dShape shape = pool_shape(vector, input, grad_output);
    if (testing::Test::HasFailure()) return;
    for_each_way([&](Layout layout, const Strategy& strategy) {
        const auto g = to_layout<T>(grad_output, layout), x = to_layout<T>(input, layout);
        std::vector<T> dx(x.size());
        const MaxPool2dBackward<T> plan(shape,
                                        {.layout = layout, .source = MaxPoolSource::input, .strategy = strategy});
        plan.execute({.grad_output = g.data(), .input = x.data(), .grad_input = dx.data()});
        expect_matches(grad_input, to_chw(dx, grad_input, layout), exact, "grad_input");
    });
}

/// 4 * windows * eps(float) * sum |g| / area over the windows that cover an element: the reference adds in float.
Tolerance average_tolerance(const Pool2dShape& shape, const VectorTensor& grad_output) {
    std::vector<double> absolute_sum(static_cast<std::size_t>(shape.channels * shape.in_height * shape.in_width));
    std::vector<double> windows(absolute_sum.size());
    for (std::int64_t c = 0; c < shape.channels; ++c)
        for (std::int64_t y = 0; y < shape.out_height(); ++y)
            for (std::int64_t x = 0; x < shape.out_width(); ++x)
                for (std::int64_t r = 0; r < shape.window_height; ++r)
                    for (std::int64_t q = 0; q < shape.window_width; ++q) {
                        const std::int64_t row = c * shape.in_height + y * shape.stride_height + r;
                        const std::int64_t at = row * shape.in_width + x * shape.stride_width + q;
                        const std::int64_t from = (c * shape.out_height() + y) * shape.out_width() + x;
                        absolute_sum[at] += std::abs(grad_output.data[from]);
                        windows[at] += 1;
                    }
    const double area = static_cast<double>(shape.window_height * shape.window_width);
    return
        [=](std::size_t k) { return 4 * windows[k] * std::numeric_limits<float>::epsilon() * absolute_sum[k] / area; };
}

template <class T>
void check_avg_pool(const VectorCase& vector) {
    const VectorTensor grad_output = vector.tensor("grad_output"), input = vector.tensor("input"),
                       grad_input = vector.tensor("grad_input");
    const Pool2dShape shape = pool_shape(vector, input, grad_output);
    if (testing::Test::HasFailure()) return;
    const Tolerance tolerance = average_tolerance(shape, grad_output);
    for_each_way([&](Layout layout, const Strategy& strategy) {
        const auto g = to_layout<T>(grad_output, layout);
        std::vector<T> dx(grad_input.data.size());
        const AvgPool2dBackward<T> plan(shape, {.layout = layout, .strategy = strategy});
        plan.execute({g.data(), dx.data()});
        expect_matches(grad_input, to_chw(dx, grad_input, layout), tolerance, "grad_input");
    });
}

/// A relative error, 2e-7 in float and 1e-12 in double.
template <class T>
Tolerance relative(const VectorTensor& expected) {
    const double factor = std::is_same_v<T, float> ? 2e-7 : 1e-12;
    return [&expected, factor](std::size_t k) { return factor * std::abs(expected.data[k]); };
}

template <class T>
void check_global_avg_pool(const VectorCase& vector) {
    const std::vector<std::int64_t> sizes = vector.integers("input_shape");
    ASSERT_EQ(sizes.size(), 3U) << "input_shape";
    const VectorTensor grad_input = vector.tensor("grad_input");
    const GlobalAvgPool2dShape shape{.channels = sizes[0], .in_height = sizes[1], .in_width = sizes[2]};
    for_each_way([&](Layout layout, const Strategy& strategy) {
        std::vector<T> dx(grad_input.data.size());
        const GlobalAvgPool2dBackward<T> plan(
            shape, {.layout = layout, .gradient = GlobalAverageGradient::local_derivative, .strategy = strategy});
        plan.execute({.grad_input = dx.data()});
        expect_matches(grad_input, to_chw(dx, grad_input, layout), relative<T>(grad_input), "grad_input");
    });
}

template <class T>
Tolerance activation_tolerance(Activation activation, const VectorTensor& grad_output, const VectorTensor& expected) {
    if (activation == Activation::relu || activation == Activation::linear) return exact;
    if (activation == Activation::leaky_relu || std::is_same_v<T, double>) return relative<T>(expected);
    return [&grad_output](std::size_t k) { return 1e-6 * std::max(1.0, std::abs(grad_output.data[k])); };
}

template <class T>
void check_activation(const VectorCase& vector) {
    const VectorTensor grad_output = vector.tensor("grad_output"), input = vector.tensor("input"),
                       grad_input = vector.tensor("grad_input");
    ActivationBackwardOptions options = parse_activation(vector.word("activation"));
    SCOPED_TRACE(vector.word("activation"));
    const Tolerance tolerance = activation_tolerance<T>(options.activation, grad_output, grad_input);
    const std::vector<T> g(grad_output.data.begin(), grad_output.data.end());
    const std::vector<T> x(input.data.begin(), input.data.end());
    ASSERT_EQ(g.size(), x.size());
    for_each_strategy([&](const Strategy& strategy) {
        options.strategy = strategy;
        std::vector<T> dx(x.size());
        const ActivationBackward<T> plan(static_cast<std::int64_t>(x.size()), options);
        plan.execute({g.data(), x.data(), dx.data()});
        expect_matches(grad_input, dx, tolerance, "grad_input");
    });
}

/// Runs the check over every case of an operation. A folder of other operations only leaves nothing to check.
void check_all(const std::string& operation, void (*check)(const VectorCase&)) {
    const std::vector<VectorCase> cases = seed_vectors(operation, seed_vector_folder());
    if (cases.empty()) GTEST_SKIP() << "no vectors of " << operation << " in " << seed_vector_folder();
    for (const VectorCase& vector : cases) {
        SCOPED_TRACE(vector.where);
        check(vector);
        if (testing::Test::HasFailure()) return;
    }
}

TEST(SeedVectors, Conv2dBackwardFloat) { check_all("conv2d_backward", check_conv2d<float>); }
TEST(SeedVectors, Conv2dBackwardDouble) { check_all("conv2d_backward", check_conv2d<double>); }
TEST(SeedVectors, MaxPool2dBackwardFloat) { check_all("max_pool2d_backward", check_max_pool<float>); }
TEST(SeedVectors, MaxPool2dBackwardDouble) { check_all("max_pool2d_backward", check_max_pool<double>); }
TEST(SeedVectors, AvgPool2dBackwardFloat) { check_all("avg_pool2d_backward", check_avg_pool<float>); }
TEST(SeedVectors, AvgPool2dBackwardDouble) { check_all("avg_pool2d_backward", check_avg_pool<double>); }
TEST(SeedVectors, GlobalAvgPool2dBackwardFloat) {
    check_all("global_avg_pool2d_backward", check_global_avg_pool<float>);
}
TEST(SeedVectors, GlobalAvgPool2dBackwardDouble) {
    check_all("global_avg_pool2d_backward", check_global_avg_pool<double>);
}
TEST(SeedVectors, ActivationBackwardFloat) { check_all("activation_backward", check_activation<float>); }
TEST(SeedVectors, ActivationBackwardDouble) { check_all("activation_backward", check_activation<double>); }

/// The copy in the source tree holds every operation, whatever folder the environment names.
TEST(SeedVectors, ShippedCopyHoldsEveryOperation) {
    const std::filesystem::path shipped = std::filesystem::path(BACKGRAD_TEST_DATA) / "seed_vectors";
    for (const char* operation : {"conv2d_backward", "max_pool2d_backward", "avg_pool2d_backward",
                                  "global_avg_pool2d_backward", "activation_backward"})
        EXPECT_FALSE(seed_vectors(operation, shipped).empty()) << operation;
}

}  // namespace
}  // namespace backgrad::test
