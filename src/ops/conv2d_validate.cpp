#include "ops/conv2d_validate.hpp"

#include "ops/validate.hpp"

#include <string>

namespace backgrad::ops {

namespace {

using validate::checked_elements;
using validate::checked_product;
using validate::checked_sum;
using validate::require_non_negative;
using validate::require_positive;

void validate_sizes(const Conv2dShape& s) {
    require_non_negative("batch", s.batch);
    require_non_negative("in_channels", s.in_channels);
    require_non_negative("in_height", s.in_height);
    require_non_negative("in_width", s.in_width);
    require_non_negative("out_channels", s.out_channels);
    require_positive("kernel_height", s.kernel_height);
    require_positive("kernel_width", s.kernel_width);
    require_positive("stride_height", s.stride_height);
    require_positive("stride_width", s.stride_width);
    require_non_negative("padding_top", s.padding_top);
    require_non_negative("padding_bottom", s.padding_bottom);
    require_non_negative("padding_left", s.padding_left);
    require_non_negative("padding_right", s.padding_right);
    require_positive("dilation_height", s.dilation_height);
    require_positive("dilation_width", s.dilation_width);
    require_positive("groups", s.groups);
    if (s.in_channels % s.groups != 0)
        throw Error("groups", "a divisor of in_channels = " + std::to_string(s.in_channels), std::to_string(s.groups));
    if (s.out_channels % s.groups != 0)
        throw Error("groups", "a divisor of out_channels = " + std::to_string(s.out_channels),
                    std::to_string(s.groups));
}

/// The sums of the output formula must not overflow before it is evaluated.
void validate_extent(const char* padding, std::int64_t size, std::int64_t begin, std::int64_t end, const char* kernel,
                     std::int64_t kernel_size, std::int64_t dilation, std::int64_t stride, const char* stride_name) {
    const std::int64_t padded = checked_sum(padding, {size, begin, end});
    const std::int64_t extent = checked_product(kernel, {kernel_size, dilation});
    checked_sum(kernel, {padded, extent});
    checked_sum(stride_name, {padded, extent, stride});
}

void validate_output(const char* name, std::int64_t given, std::int64_t formula, bool may_be_larger) {
    if (given == -1 || given == formula || (may_be_larger && given > formula)) return;
    throw Error(name, (may_be_larger ? "at least " : "") + std::to_string(formula) + " (or -1 for the formula's)",
                std::to_string(given));
}

template <class Enumeration>
void validate_enumeration(const char* name, Enumeration value, int count) {
    const int number = static_cast<int>(value);
    if (number < 0 || number >= count) throw Error(name, "an enumerator", std::to_string(number));
}

void validate_options(const Conv2dBackwardOptions& o) {
    validate_enumeration("layout", o.layout, 2);
    validate_enumeration("weight_layout", o.weight_layout, 3);
    validate_enumeration("grad_input_mode", o.grad_input_mode, 2);
    validate_enumeration("grad_weight_mode", o.grad_weight_mode, 2);
    validate_enumeration("grad_bias_mode", o.grad_bias_mode, 2);
    validate_enumeration("input_gradient", o.input_gradient, 2);
    validate_enumeration("algorithm", o.algorithm, 1);
    validate_enumeration("order", o.order, 2);
    if (!o.gradients.input && !o.gradients.weight && !o.gradients.bias)
        throw Error("gradients", "at least one gradient", "none");
}

}  // namespace

void validate_conv2d(const Conv2dShape& s, const Conv2dBackwardOptions& options, std::size_t element_bytes) {
    validate_sizes(s);
    validate_options(options);
    validate_extent("padding_top", s.in_height, s.padding_top, s.padding_bottom, "kernel_height", s.kernel_height,
                    s.dilation_height, s.stride_height, "stride_height");
    validate_extent("padding_left", s.in_width, s.padding_left, s.padding_right, "kernel_width", s.kernel_width,
                    s.dilation_width, s.stride_width, "stride_width");
    const bool larger = options.input_gradient == InputGradient::rotated_kernel;
    const std::int64_t height = s.formula_out_height(), width = s.formula_out_width();
    validate_output("out_height", s.out_height, height, larger);
    validate_output("out_width", s.out_width, width, larger);
    const std::int64_t bytes = static_cast<std::int64_t>(element_bytes);
    checked_elements("input", {s.batch, s.in_channels, s.in_height, s.in_width}, bytes);
    checked_elements(
        "grad_output",
        {s.batch, s.out_channels, s.out_height < 0 ? height : s.out_height, s.out_width < 0 ? width : s.out_width},
        bytes);
    checked_elements("weight", {s.out_channels, s.in_channels / s.groups, s.kernel_height, s.kernel_width}, bytes);
}

}  // namespace backgrad::ops
