#include "bindings/c/conv2d.hpp"
#include "bindings/c/plan.hpp"

#include <backgrad/block.hpp>

namespace backgrad::c {

template <>
const char* const operation_name<BlockBackward> = "block_backward";

namespace {

BlockShape from_c(const backgrad_block_shape& shape) {
    return {.convolution = c::from_c(shape.convolution),
            .pool = enumerator<BlockPool>(shape.pool, "shape.pool"),
            .pool_window_height = shape.pool_window_height,
            .pool_window_width = shape.pool_window_width,
            .pool_stride_height = shape.pool_stride_height,
            .pool_stride_width = shape.pool_stride_width,
            .pool_padding_top = shape.pool_padding_top,
            .pool_padding_bottom = shape.pool_padding_bottom,
            .pool_padding_left = shape.pool_padding_left,
            .pool_padding_right = shape.pool_padding_right,
            .pool_dilation_height = shape.pool_dilation_height,
            .pool_dilation_width = shape.pool_dilation_width};
}

BlockBackwardOptions from_c(const backgrad_block_backward_options& options) {
    return {.convolution = c::from_c(options.convolution),
            .activation = enumerator<Activation>(options.activation, "options.activation"),
            .activation_source = enumerator<ActivationSource>(options.activation_source, "options.activation_source"),
            .alpha = options.alpha,
            .max_pool_source = enumerator<MaxPoolSource>(options.max_pool_source, "options.max_pool_source"),
            .average_padding = enumerator<AveragePadding>(options.average_padding, "options.average_padding"),
            .chunk_bytes = options.chunk_bytes};
}

template <class T>
BlockBackwardArguments<T> from_c(const backgrad_block_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .plane_indices = arguments.plane_indices,
            .window_offsets = arguments.window_offsets,
            .pool_input = static_cast<const T*>(arguments.pool_input),
            .activation_source = static_cast<const T*>(arguments.activation_source),
            .input = static_cast<const T*>(arguments.input),
            .weight = static_cast<const T*>(arguments.weight),
            .grad_input = static_cast<T*>(arguments.grad_input),
            .grad_weight = static_cast<T*>(arguments.grad_weight),
            .grad_bias = static_cast<T*>(arguments.grad_bias)};
}

}  // namespace
}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_block_shape backgrad_block_default_shape(void) {
    constexpr BlockShape shape;
    backgrad_block_shape result{};  // no pooling
    result.convolution = backgrad_conv2d_default_shape();
    result.pool_window_height = shape.pool_window_height;
    result.pool_window_width = shape.pool_window_width;
    result.pool_stride_height = shape.pool_stride_height;
    result.pool_stride_width = shape.pool_stride_width;
    result.pool_dilation_height = shape.pool_dilation_height;
    result.pool_dilation_width = shape.pool_dilation_width;
    return result;
}

backgrad_block_backward_options backgrad_block_backward_default_options(void) {
    const BlockBackwardOptions defaults;
    backgrad_block_backward_options options{};
    options.convolution = backgrad_conv2d_backward_default_options();
    options.activation = BACKGRAD_RELU;
    options.alpha = defaults.alpha;
    options.max_pool_source = BACKGRAD_MAX_POOL_FROM_PLANE_INDICES;
    return options;
}

backgrad_status backgrad_block_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                               const backgrad_block_shape* shape,
                                               const backgrad_block_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<BlockBackward>(dtype, from_c(required(shape, "shape")),
                                          options == nullptr ? BlockBackwardOptions{} : from_c(*options));
    });
}

backgrad_status backgrad_block_backward_execute(const backgrad_plan* plan,
                                                const backgrad_block_backward_arguments* arguments, void* workspace) {
    return guarded([&] {
        with_plan<BlockBackward>(plan, [&]<class T>(const BlockBackward<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")), workspace);
        });
    });
}
