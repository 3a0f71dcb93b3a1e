#pragma once

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// A row of grad_input cut into tiles of some pixels side by side, and the windows (or outputs of a convolution) that
/// meet them: windows of `window` columns that are `stride` apart.
template <int window, int stride>
struct RowTileRange {
    static constexpr int windows = stride < 4 ? 4 / stride : 1;  ///< that begin in a tile
    static constexpr int pixels = windows * stride;
    static constexpr int before = (window - 1) / stride;  ///< windows that begin before a tile and reach it

    /// The column of window `beside` of a tile that lies on a pixel of it, if there is one.
    static constexpr int tap(int pixel, int beside) { return pixel + stride * (before - beside); }
    static constexpr bool meets(int pixel, int beside) {
        return tap(pixel, beside) >= 0 && tap(pixel, beside) < window;
    }

    /// All counts begin at a tile's first pixel and the first window that reaches it; they may be outside the tensor.
    struct Tile {
        std::int64_t column, x;
        std::int64_t first, end;  ///< pixels that exist
        std::int64_t first_window, end_window;

        bool whole() const {
            return first == 0 && end == pixels && first_window == 0 && end_window == before + windows;
        }
    };

    std::int64_t in_width, out_width, padding;
    std::int64_t count;                   ///< of tiles
    std::int64_t first_whole, end_whole;  ///< tiles that are whole lie side by side

    RowTileRange(std::int64_t in, std::int64_t out, std::int64_t padding_left)
        : in_width(in), out_width(out), padding(padding_left) {
        count = (in_width + padding % stride + pixels - 1) / pixels;
        first_whole = 0;
        while (first_whole < count && !at(first_whole).whole()) ++first_whole;
        end_whole = first_whole;
        while (end_whole < count && at(end_whole).whole()) ++end_whole;
    }

    /// Calls visit(tile) for the tiles that are whole.
    template <class Visit>
    [[gnu::always_inline]] void for_each_whole(const Visit& visit) const {
        const std::int64_t number = end_whole - first_whole;
        Tile tile = at(first_whole);
        for (std::int64_t k = 0; k < number; ++k, tile.column += pixels, tile.x += windows) visit(tile);
    }

    Tile at(std::int64_t number) const {
        Tile tile{};
        tile.column = number * pixels - padding % stride;
        tile.x = number * windows + padding / stride - before;
        clip(tile.column, in_width, pixels, tile.first, tile.end);
        clip(tile.x, out_width, before + windows, tile.first_window, tile.end_window);
        return tile;
    }

private:
    /// Which of `most` elements from `first` on lie in [0, size).
    static void clip(std::int64_t first, std::int64_t size, std::int64_t most, std::int64_t& begin, std::int64_t& end) {
        begin = first < 0 ? -first : 0;
        end = size - first < most ? size - first : most;
    }
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
