#include "bindings/c/conv2d.hpp"

#include "bindings/c/plan.hpp"

#include <backgrad/conv2d.hpp>

namespace backgrad::c {

template <>
const char* const operation_name<Conv2dBackward> = "conv2d_backward";

Conv2dShape from_c(const backgrad_conv2d_shape& shape) noexcept {
    return {.batch = shape.batch,
            .in_channels = shape.in_channels,
            .in_height = shape.in_height,
            .in_width = shape.in_width,
            .out_channels = shape.out_channels,
            .kernel_height = shape.kernel_height,
            .kernel_width = shape.kernel_width,
            .stride_height = shape.stride_height,
            .stride_width = shape.stride_width,
            .padding_top = shape.padding_top,
            .padding_bottom = shape.padding_bottom,
            .padding_left = shape.padding_left,
            .padding_right = shape.padding_right,
            .dilation_height = shape.dilation_height,
            .dilation_width = shape.dilation_width,
            .groups = shape.groups,
            .out_height = shape.out_height,
            .out_width = shape.out_width};
}

Conv2dBackwardOptions from_c(const backgrad_conv2d_backward_options& options) {
    return {.layout = enumerator<Layout>(options.layout, "options.layout"),
            .weight_layout = enumerator<WeightLayout>(options.weight_layout, "options.weight_layout"),
            .gradients = {.input = options.compute_grad_input != 0,
                          .weight = options.compute_grad_weight != 0,
                          .bias = options.compute_grad_bias != 0},
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .grad_weight_mode = enumerator<WriteMode>(options.grad_weight_mode, "options.grad_weight_mode"),
            .grad_bias_mode = enumerator<WriteMode>(options.grad_bias_mode, "options.grad_bias_mode"),
            .input_gradient = enumerator<InputGradient>(options.input_gradient, "options.input_gradient"),
            .algorithm = enumerator<Conv2dAlgorithm>(options.algorithm, "options.algorithm"),
            .order = enumerator<Conv2dOrder>(options.order, "options.order"),
            .strategy = strategy_from_c(options.strategy)};
}

namespace {

template <class T>
Conv2dBackwardArguments<T> from_c(const backgrad_conv2d_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .input = static_cast<const T*>(arguments.input),
            .weight = static_cast<const T*>(arguments.weight),
            .grad_input = static_cast<T*>(arguments.grad_input),
            .grad_weight = static_cast<T*>(arguments.grad_weight),
            .grad_bias = static_cast<T*>(arguments.grad_bias),
            .weights_ready = {arguments.weights_ready.function, arguments.weights_ready.context}};
}

}  // namespace
}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_conv2d_shape backgrad_conv2d_default_shape(void) {
    constexpr Conv2dShape shape;
    return {.batch = shape.batch,
            .in_channels = shape.in_channels,
            .in_height = shape.in_height,
            .in_width = shape.in_width,
            .out_channels = shape.out_channels,
            .kernel_height = shape.kernel_height,
            .kernel_width = shape.kernel_width,
            .stride_height = shape.stride_height,
            .stride_width = shape.stride_width,
            .padding_top = shape.padding_top,
            .padding_bottom = shape.padding_bottom,
            .padding_left = shape.padding_left,
            .padding_right = shape.padding_right,
            .dilation_height = shape.dilation_height,
            .dilation_width = shape.dilation_width,
            .groups = shape.groups,
            .out_height = shape.out_height,
            .out_width = shape.out_width};
}

backgrad_conv2d_backward_options backgrad_conv2d_backward_default_options(void) {
    backgrad_conv2d_backward_options options{};  // the first enumerators are the defaults
    options.compute_grad_input = options.compute_grad_weight = options.compute_grad_bias = 1;
    return options;
}

int64_t backgrad_conv2d_out_height(const backgrad_conv2d_shape* shape) {
    return shape == nullptr ? 0 : from_c(*shape).formula_out_height();
}

int64_t backgrad_conv2d_out_width(const backgrad_conv2d_shape* shape) {
    return shape == nullptr ? 0 : from_c(*shape).formula_out_width();
}

backgrad_status backgrad_conv2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                const backgrad_conv2d_shape* shape,
                                                const backgrad_conv2d_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<Conv2dBackward>(dtype, from_c(required(shape, "shape")),
                                           options == nullptr ? Conv2dBackwardOptions{} : from_c(*options));
    });
}

backgrad_status backgrad_conv2d_backward_execute(const backgrad_plan* plan,
                                                 const backgrad_conv2d_backward_arguments* arguments, void* workspace) {
    return guarded([&] {
        with_plan<Conv2dBackward>(plan, [&]<class T>(const Conv2dBackward<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")), workspace);
        });
    });
}
