#pragma once

#include <backgrad/types.hpp>

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {

/// A part of the gradient of a convolution's output that lies in one piece in memory: some planes (NCHW) or images
/// (NHWC) with all their rows, or some rows of one of them.
struct BlockPiece {
    std::int64_t unit_begin, unit_end;
    std::int64_t row_begin, row_end;
    std::int64_t element_begin, element_end;  ///< from the first image's first element
};

/// Cuts some images of that gradient into pieces, each written by the pooling and read again by the activation while it
/// is in a core's own cache.
struct BlockPieces {
    std::int64_t units_per_image;  ///< planes, or 1
    std::int64_t height, unit_elements;
    std::int64_t units_per_piece;
    std::int64_t row_parts;  ///< of a unit; 1 where a piece holds whole units

    std::int64_t count(std::int64_t images) const;
    BlockPiece piece(std::int64_t images, std::int64_t index) const;
};

BlockPieces make_block_pieces(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout,
                              std::size_t element_bytes);

}  // namespace backgrad::plan
