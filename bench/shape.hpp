#pragma once

#include "operation.hpp"

#include <backgrad/block.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// One layer: a row of a shape file. The values stand in the order of the kind's columns; for a word it is the number
/// of its enumerator.
struct Shape {
    std::string name;
    ShapeKind kind = ShapeKind::conv2d;
    std::vector<std::int64_t> values;

    bool operator==(const Shape&) const = default;
};

/// The columns of a shape file after `name`: n,g,ic,ih,iw,oc,kh,kw,s,p,d (conv2d), n,c,h,w,k,s,p (pool2d), n,c,h,w, or
/// those of conv2d and act,pool,pk,ps,pp (block).
const std::vector<std::string>& columns_of(ShapeKind kind);

/// The value of a column whose fields are words: `act`, an activation or none, and `pool`. No value where the column
/// holds numbers. Throws Error for another word.
std::optional<std::int64_t> value_of_word(const std::string& column, const std::string& word);

/// The shape file's first line.
std::string header_of(ShapeKind kind);

/// The kind whose shape files start with `header`.
std::optional<ShapeKind> kind_of_header(const std::string& header);

/// Throws Error if the values describe no problem that can be measured.
void validate(const Shape& shape);

/// The library's view of a shape of kind conv2d, or of the convolution of a block.
Conv2dShape conv2d_shape(const Shape& shape);

/// The library's view of a shape of kind block. Its activation is linear where there is none.
BlockShape block_shape(const Shape& shape);
Activation block_activation(const Shape& shape);

/// The library's view of a shape of kind pool2d, or of the pooling of a block.
Pool2dShape pool2d_shape(const Shape& shape);

/// Batch, channels, height and width of the layer's input, for every kind.
struct InputSizes {
    std::int64_t batch, channels, height, width;

    std::int64_t elements() const { return batch * channels * height * width; }
};
InputSizes input_sizes(const Shape& shape);

}  // namespace backgrad::bench
