#include "plan/register_tiles.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

/// Slots for all row tiles beside `vectors` vectors, rows cut evenly.
double row_tiles_slots(int vectors, std::int64_t rows, int limit) {
    const std::int64_t parts = (rows + limit - 1) / limit, larger = rows % parts, size = rows / parts;
    const auto slots = [vectors](std::int64_t r) {
        return static_cast<double>(std::max<std::int64_t>({vectors * r, vectors + r, 8}));
    };
    return static_cast<double>(larger) * slots(size + 1) + static_cast<double>(parts - larger) * slots(size);
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

}  // namespace backgrad::plan
