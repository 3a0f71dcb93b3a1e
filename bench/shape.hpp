#pragma once

#include "operation.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// One layer: a row of a shape file. The values stand in the order of the kind's columns.
struct Shape {
    std::string name;
    ShapeKind kind = ShapeKind::conv2d;
    std::vector<std::int64_t> values;

    bool operator==(const Shape&) const = default;
};

/// The columns of a shape file after `name`: n,g,ic,ih,iw,oc,kh,kw,s,p,d (conv2d), n,c,h,w,k,s,p (pool2d) or n,c,h,w.
const std::vector<std::string>& columns_of(ShapeKind kind);

/// The shape file's first line.
std::string header_of(ShapeKind kind);

/// The kind whose shape files start with `header`.
std::optional<ShapeKind> kind_of_header(const std::string& header);

/// Throws Error if the values describe no problem that can be measured.
void validate(const Shape& shape);

/// The library's view of a shape of kind conv2d.
Conv2dShape conv2d_shape(const Shape& shape);

/// The library's view of a shape of kind pool2d.
Pool2dShape pool2d_shape(const Shape& shape);

/// Batch, channels, height and width of the layer's input, for every kind.
struct InputSizes {
    std::int64_t batch, channels, height, width;

    std::int64_t elements() const { return batch * channels * height * width; }
};
InputSizes input_sizes(const Shape& shape);

}  // namespace backgrad::bench
