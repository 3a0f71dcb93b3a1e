#include "shape.hpp"

#include <backgrad/error.hpp>
#include <backgrad/names.hpp>

#include <algorithm>

namespace backgrad::bench {
namespace {

// Large enough for every real layer, small enough that no product of a tensor's sizes overflows 64 bits.
constexpr std::int64_t largest_size = 1 << 20;
constexpr std::int64_t largest_tensor = std::int64_t{1} << 34;

std::int64_t value(const Shape& shape, const char* column) {
    const auto& columns = columns_of(shape.kind);
    return shape.values[std::find(columns.begin(), columns.end(), column) - columns.begin()];
}

void require(bool condition, const std::string& argument, const std::string& expected, std::int64_t actual) {
    if (!condition) throw Error(argument, expected, std::to_string(actual));
}

void require_tensor(const std::string& argument, std::initializer_list<std::int64_t> sizes) {
    std::int64_t elements = 1;
    for (const std::int64_t size : sizes) {
        require(size == 0 || elements <= largest_tensor / size, argument, "at most 2^34 elements", elements * size);
        elements *= size;
    }
}

void validate_conv2d(const Shape& shape) {
    const Conv2dShape s = conv2d_shape(shape);
    require(s.in_channels % s.groups == 0, "ic", "a multiple of g", s.in_channels);
    require(s.out_channels % s.groups == 0, "oc", "a multiple of g", s.out_channels);
    require(s.formula_out_height() > 0, "kh", "a kernel that fits the padded height", s.kernel_height);
    require(s.formula_out_width() > 0, "kw", "a kernel that fits the padded width", s.kernel_width);
    require_tensor("grad_output", {s.batch, s.out_channels, s.formula_out_height(), s.formula_out_width()});
    require_tensor("weight", {s.out_channels, s.in_channels / s.groups, s.kernel_height, s.kernel_width});
}

/// The pooling's columns mean nothing where there is none, and then say so.
void validate_no_pool(const Shape& shape) {
    require(value(shape, "pk") == 1, "pk", "1 where pool is none", value(shape, "pk"));
    require(value(shape, "ps") == 1, "ps", "1 where pool is none", value(shape, "ps"));
    require(value(shape, "pp") == 0, "pp", "0 where pool is none", value(shape, "pp"));
}

void validate_pool2d(const Shape& shape) {
    const Pool2dShape s = pool2d_shape(shape);
    const std::string prefix = shape.kind == ShapeKind::block ? "p" : "";
    require(s.padding_top < s.window_height, prefix + "p", "less than " + prefix + "k", s.padding_top);
    require(s.out_height() > 0, prefix + "k", "a window that fits the padded height", s.window_height);
    require(s.out_width() > 0, prefix + "k", "a window that fits the padded width", s.window_width);
}

}  // namespace

const std::vector<std::string>& columns_of(ShapeKind kind) {
    static const std::vector<std::string> conv2d{"n", "g", "ic", "ih", "iw", "oc", "kh", "kw", "s", "p", "d"};
    static const std::vector<std::string> pool2d{"n", "c", "h", "w", "k", "s", "p"};
    static const std::vector<std::string> activation{"n", "c", "h", "w"};
    static const std::vector<std::string> block{"n", "g", "ic", "ih",  "iw",   "oc", "kh", "kw",
                                                "s", "p", "d",  "act", "pool", "pk", "ps", "pp"};
    static const std::vector<std::string> none;
    switch (kind) {
        case ShapeKind::conv2d:
            return conv2d;
        case ShapeKind::pool2d:
            return pool2d;
        case ShapeKind::block:
            return block;
        case ShapeKind::activation:
            return activation;
        case ShapeKind::none:
            break;
    }
    return none;
}

std::optional<std::int64_t> value_of_word(const std::string& column, const std::string& word) {
    if (column == "pool") return static_cast<std::int64_t>(parse<BlockPool>(column, word));
    if (column != "act") return std::nullopt;
    return static_cast<std::int64_t>(word == "none" ? Activation::linear : parse<Activation>(column, word));
}

std::string header_of(ShapeKind kind) {
    std::string header = "name";
    for (const std::string& column : columns_of(kind)) header += "," + column;
    return header;
}

std::optional<ShapeKind> kind_of_header(const std::string& header) {
    for (const ShapeKind kind : {ShapeKind::conv2d, ShapeKind::pool2d, ShapeKind::activation, ShapeKind::block}) {
        if (header == header_of(kind)) return kind;
    }
    return std::nullopt;
}

void validate(const Shape& shape) {
    for (std::size_t i = 0; i < shape.values.size(); ++i) {
        const std::string& column = columns_of(shape.kind)[i];
        const bool may_be_zero = column == "p" || column == "pp" || column == "act" || column == "pool";
        const std::int64_t least = may_be_zero ? 0 : 1;
        require(least <= shape.values[i] && shape.values[i] <= largest_size, column,
                "an integer from " + std::to_string(least) + " to 2^20", shape.values[i]);
    }
    const InputSizes sizes = input_sizes(shape);
    require_tensor("input", {sizes.batch, sizes.channels, sizes.height, sizes.width});
    if (shape.kind == ShapeKind::conv2d || shape.kind == ShapeKind::block) validate_conv2d(shape);
    if (shape.kind == ShapeKind::block) {
        if (block_shape(shape).pool == BlockPool::none) validate_no_pool(shape);
        else validate_pool2d(shape);
    }
    if (shape.kind == ShapeKind::pool2d) validate_pool2d(shape);
}

Conv2dShape conv2d_shape(const Shape& shape) {
    Conv2dShape s;
    s.batch = value(shape, "n");
    s.groups = value(shape, "g");
    s.in_channels = value(shape, "ic");
    s.in_height = value(shape, "ih");
    s.in_width = value(shape, "iw");
    s.out_channels = value(shape, "oc");
    s.kernel_height = value(shape, "kh");
    s.kernel_width = value(shape, "kw");
    s.stride_height = s.stride_width = value(shape, "s");
    s.padding_top = s.padding_bottom = s.padding_left = s.padding_right = value(shape, "p");
    s.dilation_height = s.dilation_width = value(shape, "d");
    return s;
}

BlockShape block_shape(const Shape& shape) {
    BlockShape s;
    s.convolution = conv2d_shape(shape);
    s.pool = static_cast<BlockPool>(value(shape, "pool"));
    s.pool_window_height = s.pool_window_width = value(shape, "pk");
    s.pool_stride_height = s.pool_stride_width = value(shape, "ps");
    s.pool_padding_top = s.pool_padding_bottom = s.pool_padding_left = s.pool_padding_right = value(shape, "pp");
    return s;
}

Activation block_activation(const Shape& shape) { return static_cast<Activation>(value(shape, "act")); }

Pool2dShape pool2d_shape(const Shape& shape) {
    if (shape.kind == ShapeKind::block) return block_shape(shape).pooling();
    Pool2dShape s;
    s.batch = value(shape, "n");
    s.channels = value(shape, "c");
    s.in_height = value(shape, "h");
    s.in_width = value(shape, "w");
    s.window_height = s.window_width = value(shape, "k");
    s.stride_height = s.stride_width = value(shape, "s");
    s.padding_top = s.padding_bottom = s.padding_left = s.padding_right = value(shape, "p");
    return s;
}

InputSizes input_sizes(const Shape& shape) {
    if (shape.kind != ShapeKind::conv2d && shape.kind != ShapeKind::block) {
        return {value(shape, "n"), value(shape, "c"), value(shape, "h"), value(shape, "w")};
    }
    return {value(shape, "n"), value(shape, "ic"), value(shape, "ih"), value(shape, "iw")};
}

}  // namespace backgrad::bench
