#include "plan/block_pieces.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

/// With the activation's source beside it a piece fills a part of the second-level cache.
constexpr std::int64_t piece_bytes = 64 * 1024;

}  // namespace

std::int64_t BlockPieces::count(std::int64_t images) const {
    return ceil_div(images * units_per_image, units_per_piece) * row_parts;
}

BlockPiece BlockPieces::piece(std::int64_t images, std::int64_t index) const {
    const std::int64_t begin = index / row_parts * units_per_piece;
    const std::int64_t end = std::min(images * units_per_image, begin + units_per_piece);
    const Range rows = share(height, row_parts, index % row_parts);
    const std::int64_t row = height == 0 ? 0 : unit_elements / height;
    const std::int64_t last = (end - 1) * unit_elements;
    return {begin, end, rows.begin, rows.end, begin * unit_elements + rows.begin * row, last + rows.end * row};
}

BlockPieces make_block_pieces(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout,
                              std::size_t element_bytes) {
    const bool planes = layout == Layout::nchw;
    BlockPieces pieces{planes ? channels : 1, height, (planes ? 1 : channels) * height * width, 1, 1};
    const std::int64_t goal = piece_bytes / static_cast<std::int64_t>(element_bytes);
    if (pieces.unit_elements > goal) pieces.row_parts = std::min(height, ceil_div(pieces.unit_elements, goal));
    else pieces.units_per_piece = goal / std::max<std::int64_t>(1, pieces.unit_elements);
    return pieces;
}

}  // namespace backgrad::plan
