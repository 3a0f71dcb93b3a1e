#include "plan/register_tiles.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

/// Slots of a term of a tile. 8 accumulators hide 4 cycles of latency where the ports share them evenly, a few more
/// where they do not. Some loads cross cache lines and take two slots; those that the FMAs hide still take a part of
/// one. (Measured: with AVX2 3 x 4 is 2 to 6% faster than 2 x 5 and 7 to 20% faster than 1 x 13 and 1 x 14; with
/// AVX-512 2 x 7, 2 x 14 and 3 x 9 are the same.)
double term_slots(std::int64_t vectors, std::int64_t rows) {
    constexpr double least = 8, enough = 12, load_slots = 1.2, hidden_load = 0.05;
    const double loads = static_cast<double>(vectors + rows);
    const double bound = std::max({static_cast<double>(vectors * rows), load_slots * loads, least});
    return bound + std::max(0.0, enough - bound) / 2 + hidden_load * loads;
}

/// Slots for all row tiles beside `vectors` vectors, rows cut evenly.
double row_tiles_slots(int vectors, std::int64_t rows, int limit) {
    const std::int64_t parts = (rows + limit - 1) / limit, larger = rows % parts, size = rows / parts;
    return static_cast<double>(larger) * term_slots(vectors, size + 1) +
           static_cast<double>(parts - larger) * term_slots(vectors, size);
}

}  // namespace

double tile_slots(std::int64_t size, std::int64_t rows, int vectors, const RegisterTiles& tiles) {
    const LaneTiles lanes{size, vectors, tiles.lanes};
    double slots = 0;
    const std::int64_t count = lanes.count(), last = lanes.vectors_of(count - 1);
    slots += static_cast<double>(count - 1) * row_tiles_slots(vectors, rows, tiles.rows_limit[vectors]);
    slots += row_tiles_slots(static_cast<int>(last), rows, tiles.rows_limit[last]);
    return slots;
}

LaneTiles choose_lane_tiles(std::int64_t size, std::int64_t rows, const RegisterTiles& tiles) {
    if (size == 0 || rows == 0) return {size, 1, tiles.lanes};
    int best = 1;
    double best_slots = std::numeric_limits<double>::infinity();
    for (int vectors = 1; vectors <= 8; ++vectors) {
        const double slots = tile_slots(size, rows, vectors, tiles);
        if (slots < best_slots * 0.99) {
            best = vectors;
            best_slots = slots;
        }
    }
    return {size, best, tiles.lanes};
}

double pixel_tile_slots(std::int64_t channels, std::int64_t most_channels, std::int64_t lines, std::int64_t most_lines,
                        const RegisterTiles& tiles, std::size_t element_bytes) {
    const auto channel_parts = static_cast<double>((channels + most_channels - 1) / most_channels);
    const auto line_parts = static_cast<double>((lines + most_lines - 1) / most_lines);
    const double rows = static_cast<double>(channels) / channel_parts;
    const double vectors = static_cast<double>(lines) / line_parts;
    const double loads = (fill_cache_lines(tiles, element_bytes) ? 2 : 1.5) * vectors + rows;
    return channel_parts * line_parts * (std::max({vectors * rows, loads, 8.0}) + loads / 4 + 1);
}

}  // namespace backgrad::plan
