#include "bindings/c/plan.hpp"

#include <backgrad/softmax.hpp>

namespace backgrad::c {

template <>
const char* const operation_name<SoftmaxBackward> = "softmax_backward";
template <>
const char* const operation_name<SoftmaxCrossEntropyBackward> = "softmax_cross_entropy_backward";

namespace {

SoftmaxShape from_c(const backgrad_softmax_shape& shape) noexcept {
    return {.outer = shape.outer, .length = shape.length, .inner = shape.inner};
}

SoftmaxBackwardOptions from_c(const backgrad_softmax_backward_options& options) {
    return {.source = enumerator<ActivationSource>(options.source, "options.source"),
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

SoftmaxCrossEntropyBackwardOptions from_c(const backgrad_softmax_cross_entropy_backward_options& options) {
    return {.scale = options.scale,
            .grad_logits_mode = enumerator<WriteMode>(options.grad_logits_mode, "options.grad_logits_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

template <class T>
SoftmaxBackwardArguments<T> from_c(const backgrad_softmax_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .source = static_cast<const T*>(arguments.source),
            .grad_input = static_cast<T*>(arguments.grad_input)};
}

template <class T>
SoftmaxCrossEntropyBackwardArguments<T> from_c(
    const backgrad_softmax_cross_entropy_backward_arguments& arguments) noexcept {
    return {.logits = static_cast<const T*>(arguments.logits),
            .labels = arguments.labels,
            .grad_logits = static_cast<T*>(arguments.grad_logits)};
}

}  // namespace
}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_softmax_shape backgrad_softmax_over_channels(int64_t batch, int64_t channels, int64_t height, int64_t width,
                                                      backgrad_layout layout) {
    const SoftmaxShape shape = softmax_over_channels(batch, channels, height, width, static_cast<Layout>(layout));
    return {.outer = shape.outer, .length = shape.length, .inner = shape.inner};
}

backgrad_softmax_backward_options backgrad_softmax_backward_default_options(void) {
    backgrad_softmax_backward_options options{};
    options.source = BACKGRAD_ACTIVATION_FROM_OUTPUT;
    return options;
}

backgrad_status backgrad_softmax_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                 const backgrad_softmax_shape* shape,
                                                 const backgrad_softmax_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<SoftmaxBackward>(dtype, from_c(required(shape, "shape")),
                                            options == nullptr ? SoftmaxBackwardOptions{} : from_c(*options));
    });
}

backgrad_status backgrad_softmax_backward_execute(const backgrad_plan* plan,
                                                  const backgrad_softmax_backward_arguments* arguments) {
    return guarded([&] {
        with_plan<SoftmaxBackward>(plan, [&]<class T>(const SoftmaxBackward<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")));
        });
    });
}

backgrad_softmax_cross_entropy_backward_options backgrad_softmax_cross_entropy_backward_default_options(void) {
    backgrad_softmax_cross_entropy_backward_options options{};
    options.scale = 1;
    return options;
}

backgrad_status backgrad_softmax_cross_entropy_backward_create(
    backgrad_plan** plan, backgrad_dtype dtype, const backgrad_softmax_shape* shape,
    const backgrad_softmax_cross_entropy_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<SoftmaxCrossEntropyBackward>(
            dtype, from_c(required(shape, "shape")),
            options == nullptr ? SoftmaxCrossEntropyBackwardOptions{} : from_c(*options));
    });
}

backgrad_status backgrad_softmax_cross_entropy_backward_execute(
    const backgrad_plan* plan, const backgrad_softmax_cross_entropy_backward_arguments* arguments) {
    return guarded([&] {
        with_plan<SoftmaxCrossEntropyBackward>(plan, [&]<class T>(const SoftmaxCrossEntropyBackward<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")));
        });
    });
}
