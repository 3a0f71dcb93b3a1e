#include "plan/dot_tiles.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace backgrad::plan {
namespace {

constexpr int rows_limit[] = {0, 8, 8, 7, 6, 5, 4, 3, 3};
constexpr int max_columns = 8;

TEST(DotTiles, CoverEachOutputOnceWithinTheLimitsOfTheRegisterFile) {
    for (std::int64_t rows = 1; rows <= 40; ++rows)
        for (std::int64_t columns = 1; columns <= 40; ++columns) {
            const DotTiles tiles = choose_dot_tiles(rows, columns, rows_limit, max_columns);
            std::vector<int> visits(static_cast<std::size_t>(rows * columns));
            tiles.for_each(rows, columns, [&](Range r, Range c) {
                ASSERT_GE(c.size(), 1);
                ASSERT_LE(c.size(), max_columns);
                ASSERT_GE(r.size(), 1);
                ASSERT_LE(r.size(), rows_limit[c.size()]);
                for (std::int64_t i = r.begin; i < r.end; ++i)
                    for (std::int64_t j = c.begin; j < c.end; ++j) ++visits[static_cast<std::size_t>(i * columns + j)];
            });
            for (const int count : visits) ASSERT_EQ(count, 1) << rows << " x " << columns;
        }
}

TEST(DotTiles, ShareTheLoadsOfOneRowAmongManyColumns) {
    EXPECT_EQ(choose_dot_tiles(1, 72, rows_limit, max_columns).column_parts, 9);
}

TEST(DotTiles, AreBoundByTheirMultiplications) {
    const DotTiles tiles = choose_dot_tiles(64, 27, rows_limit, max_columns);
    const double rows = 64.0 / static_cast<double>(tiles.row_parts),
                 columns = 27.0 / static_cast<double>(tiles.column_parts);
    EXPECT_GE(rows * columns, 2 * (rows + columns)) << rows << " x " << columns;
}

}  // namespace
}  // namespace backgrad::plan
