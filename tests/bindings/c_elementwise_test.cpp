// Poolings and activations through C: every option reaches the C++ plan, so that the bits are the same.
#include "bindings/c_api.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/names.hpp>
#include <backgrad/pool2d.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// Every field has a value of its own.
constexpr Pool2dShape shape{.batch = 2,
                            .channels = 5,
                            .in_height = 17,
                            .in_width = 13,
                            .window_height = 3,
                            .window_width = 4,
                            .stride_height = 3,
                            .stride_width = 1,
                            .padding_top = 0,
                            .padding_bottom = 2,
                            .padding_left = 1,
                            .padding_right = 3,
                            .dilation_height = 1,
                            .dilation_width = 2};

backgrad_pool2d_shape c_shape() {
    backgrad_pool2d_shape c = backgrad_pool2d_default_shape();
    c.batch = shape.batch;
    c.channels = shape.channels;
    c.in_height = shape.in_height;
    c.in_width = shape.in_width;
    c.window_height = shape.window_height;
    c.window_width = shape.window_width;
    c.stride_height = shape.stride_height;
    c.stride_width = shape.stride_width;
    c.padding_top = shape.padding_top;
    c.padding_bottom = shape.padding_bottom;
    c.padding_left = shape.padding_left;
    c.padding_right = shape.padding_right;
    c.dilation_height = shape.dilation_height;
    c.dilation_width = shape.dilation_width;
    return c;
}

constexpr std::size_t inputs = 2 * 5 * 17 * 13;

std::size_t outputs() {
    return static_cast<std::size_t>(shape.batch * shape.channels * shape.out_height() * shape.out_width());
}

/// Offsets and indices that lie in every window: those of its second cell from the top, right of the padding.
std::vector<std::uint8_t> window_offsets() { return std::vector<std::uint8_t>(outputs(), 1 * 4 + 1); }

std::vector<std::int32_t> plane_indices() {
    std::vector<std::int32_t> indices;
    for (std::int64_t plane = 0; plane < shape.batch * shape.channels; ++plane) {
        for (std::int64_t y = 0; y < shape.out_height(); ++y) {
            for (std::int64_t x = 0; x < shape.out_width(); ++x) {
                indices.push_back(static_cast<std::int32_t>((y * 3 + 1) * shape.in_width + x + 1));
            }
        }
    }
    return indices;
}

template <class T>
void expect_same_max_pool(const MaxPool2dBackwardOptions& options) {
    const std::vector<T> grad_output = numbers<T>(outputs(), 1), input = numbers<T>(inputs, 2);
    const auto offsets = window_offsets();
    const auto indices = plane_indices();
    std::vector<T> from_cpp = numbers<T>(inputs, 3), from_c = from_cpp;
    MaxPool2dBackward<T>(shape, options)
        .execute({grad_output.data(), input.data(), indices.data(), offsets.data(), from_cpp.data()});

    backgrad_max_pool2d_backward_options c = backgrad_max_pool2d_backward_default_options();
    c.layout = static_cast<backgrad_layout>(options.layout);
    c.source = static_cast<backgrad_max_pool_source>(options.source);
    c.grad_input_mode = static_cast<backgrad_write_mode>(options.grad_input_mode);
    const backgrad_pool2d_shape pool = c_shape();
    OwnedPlan owned;
    ASSERT_EQ(backgrad_max_pool2d_backward_create(&owned.plan, dtype_of<T>, &pool, &c), BACKGRAD_OK);
    const backgrad_max_pool2d_backward_arguments arguments{grad_output.data(), input.data(), indices.data(),
                                                           offsets.data(), from_c.data()};
    ASSERT_EQ(backgrad_max_pool2d_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CPool2d, MaxPoolTakesEveryOption) {
    for (const MaxPoolSource source :
         {MaxPoolSource::input, MaxPoolSource::plane_indices, MaxPoolSource::window_offsets}) {
        SCOPED_TRACE(name(source));
        expect_same_max_pool<float>({.source = source});
        expect_same_max_pool<double>({.source = source});
        expect_same_max_pool<float>({.layout = Layout::nhwc, .source = source});
        expect_same_max_pool<float>({.source = source, .grad_input_mode = WriteMode::accumulate});
    }
}

template <class T>
void expect_same_avg_pool(const AvgPool2dBackwardOptions& options) {
    const std::vector<T> grad_output = numbers<T>(outputs(), 1);
    std::vector<T> from_cpp = numbers<T>(inputs, 3), from_c = from_cpp;
    AvgPool2dBackward<T>(shape, options).execute({grad_output.data(), from_cpp.data()});

    backgrad_avg_pool2d_backward_options c = backgrad_avg_pool2d_backward_default_options();
    c.layout = static_cast<backgrad_layout>(options.layout);
    c.padding = static_cast<backgrad_average_padding>(options.padding);
    c.grad_input_mode = static_cast<backgrad_write_mode>(options.grad_input_mode);
    const backgrad_pool2d_shape pool = c_shape();
    OwnedPlan owned;
    ASSERT_EQ(backgrad_avg_pool2d_backward_create(&owned.plan, dtype_of<T>, &pool, &c), BACKGRAD_OK);
    const backgrad_avg_pool2d_backward_arguments arguments{grad_output.data(), from_c.data()};
    ASSERT_EQ(backgrad_avg_pool2d_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CPool2d, AvgPoolTakesEveryOption) {
    expect_same_avg_pool<float>({});
    expect_same_avg_pool<double>({});
    expect_same_avg_pool<float>({.layout = Layout::nhwc});
    expect_same_avg_pool<float>({.padding = AveragePadding::include});
    expect_same_avg_pool<float>({.grad_input_mode = WriteMode::accumulate});
}

template <class T>
void expect_same_global_avg_pool(const GlobalAvgPool2dBackwardOptions& options) {
    const std::vector<T> grad_output = numbers<T>(2 * 5, 1);
    std::vector<T> from_cpp = numbers<T>(inputs, 3), from_c = from_cpp;
    GlobalAvgPool2dBackward<T>({2, 5, 17, 13}, options).execute({grad_output.data(), from_cpp.data()});

    backgrad_global_avg_pool2d_backward_options c = backgrad_global_avg_pool2d_backward_default_options();
    c.layout = static_cast<backgrad_layout>(options.layout);
    c.gradient = static_cast<backgrad_global_average_gradient>(options.gradient);
    c.grad_input_mode = static_cast<backgrad_write_mode>(options.grad_input_mode);
    const backgrad_global_avg_pool2d_shape pool{2, 5, 17, 13};
    OwnedPlan owned;
    ASSERT_EQ(backgrad_global_avg_pool2d_backward_create(&owned.plan, dtype_of<T>, &pool, &c), BACKGRAD_OK);
    const backgrad_global_avg_pool2d_backward_arguments arguments{grad_output.data(), from_c.data()};
    ASSERT_EQ(backgrad_global_avg_pool2d_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CPool2d, GlobalAvgPoolTakesEveryOption) {
    expect_same_global_avg_pool<float>({});
    expect_same_global_avg_pool<double>({});
    expect_same_global_avg_pool<float>({.layout = Layout::nhwc});
    expect_same_global_avg_pool<float>({.gradient = GlobalAverageGradient::local_derivative});
    expect_same_global_avg_pool<float>({.grad_input_mode = WriteMode::accumulate});
}

TEST(CPool2d, DefaultsAndOutputSizesAreThoseOfCpp) {
    const backgrad_pool2d_shape c = backgrad_pool2d_default_shape();
    const Pool2dShape cpp;
    EXPECT_EQ(c.window_height, cpp.window_height);
    EXPECT_EQ(c.stride_width, cpp.stride_width);
    EXPECT_EQ(c.padding_left, cpp.padding_left);
    EXPECT_EQ(c.dilation_height, cpp.dilation_height);
    const backgrad_pool2d_shape pool = c_shape();
    EXPECT_EQ(backgrad_pool2d_out_height(&pool), shape.out_height());
    EXPECT_EQ(backgrad_pool2d_out_width(&pool), shape.out_width());
    EXPECT_EQ(backgrad_max_pool2d_backward_default_options().source, BACKGRAD_MAX_POOL_FROM_PLANE_INDICES);
}

template <class T>
void expect_same_activation(const ActivationBackwardOptions& options) {
    constexpr std::int64_t elements = 1001;
    const std::vector<T> grad_output = numbers<T>(elements, 1), source = numbers<T>(elements, 2);
    std::vector<T> from_cpp = numbers<T>(elements, 3), from_c = from_cpp;
    ActivationBackward<T>(elements, options).execute({grad_output.data(), source.data(), from_cpp.data()});

    backgrad_activation_backward_options c = backgrad_activation_backward_default_options();
    c.activation = static_cast<backgrad_activation>(options.activation);
    c.source = static_cast<backgrad_activation_source>(options.source);
    if (options.alpha != -1) c.alpha = options.alpha;
    c.grad_input_mode = static_cast<backgrad_write_mode>(options.grad_input_mode);
    OwnedPlan owned;
    ASSERT_EQ(backgrad_activation_backward_create(&owned.plan, dtype_of<T>, elements, &c), BACKGRAD_OK);
    const backgrad_activation_backward_arguments arguments{grad_output.data(), source.data(), from_c.data(), nullptr,
                                                           0};
    ASSERT_EQ(backgrad_activation_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CActivation, TakesEveryOption) {
    for (const Name<Activation>& entry : names<Activation>) {
        SCOPED_TRACE(entry.word);
        expect_same_activation<float>({.activation = entry.value});
        expect_same_activation<double>({.activation = entry.value});
    }
    expect_same_activation<float>({.activation = Activation::leaky_relu, .alpha = 0.25});
    expect_same_activation<float>({.activation = Activation::tanh, .source = ActivationSource::output});
    expect_same_activation<float>({.grad_input_mode = WriteMode::accumulate});
}

template <class T>
void expect_same_from_mask() {
    constexpr std::int64_t elements = 1001;
    const std::vector<T> grad_output = numbers<T>(elements, 1), input = numbers<T>(elements, 2);
    std::vector<T> from_input(elements), from_mask(elements);
    ActivationBackward<T>(elements).execute({grad_output.data(), input.data(), from_input.data()});

    std::vector<std::uint8_t> mask(static_cast<std::size_t>(backgrad_activation_mask_bytes(elements)));
    ASSERT_EQ(mask.size(), 126U);
    const auto bytes = static_cast<std::int64_t>(mask.size());
    ASSERT_EQ(backgrad_make_activation_mask(dtype_of<T>, elements, input.data(), mask.data(), bytes), BACKGRAD_OK);
    backgrad_activation_backward_options options = backgrad_activation_backward_default_options();
    options.source = BACKGRAD_ACTIVATION_FROM_MASK;
    OwnedPlan owned;
    ASSERT_EQ(backgrad_activation_backward_create(&owned.plan, dtype_of<T>, elements, &options), BACKGRAD_OK);
    backgrad_activation_backward_arguments arguments{grad_output.data(), nullptr, from_mask.data(), mask.data(), bytes};
    ASSERT_EQ(backgrad_activation_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_mask, from_input);
    arguments.mask_bytes = bytes - 1;
    EXPECT_EQ(backgrad_activation_backward_execute(owned.plan, &arguments), BACKGRAD_INVALID_ARGUMENT);
}

TEST(CActivation, TakesAMask) {
    expect_same_from_mask<float>();
    expect_same_from_mask<double>();
    std::uint8_t mask = 0;
    EXPECT_EQ(backgrad_make_activation_mask(static_cast<backgrad_dtype>(7), 1, "", &mask, 1),
              BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(backgrad_activation_mask_bytes(-1), 0);
}

/// x -> x times the factor in the context.
template <class T>
T scaled(void* context, T source) {
    return *static_cast<const T*>(context) * source;
}

template <class T>
void expect_callers_derivative(backgrad_activation_function_backward_options options, bool accumulates) {
    constexpr std::size_t elements = 1001;
    const std::vector<T> grad_output = numbers<T>(elements, 1), source = numbers<T>(elements, 2);
    std::vector<T> result = numbers<T>(elements, 3);
    const std::vector<T> before = result;
    T factor = 2;
    options.context = &factor;
    OwnedPlan owned;
    ASSERT_EQ(backgrad_activation_function_backward_create(&owned.plan, dtype_of<T>, elements, &options), BACKGRAD_OK);
    const backgrad_activation_backward_arguments arguments{grad_output.data(), source.data(), result.data(), nullptr,
                                                           0};
    ASSERT_EQ(backgrad_activation_function_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    for (std::size_t k = 0; k < elements; ++k) {
        // Multiples of 1/64 below 2^3: the products are exact.
        EXPECT_EQ(result[k], grad_output[k] * 2 * source[k] + (accumulates ? before[k] : 0)) << k;
    }
    backgrad_strategy strategy{};
    ASSERT_EQ(backgrad_plan_strategy(owned.plan, &strategy), BACKGRAD_OK);
    EXPECT_NE(strategy.backend, BACKGRAD_BACKEND_AUTO);
}

TEST(CActivation, TheCallersDerivativeIsUsed) {
    backgrad_activation_function_backward_options options{};
    options.derivative_f32 = scaled<float>;
    expect_callers_derivative<float>(options, false);
    options.grad_input_mode = BACKGRAD_ACCUMULATE;
    expect_callers_derivative<float>(options, true);
    options = {};
    options.derivative_f64 = scaled<double>;
    expect_callers_derivative<double>(options, false);
}

TEST(CActivation, TheDerivativeOfTheElementTypeIsNeeded) {
    backgrad_activation_function_backward_options options{};
    options.derivative_f32 = scaled<float>;
    OwnedPlan owned;
    EXPECT_EQ(backgrad_activation_function_backward_create(&owned.plan, BACKGRAD_F64, 1, &options),
              BACKGRAD_INVALID_ARGUMENT);
    EXPECT_STREQ(backgrad_last_error(), "options.derivative_f64: expected a function, got a null pointer");
}

TEST(CActivation, IsFoundByName) {
    backgrad_activation activation = BACKGRAD_LINEAR;
    ASSERT_EQ(backgrad_activation_from_name("hardswish", &activation), BACKGRAD_OK);
    EXPECT_EQ(activation, BACKGRAD_HARDSWISH);
    EXPECT_STREQ(backgrad_activation_name(activation), "hardswish");
    EXPECT_EQ(backgrad_activation_from_name("swish!", &activation), BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(activation, BACKGRAD_HARDSWISH);
}

}  // namespace
}  // namespace backgrad::test
