#include "ops/pool2d_gather.hpp"
#include "ops/validate.hpp"

#include <backgrad/error.hpp>

#include <limits>
#include <string>

namespace backgrad {
namespace {

/// The axis of a pooling under the names of the API; those of a block's pooling begin with a prefix.
class AxisNames {
public:
    AxisNames(const std::string& prefix, const std::string& size, const std::string& begin, const std::string& end)
        : in_("in_" + size),
          window_(prefix + "window_" + size),
          stride_(prefix + "stride_" + size),
          padding_begin_(prefix + "padding_" + begin),
          padding_end_(prefix + "padding_" + end),
          dilation_(prefix + "dilation_" + size),
          padded_(in_ + " + padding") {}

    const char* in() const { return in_.c_str(); }
    const char* window() const { return window_.c_str(); }
    const char* stride() const { return stride_.c_str(); }
    const char* padding_begin() const { return padding_begin_.c_str(); }
    const char* padding_end() const { return padding_end_.c_str(); }
    const char* dilation() const { return dilation_.c_str(); }
    const char* padded() const { return padded_.c_str(); }

private:
    std::string in_, window_, stride_, padding_begin_, padding_end_, dilation_, padded_;
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
    validate::require_non_negative(names.in(), in);
    validate::require_positive(names.window(), window);
    validate::require_positive(names.stride(), stride);
    validate::require_positive(names.dilation(), dilation);
    validate::require_non_negative(names.padding_begin(), padding_begin);
    validate::require_non_negative(names.padding_end(), padding_end);
    const std::int64_t reach = validate::checked_product(names.window(), {window - 1, dilation});
    validate::checked_sum(names.window(), {reach, 1});
    for (const auto& [name, padding] :
         {std::pair{names.padding_begin(), padding_begin}, std::pair{names.padding_end(), padding_end}}) {
        if (padding > reach) {
            throw Error(name, "less than the window's extent, " + std::to_string(reach + 1), std::to_string(padding));
        }
    }
    return validate::checked_sum(names.padded(), {in, padding_begin, padding_end});
}

}  // namespace

std::int64_t Pool2dShape::out_height() const noexcept {
    return output_size(in_height, window_height, stride_height, padding_top + padding_bottom, dilation_height);
}

std::int64_t Pool2dShape::out_width() const noexcept {
    return output_size(in_width, window_width, stride_width, padding_left + padding_right, dilation_width);
}

void validate_pool2d(const Pool2dShape& s, std::int64_t element_bytes, const std::string& prefix) {
    validate::require_non_negative("batch", s.batch);
    validate::require_non_negative("channels", s.channels);
    const std::int64_t height = validate_axis({prefix, "height", "top", "bottom"}, s.in_height, s.window_height,
                                              s.stride_height, s.padding_top, s.padding_bottom, s.dilation_height);
    const std::int64_t width = validate_axis({prefix, "width", "left", "right"}, s.in_width, s.window_width,
                                             s.stride_width, s.padding_left, s.padding_right, s.dilation_width);
    // Positions in a plane are 32-bit, as in saved indices.
    const std::int64_t plane = validate::checked_product("in_height * in_width with padding", {height, width});
    if (plane > std::numeric_limits<std::int32_t>::max()) {
        throw Error("in_height * in_width with padding", "below 2^31", std::to_string(plane));
    }
    validate::checked_elements("input", {s.batch, s.channels, s.in_height, s.in_width}, 2 * element_bytes);
    validate::checked_elements("grad_output", {s.batch, s.channels, s.out_height(), s.out_width()}, 3 * element_bytes);
}

plan::Pool2dReads validate_max_pool_source(const Pool2dShape& shape, MaxPoolSource source, const std::string& prefix) {
    switch (source) {
        case MaxPoolSource::input:
            return plan::Pool2dReads::input;
        case MaxPoolSource::plane_indices:
            return plan::Pool2dReads::plane_indices;
        case MaxPoolSource::window_offsets: {
            const std::string name = prefix + "window_height * " + prefix + "window_width";
            const std::int64_t cells =
                validate::checked_product(name.c_str(), {shape.window_height, shape.window_width});
            // A window offset is one byte.
            if (cells > 256) throw Error(name, "at most 256 with window_offsets", std::to_string(cells));
            return plan::Pool2dReads::window_offsets;
        }
    }
    throw Error(prefix.empty() ? "source" : "max_pool_source", "a MaxPoolSource",
                std::to_string(static_cast<int>(source)));
}

std::int64_t pool2d_input_elements(const Pool2dShape& s) { return s.batch * s.channels * s.in_height * s.in_width; }

std::int64_t pool2d_output_elements(const Pool2dShape& s) {
    return s.batch * s.channels * s.out_height() * s.out_width();
}

}  // namespace backgrad
