#include "plan/dot_tiles.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

/// Slots, two per cycle, of a step of all tiles: their FMAs, or loads, which count twice because operands cross cache
/// lines, or the latency that 8 accumulators hide; part of the loads beside FMAs; and what it takes to begin and end.
double step_slots(double rows, double columns, double tiles) {
    const double loads = 2 * (rows + columns);
    return tiles * (std::max({rows * columns, loads, 8.0}) + loads / 8 + 2);
}

}  // namespace

DotTiles choose_dot_tiles(std::int64_t rows, std::int64_t columns, const int* rows_limit, int max_columns) {
    DotTiles best{1, 1};
    double best_slots = std::numeric_limits<double>::infinity();
    for (std::int64_t most = 1; most <= max_columns; ++most) {
        const std::int64_t column_parts = std::max<std::int64_t>(1, ceil_div(columns, most));
        const std::int64_t widest = ceil_div(columns, column_parts);
        const DotTiles tiles{std::max<std::int64_t>(1, ceil_div(rows, rows_limit[widest])), column_parts};
        const double slots = step_slots(static_cast<double>(rows) / static_cast<double>(tiles.row_parts),
                                        static_cast<double>(columns) / static_cast<double>(column_parts),
                                        static_cast<double>(tiles.count()));
        if (slots < best_slots * 0.99) {
            best = tiles;
            best_slots = slots;
        }
    }
    return best;
}

}  // namespace backgrad::plan
