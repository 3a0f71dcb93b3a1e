#pragma once

#include "plan/conv2d_problem.hpp"

#include <cstdint>

namespace backgrad::plan {

/// How outputs (rows x columns) are cut into dot tiles, which sum across lanes.
struct DotTiles {
    std::int64_t row_parts, column_parts;

    /// Calls visit(rows, columns) for every tile, columns innermost: the rows' operands stay in the L1 cache.
    template <class Visit>
    void for_each(std::int64_t rows, std::int64_t columns, Visit visit) const {
        for_each_part(rows, row_parts, [&](Range tile_rows) {
            for_each_part(columns, column_parts, [&](Range tile_columns) { visit(tile_rows, tile_columns); });
        });
    }
    std::int64_t count() const { return row_parts * column_parts; }

private:
    /// Even parts of [0, size) one after the other, without a division for each.
    template <class Visit>
    static void for_each_part(std::int64_t size, std::int64_t parts, Visit visit) {
        const std::int64_t least = size / parts, longer = size % parts;
        for (std::int64_t part = 0, begin = 0; part < parts; ++part) {
            const std::int64_t end = begin + least + (part < longer ? 1 : 0);
            visit(Range{begin, end});
            begin = end;
        }
    }
};

/// The tiles that take the fewest cycles. `rows_limit[c]` is the most rows of a tile of c columns, c at most
/// `max_columns`.
DotTiles choose_dot_tiles(std::int64_t rows, std::int64_t columns, const int* rows_limit, int max_columns);

}  // namespace backgrad::plan
