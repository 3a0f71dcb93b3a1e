#include "bindings/c/plan.hpp"

#include <backgrad/pool2d.hpp>

namespace backgrad::c {

template <>
const char* const operation_name<MaxPool2dBackward> = "max_pool2d_backward";
template <>
const char* const operation_name<AvgPool2dBackward> = "avg_pool2d_backward";
template <>
const char* const operation_name<GlobalAvgPool2dBackward> = "global_avg_pool2d_backward";

namespace {

Pool2dShape from_c(const backgrad_pool2d_shape& shape) noexcept {
    return {.batch = shape.batch,
            .channels = shape.channels,
            .in_height = shape.in_height,
            .in_width = shape.in_width,
            .window_height = shape.window_height,
            .window_width = shape.window_width,
            .stride_height = shape.stride_height,
            .stride_width = shape.stride_width,
            .padding_top = shape.padding_top,
            .padding_bottom = shape.padding_bottom,
            .padding_left = shape.padding_left,
            .padding_right = shape.padding_right,
            .dilation_height = shape.dilation_height,
            .dilation_width = shape.dilation_width};
}

GlobalAvgPool2dShape from_c(const backgrad_global_avg_pool2d_shape& shape) noexcept {
    return {.batch = shape.batch, .channels = shape.channels, .in_height = shape.in_height, .in_width = shape.in_width};
}

MaxPool2dBackwardOptions from_c(const backgrad_max_pool2d_backward_options& options) {
    return {.layout = enumerator<Layout>(options.layout, "options.layout"),
            .source = enumerator<MaxPoolSource>(options.source, "options.source"),
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

AvgPool2dBackwardOptions from_c(const backgrad_avg_pool2d_backward_options& options) {
    return {.layout = enumerator<Layout>(options.layout, "options.layout"),
            .padding = enumerator<AveragePadding>(options.padding, "options.padding"),
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

GlobalAvgPool2dBackwardOptions from_c(const backgrad_global_avg_pool2d_backward_options& options) {
    return {.layout = enumerator<Layout>(options.layout, "options.layout"),
            .gradient = enumerator<GlobalAverageGradient>(options.gradient, "options.gradient"),
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

template <class T>
MaxPool2dBackwardArguments<T> from_c(const backgrad_max_pool2d_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .input = static_cast<const T*>(arguments.input),
            .plane_indices = arguments.plane_indices,
            .window_offsets = arguments.window_offsets,
            .grad_input = static_cast<T*>(arguments.grad_input)};
}

template <class T>
AvgPool2dBackwardArguments<T> from_c(const backgrad_avg_pool2d_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .grad_input = static_cast<T*>(arguments.grad_input)};
}

template <class T>
GlobalAvgPool2dBackwardArguments<T> from_c(const backgrad_global_avg_pool2d_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .grad_input = static_cast<T*>(arguments.grad_input)};
}

template <template <class> class Operation, class Options, class CShape, class COptions>
backgrad_status create(backgrad_plan** plan, backgrad_dtype dtype, const CShape* shape,
                       const COptions* options) noexcept {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<Operation>(dtype, from_c(required(shape, "shape")),
                                      options == nullptr ? Options{} : from_c(*options));
    });
}

template <template <class> class Operation, class CArguments>
backgrad_status execute(const backgrad_plan* plan, const CArguments* arguments) noexcept {
    return guarded([&] {
        with_plan<Operation>(plan, [&]<class T>(const Operation<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")));
        });
    });
}

}  // namespace
}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_pool2d_shape backgrad_pool2d_default_shape(void) {
    constexpr Pool2dShape shape;
    return {.batch = shape.batch,
            .channels = shape.channels,
            .in_height = shape.in_height,
            .in_width = shape.in_width,
            .window_height = shape.window_height,
            .window_width = shape.window_width,
            .stride_height = shape.stride_height,
            .stride_width = shape.stride_width,
            .padding_top = shape.padding_top,
            .padding_bottom = shape.padding_bottom,
            .padding_left = shape.padding_left,
            .padding_right = shape.padding_right,
            .dilation_height = shape.dilation_height,
            .dilation_width = shape.dilation_width};
}

int64_t backgrad_pool2d_out_height(const backgrad_pool2d_shape* shape) {
    return shape == nullptr ? 0 : from_c(*shape).out_height();
}

int64_t backgrad_pool2d_out_width(const backgrad_pool2d_shape* shape) {
    return shape == nullptr ? 0 : from_c(*shape).out_width();
}

// The default options are the first enumerators, but for the source of max pooling.

backgrad_max_pool2d_backward_options backgrad_max_pool2d_backward_default_options(void) {
    backgrad_max_pool2d_backward_options options{};
    options.source = BACKGRAD_MAX_POOL_FROM_PLANE_INDICES;
    return options;
}

backgrad_avg_pool2d_backward_options backgrad_avg_pool2d_backward_default_options(void) { return {}; }

backgrad_global_avg_pool2d_backward_options backgrad_global_avg_pool2d_backward_default_options(void) { return {}; }

backgrad_status backgrad_max_pool2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                    const backgrad_pool2d_shape* shape,
                                                    const backgrad_max_pool2d_backward_options* options) {
    return create<MaxPool2dBackward, MaxPool2dBackwardOptions>(plan, dtype, shape, options);
}

backgrad_status backgrad_max_pool2d_backward_execute(const backgrad_plan* plan,
                                                     const backgrad_max_pool2d_backward_arguments* arguments) {
    return execute<MaxPool2dBackward>(plan, arguments);
}

backgrad_status backgrad_avg_pool2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                    const backgrad_pool2d_shape* shape,
                                                    const backgrad_avg_pool2d_backward_options* options) {
    return create<AvgPool2dBackward, AvgPool2dBackwardOptions>(plan, dtype, shape, options);
}

backgrad_status backgrad_avg_pool2d_backward_execute(const backgrad_plan* plan,
                                                     const backgrad_avg_pool2d_backward_arguments* arguments) {
    return execute<AvgPool2dBackward>(plan, arguments);
}

backgrad_status backgrad_global_avg_pool2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                           const backgrad_global_avg_pool2d_shape* shape,
                                                           const backgrad_global_avg_pool2d_backward_options* options) {
    return create<GlobalAvgPool2dBackward, GlobalAvgPool2dBackwardOptions>(plan, dtype, shape, options);
}

backgrad_status backgrad_global_avg_pool2d_backward_execute(
    const backgrad_plan* plan, const backgrad_global_avg_pool2d_backward_arguments* arguments) {
    return execute<GlobalAvgPool2dBackward>(plan, arguments);
}
