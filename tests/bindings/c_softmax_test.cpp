// Softmax through C: every option reaches the C++ plan, so that the bits are the same.
#include "bindings/c_api.hpp"

#include <backgrad/softmax.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace backgrad::test {
namespace {

constexpr SoftmaxShape shape{.outer = 3, .length = 10, .inner = 4};
constexpr backgrad_softmax_shape c_shape{3, 10, 4};
constexpr std::size_t elements = 3 * 10 * 4;

template <class T>
void expect_same_softmax(const SoftmaxBackwardOptions& options) {
    const std::vector<T> grad_output = numbers<T>(elements, 1), source = numbers<T>(elements, 2);
    std::vector<T> from_cpp = numbers<T>(elements, 3), from_c = from_cpp;
    SoftmaxBackward<T>(shape, options).execute({grad_output.data(), source.data(), from_cpp.data()});

    backgrad_softmax_backward_options c = backgrad_softmax_backward_default_options();
    EXPECT_EQ(c.source, BACKGRAD_ACTIVATION_FROM_OUTPUT);
    c.source = static_cast<backgrad_activation_source>(options.source);
    c.grad_input_mode = static_cast<backgrad_write_mode>(options.grad_input_mode);
    OwnedPlan owned;
    ASSERT_EQ(backgrad_softmax_backward_create(&owned.plan, dtype_of<T>, &c_shape, &c), BACKGRAD_OK);
    const backgrad_softmax_backward_arguments arguments{grad_output.data(), source.data(), from_c.data()};
    ASSERT_EQ(backgrad_softmax_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CSoftmax, TakesEveryOption) {
    expect_same_softmax<float>({});
    expect_same_softmax<double>({});
    expect_same_softmax<float>({.source = ActivationSource::input});
    expect_same_softmax<float>({.grad_input_mode = WriteMode::accumulate});
}

template <class T>
void expect_same_cross_entropy(const SoftmaxCrossEntropyBackwardOptions& options) {
    const std::vector<T> logits = numbers<T>(elements, 1);
    std::vector<std::int64_t> labels(3 * 4);
    for (std::size_t k = 0; k < labels.size(); ++k) labels[k] = static_cast<std::int64_t>(k % 11);  // 10 is no label
    std::vector<T> from_cpp = numbers<T>(elements, 3), from_c = from_cpp;
    SoftmaxCrossEntropyBackward<T>(shape, options).execute({logits.data(), labels.data(), from_cpp.data()});

    backgrad_softmax_cross_entropy_backward_options c = backgrad_softmax_cross_entropy_backward_default_options();
    if (options.scale != 1) c.scale = options.scale;
    c.grad_logits_mode = static_cast<backgrad_write_mode>(options.grad_logits_mode);
    OwnedPlan owned;
    ASSERT_EQ(backgrad_softmax_cross_entropy_backward_create(&owned.plan, dtype_of<T>, &c_shape, &c), BACKGRAD_OK);
    const backgrad_softmax_cross_entropy_backward_arguments arguments{logits.data(), labels.data(), from_c.data()};
    ASSERT_EQ(backgrad_softmax_cross_entropy_backward_execute(owned.plan, &arguments), BACKGRAD_OK);
    EXPECT_EQ(from_cpp, from_c);
}

TEST(CSoftmax, CrossEntropyTakesEveryOption) {
    expect_same_cross_entropy<float>({});
    expect_same_cross_entropy<double>({});
    expect_same_cross_entropy<float>({.scale = 0.25});
    expect_same_cross_entropy<float>({.grad_logits_mode = WriteMode::accumulate});
}

TEST(CSoftmax, ShapesOfActivationTensors) {
    const backgrad_softmax_shape nchw = backgrad_softmax_over_channels(2, 3, 4, 5, BACKGRAD_LAYOUT_NCHW);
    EXPECT_EQ(nchw.outer, 2);
    EXPECT_EQ(nchw.length, 3);
    EXPECT_EQ(nchw.inner, 20);
    const backgrad_softmax_shape nhwc = backgrad_softmax_over_channels(2, 3, 4, 5, BACKGRAD_LAYOUT_NHWC);
    EXPECT_EQ(nhwc.outer, 40);
    EXPECT_EQ(nhwc.inner, 1);
}

}  // namespace
}  // namespace backgrad::test
