#include "ops/pool2d_run.hpp"
#include "ops/validate.hpp"

#include <backgrad/error.hpp>

#include <limits>
#include <string>

namespace backgrad {
namespace {

/// The axis of a pooling under the names of the API.
struct AxisNames {
    const char *in, *window, *stride, *padding_begin, *padding_end, *dilation, *padded;
};

std::int64_t extent(std::int64_t window, std::int64_t dilation) { return (window - 1) * dilation + 1; }

std::int64_t output_size(std::int64_t in, std::int64_t window, std::int64_t stride, std::int64_t padding,
                         std::int64_t dilation) {
    const std::int64_t free = in + padding - extent(window, dilation);
    return free < 0 ? 0 : free / stride + 1;
}

/// Checks one axis and returns its padded size.
std::int64_t validate_axis(const AxisNames& names, std::int64_t in, std::int64_t window, std::int64_t stride,
                           std::int64_t padding_begin, std::int64_t padding_end, std::int64_t dilation) {
    validate::require_non_negative(names.in, in);
    validate::require_positive(names.window, window);
    validate::require_positive(names.stride, stride);
    validate::require_positive(names.dilation, dilation);
    validate::require_non_negative(names.padding_begin, padding_begin);
    validate::require_non_negative(names.padding_end, padding_end);
    const std::int64_t reach = validate::checked_product(names.window, {window - 1, dilation});
    validate::checked_sum(names.window, {reach, 1});
    for (const auto& [name, padding] :
         {std::pair{names.padding_begin, padding_begin}, std::pair{names.padding_end, padding_end}}) {
        if (padding > reach) {
            throw Error(name, "less than the window's extent, " + std::to_string(reach + 1), std::to_string(padding));
        }
    }
    return validate::checked_sum(names.padded, {in, padding_begin, padding_end});
}

}  // namespace

std::int64_t Pool2dShape::out_height() const noexcept {
    return output_size(in_height, window_height, stride_height, padding_top + padding_bottom, dilation_height);
}

std::int64_t Pool2dShape::out_width() const noexcept {
    return output_size(in_width, window_width, stride_width, padding_left + padding_right, dilation_width);
}

void validate_pool2d(const Pool2dShape& s, std::int64_t element_bytes) {
    validate::require_non_negative("batch", s.batch);
    validate::require_non_negative("channels", s.channels);
    const std::int64_t height = validate_axis({"in_height", "window_height", "stride_height", "padding_top",
                                               "padding_bottom", "dilation_height", "in_height + padding"},
                                              s.in_height, s.window_height, s.stride_height, s.padding_top,
                                              s.padding_bottom, s.dilation_height);
    const std::int64_t width =
        validate_axis({"in_width", "window_width", "stride_width", "padding_left", "padding_right", "dilation_width",
                       "in_width + padding"},
                      s.in_width, s.window_width, s.stride_width, s.padding_left, s.padding_right, s.dilation_width);
    // Positions in a plane are 32-bit, as in saved indices.
    const std::int64_t plane = validate::checked_product("in_height * in_width with padding", {height, width});
    if (plane > std::numeric_limits<std::int32_t>::max()) {
        throw Error("in_height * in_width with padding", "below 2^31", std::to_string(plane));
    }
    validate::checked_elements("input", {s.batch, s.channels, s.in_height, s.in_width}, 2 * element_bytes);
    validate::checked_elements("grad_output", {s.batch, s.channels, s.out_height(), s.out_width()}, 3 * element_bytes);
}

std::int64_t pool2d_input_elements(const Pool2dShape& s) { return s.batch * s.channels * s.in_height * s.in_width; }

std::int64_t pool2d_output_elements(const Pool2dShape& s) {
    return s.batch * s.channels * s.out_height() * s.out_width();
}

}  // namespace backgrad
