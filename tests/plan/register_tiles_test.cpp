#include "plan/register_tiles.hpp"

#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {
namespace {

TEST(RegisterTiles, HaveAccumulatorsEnoughToHideLatency) {
    for (const std::int64_t channels : {64, 128, 256, 512})
        for (const std::int64_t rows : {14, 28, 56}) {
            EXPECT_EQ(choose_lane_tiles(channels, rows, test::narrow_tiles).vectors, 3)
                << "3 x 4, not 2 x 5 or 1 x 14: " << channels << " x " << rows;
            EXPECT_EQ(choose_lane_tiles(channels, rows, test::wide_tiles).vectors, 2) << channels << " x " << rows;
        }
}

TEST(RegisterTiles, TakeTheFewestSlotsButForOnePercent) {
    for (const RegisterTiles& tiles : {test::wide_tiles, test::narrow_tiles})
        for (std::int64_t size = 1; size <= 300; ++size)
            for (std::int64_t rows = 1; rows <= 60; ++rows) {
                const LaneTiles chosen = choose_lane_tiles(size, rows, tiles);
                const double slots = tile_slots(size, rows, chosen.vectors, tiles);
                for (int vectors = 1; vectors <= 8; ++vectors)
                    ASSERT_LE(slots * 0.989, tile_slots(size, rows, vectors, tiles)) << size << " x " << rows;
            }
}

TEST(RegisterTiles, OfPixelsCountFmasLoadsAndLatency) {
    const auto slots = [](std::int64_t channels, std::int64_t lines, std::size_t element_bytes) {
        return pixel_tile_slots(16, channels, 32, lines, test::wide_tiles, element_bytes);
    };
    EXPECT_DOUBLE_EQ(slots(8, 4, 4), 2 * 8 * (32 + 16 / 4.0 + 1)) << "bound by FMAs";
    EXPECT_DOUBLE_EQ(slots(1, 8, 4), 16 * 4 * (17 + 17 / 4.0 + 1)) << "bound by loads, most of which cross cache lines";
    EXPECT_DOUBLE_EQ(slots(1, 8, 2), 16 * 4 * (13 + 13 / 4.0 + 1)) << "half of which do";
    EXPECT_DOUBLE_EQ(slots(2, 2, 4), 8 * 16 * (8 + 6 / 4.0 + 1)) << "bound by latency";
}

TEST(RegisterTiles, AreOneVectorWhereThereIsNothing) {
    EXPECT_EQ(choose_lane_tiles(0, 5, test::wide_tiles).vectors, 1);
    EXPECT_EQ(choose_lane_tiles(5, 0, test::wide_tiles).vectors, 1);
}

}  // namespace
}  // namespace backgrad::plan
