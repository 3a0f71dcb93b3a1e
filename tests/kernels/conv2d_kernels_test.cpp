// The kernels of conv2d one by one, on every ISA that this machine runs.
#include "kernels/conv2d_kernels.hpp"

#include "isa/isa.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace backgrad::kernels {
namespace {

using test::Guarded;

template <class T>
class Conv2dKernelsTest : public testing::Test {
protected:
    /// Calls check(kernels of one ISA) for every ISA.
    template <class Check>
    static void for_each_isa(const Check& check) {
        for (const Isa isa : test::available_isas()) {
            SCOPED_TRACE(isa::name(isa));
            check(isa::table(isa).template conv2d<T>());
        }
    }

    /// Calls check(rows, columns) for sizes around the vector lengths.
    template <class Check>
    static void for_each_size(const Check& check) {
        for (const std::int64_t rows : {1, 2, 7, 8, 9, 15, 16, 17, 33})
            for (const std::int64_t columns : {1, 3, 4, 8, 13, 16, 31, 40}) {
                SCOPED_TRACE(testing::Message() << rows << " x " << columns);
                check(rows, columns);
            }
    }

    static Guarded<T> integers(std::int64_t elements) {
        Guarded<T> tensor(elements);
        std::mt19937_64 random(static_cast<std::uint64_t>(elements));
        test::fill_integers(tensor, random);
        return tensor;
    }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Conv2dKernelsTest, Types);

TYPED_TEST(Conv2dKernelsTest, HaveATileForEveryVectorAndRowCount) {
    this->for_each_isa([](const Conv2dKernels<TypeParam>& kernels) {
        const TileKernels<TypeParam>& tile = *kernels.tile;
        for (int vectors = 1; vectors <= TileKernels<TypeParam>::max_vectors; ++vectors) {
            ASSERT_GE(tile.rows_limit[vectors], 1);
            ASSERT_LE(tile.rows_limit[vectors], TileKernels<TypeParam>::max_rows);
            for (int rows = 1; rows <= tile.rows_limit[vectors]; ++rows)
                EXPECT_NE(tile.function[vectors][rows], nullptr) << vectors << " vectors, " << rows << " rows";
        }
    });
}

TYPED_TEST(Conv2dKernelsTest, TransposeIntoAPanel) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        const std::int64_t lanes = kernels.tile->lanes;
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            const std::int64_t from_row = columns + 3, to_row = (rows + lanes - 1) / lanes * lanes;
            const Guarded<T> from = this->integers(rows * from_row);
            Guarded<T> to(columns * to_row);
            EXPECT_TRUE(kernels.pack->transpose(from.data(), from_row, rows, columns, to.data(), to_row));
            EXPECT_TRUE(to.intact());
            for (std::int64_t c = 0; c < columns; ++c)
                for (std::int64_t r = 0; r < to_row; ++r)
                    ASSERT_EQ(to[c * to_row + r], r < rows ? from[r * from_row + c] : T(0)) << r << ", " << c;
        });
    });
}

TYPED_TEST(Conv2dKernelsTest, TransposeTightlyWritesNothingBeside) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            const std::int64_t from_row = columns + 1, to_row = rows + 5;
            const Guarded<T> from = this->integers(rows * from_row);
            Guarded<T> to(columns * to_row);
            EXPECT_TRUE(kernels.pack->transpose_tight(from.data(), from_row, rows, columns, to.data(), to_row));
            EXPECT_TRUE(to.intact());
            for (std::int64_t c = 0; c < columns; ++c)
                for (std::int64_t r = 0; r < to_row; ++r) {
                    if (r < rows) ASSERT_EQ(to[c * to_row + r], from[r * from_row + c]) << r << ", " << c;
                    else ASSERT_TRUE(std::isnan(to[c * to_row + r])) << r << ", " << c;
                }
        });
    });
}

TYPED_TEST(Conv2dKernelsTest, TransposesAndSumsLikeTheTwoAlone) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            constexpr int chains = DotKernels<T>::chains;
            const std::int64_t from_row = columns + 1, to_row = (rows + 15) / 16 * 16;
            const Guarded<T> from = this->integers(rows * from_row);
            Guarded<T> to(columns * to_row), both(columns * to_row), sums(rows * chains), sums_of_both(rows * chains);
            std::fill(sums.begin(), sums.end(), T(1));
            std::fill(sums_of_both.begin(), sums_of_both.end(), T(1));
            kernels.pack->transpose(from.data(), from_row, rows, columns, to.data(), to_row);
            kernels.pack->sum_rows(from.data(), from_row, rows, columns, sums.data());
            kernels.pack->transpose_and_sum(from.data(), from_row, rows, columns, both.data(), to_row,
                                            sums_of_both.data());
            EXPECT_TRUE(both.intact() && sums_of_both.intact());
            for (std::int64_t c = 0; c < columns; ++c)
                for (std::int64_t r = 0; r < rows; ++r) ASSERT_EQ(both[c * to_row + r], to[c * to_row + r]);
            for (std::int64_t k = 0; k < rows * chains; ++k) ASSERT_EQ(sums_of_both[k], sums[k]) << k;
        });
    });
}

TYPED_TEST(Conv2dKernelsTest, SplitTapsOfAnyNumber) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        for (const std::int64_t taps : {1, 2, 3, 4, 5, 6, 7, 9, 15, 25})
            for (const std::int64_t channels : {1, 3, 4, 8, 13, 16, 31, 40, 64}) {
                SCOPED_TRACE(testing::Message() << taps << " taps, " << channels << " channels");
                const std::int64_t to_row = channels + 5;
                const Guarded<T> from = this->integers(channels * taps);
                Guarded<T> to(taps * to_row);
                EXPECT_TRUE(kernels.pack->split_taps(from.data(), channels, taps, to.data(), to_row));
                EXPECT_TRUE(to.intact());
                for (std::int64_t t = 0; t < taps; ++t)
                    for (std::int64_t c = 0; c < to_row; ++c) {
                        if (c < channels) ASSERT_EQ(to[t * to_row + c], from[c * taps + t]) << t << ", " << c;
                        else ASSERT_TRUE(std::isnan(to[t * to_row + c])) << t << ", " << c;
                    }
            }
    });
}

TYPED_TEST(Conv2dKernelsTest, InterleavesRowsAndWritesNothingBeside) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        for (std::int64_t rows = 1; rows <= 9; ++rows)
            for (const std::int64_t columns : {1, 3, 7, 8, 15, 16, 17, 31, 50}) {
                const std::int64_t from_row = columns + 2;
                const Guarded<T> from = this->integers(rows * from_row);
                Guarded<T> to(columns * rows);
                kernels.pack->interleave(from.data(), from_row, rows, columns, to.data());
                EXPECT_TRUE(to.intact());
                for (std::int64_t c = 0; c < columns; ++c)
                    for (std::int64_t r = 0; r < rows; ++r)
                        ASSERT_EQ(to[c * rows + r], from[r * from_row + c]) << rows << " rows: " << r << ", " << c;
            }
    });
}

TYPED_TEST(Conv2dKernelsTest, GatherRowsFromAnywhere) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            const int lanes = kernels.tile->lanes;
            const std::int64_t to_row = (rows + lanes - 1) / lanes * lanes;
            std::vector<std::ptrdiff_t> offsets;
            for (std::int64_t r = 0; r < rows; ++r) offsets.push_back((r * 7) % (rows + 3));
            const Guarded<T> from = this->integers(rows + 3 + columns + lanes);
            Guarded<T> to(columns * to_row);
            kernels.pack->gather_rows(from.data(), offsets.data(), rows, columns, to.data(), to_row);
            EXPECT_TRUE(to.intact());
            for (std::int64_t c = 0; c < columns; ++c)
                for (std::int64_t r = 0; r < to_row; ++r)
                    ASSERT_EQ(to[c * to_row + r], r < rows ? from[offsets[static_cast<std::size_t>(r)] + c] : T(0))
                        << r << ", " << c;
        });
    });
}

TYPED_TEST(Conv2dKernelsTest, CopyWithStrides) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            for (const std::int64_t step : {1, 2, 3}) {
                const std::int64_t from_row = columns * step + 2, to_row = columns + 1;
                const Guarded<T> from = this->integers(rows * from_row);
                Guarded<T> to(rows * to_row);
                EXPECT_TRUE(kernels.pack->copy(from.data(), from_row, step, rows, columns, to.data(), to_row));
                EXPECT_TRUE(to.intact());
                for (std::int64_t r = 0; r < rows; ++r)
                    for (std::int64_t c = 0; c < columns; ++c)
                        ASSERT_EQ(to[r * to_row + c], from[r * from_row + c * step]) << r << ", " << c;
            }
        });
    });
}

/// Packing tells whether everything was finite, wherever the value stands that is not.
TYPED_TEST(Conv2dKernelsTest, PackingFindsWhatIsNotFinite) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        constexpr std::int64_t rows = 5, columns = 37, to_row = 48;
        Guarded<T> to(to_row * columns);
        for (const T value : {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                              std::numeric_limits<T>::quiet_NaN()})
            for (std::int64_t k = 0; k < rows * columns; ++k) {
                Guarded<T> from = this->integers(rows * columns);
                from[k] = value;
                EXPECT_FALSE(kernels.pack->copy(from.data(), columns, 1, rows, columns, to.data(), to_row)) << k;
                EXPECT_FALSE(kernels.pack->transpose(from.data(), columns, rows, columns, to.data(), to_row)) << k;
                EXPECT_FALSE(kernels.pack->transpose_tight(from.data(), columns, rows, columns, to.data(), to_row))
                    << k;
                EXPECT_FALSE(kernels.pack->split_taps(from.data(), columns, rows, to.data(), to_row)) << k;
            }
    });
}

TYPED_TEST(Conv2dKernelsTest, CopyOutAndTransposeOutStoreOrAdd) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        this->for_each_size([&](std::int64_t rows, std::int64_t columns) {
            for (const Finish finish : {Finish::store, Finish::add}) {
                const std::int64_t step = 2, to_row = columns * step + 1, turned_row = rows + 3;
                const Guarded<T> from = this->integers(rows * columns);
                const T old = finish == Finish::add ? T(7) : T(0);
                Guarded<T> to(rows * to_row), turned(columns * turned_row);
                if (finish == Finish::add) {
                    std::fill(to.begin(), to.end(), old);
                    std::fill(turned.begin(), turned.end(), old);
                }
                kernels.pack->copy_out(from.data(), columns, rows, columns, to.data(), to_row, step, finish);
                kernels.pack->transpose_out(from.data(), columns, rows, columns, turned.data(), turned_row, finish);
                EXPECT_TRUE(to.intact() && turned.intact());
                for (std::int64_t r = 0; r < rows; ++r)
                    for (std::int64_t c = 0; c < columns; ++c) {
                        ASSERT_EQ(to[r * to_row + c * step], from[r * columns + c] + old) << r << ", " << c;
                        ASSERT_EQ(turned[c * turned_row + r], from[r * columns + c] + old) << r << ", " << c;
                    }
            }
        });
    });
}

/// Cells of every width, of images that end within a cell, from any cell to any other.
TYPED_TEST(Conv2dKernelsTest, SpreadWritesEveryElementOfItsCells) {
    using T = TypeParam;
    struct Image {
        std::int64_t height, width, cell_height, cell_width, first, cells;
    };
    constexpr Image images[] = {{4, 6, 2, 2, 0, 6},    {5, 7, 2, 2, 1, 9},   {14, 14, 2, 2, 17, 32},
                                {3, 70, 1, 2, 30, 60}, {9, 40, 4, 4, 3, 27}, {13, 11, 3, 3, 0, 20},
                                {2, 64, 1, 16, 1, 6},  {7, 90, 2, 33, 2, 9}};
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        for (const Image& image : images)
            for (const Finish finish : {Finish::store, Finish::add}) {
                const auto [height, width, cell_height, cell_width, first, cells] = image;
                SCOPED_TRACE(testing::Message() << height << " x " << width << " in " << cell_height << " x "
                                                << cell_width << " from " << first);
                constexpr std::int64_t channels = 3, slack = 16;
                const std::int64_t columns = (width + cell_width - 1) / cell_width, channel = height * width + 5;
                const Guarded<T> from = this->integers(channels * cells + slack);
                Guarded<T> to(channels * channel);
                std::fill(to.begin(), to.end(), T(7));
                kernels.pack->spread(from.data(), cells, channels, first, cells,
                                     {to.data(), channel, width, height, width, cell_height, cell_width, columns},
                                     finish);
                EXPECT_TRUE(to.intact());
                for (std::int64_t r = 0; r < channels; ++r)
                    for (std::int64_t y = 0; y < height; ++y)
                        for (std::int64_t x = 0; x < width; ++x) {
                            const std::int64_t cell = y / cell_height * columns + x / cell_width - first;
                            const bool inside = 0 <= cell && cell < cells;
                            const bool corner = y % cell_height == 0 && x % cell_width == 0;
                            const T sum = inside && corner ? from[r * cells + cell] : T(0);
                            const T old = finish == Finish::add || !inside ? T(7) : T(0);
                            ASSERT_EQ(to[r * channel + y * width + x], sum + old) << r << ", " << y << ", " << x;
                        }
            }
    });
}

/// Every number of phases, rows that end within a vector, and taps that reach over either end.
TYPED_TEST(Conv2dKernelsTest, FoldAddsEveryTermOfItsTaps) {
    using T = TypeParam;
    this->for_each_isa([&](const Conv2dKernels<T>& kernels) {
        for (const std::int64_t phases : {1, 2, 3, 4, 5})
            for (const std::int64_t width : {1, 5, 16, 17, 31, 33, 64, 100})
                for (const Finish finish : {Finish::store, Finish::add}) {
                    SCOPED_TRACE(testing::Message() << phases << " phases of " << width);
                    constexpr std::int64_t rows = 3, row_step = 150;
                    const Guarded<T> from = this->integers(rows * row_step);
                    std::vector<FoldTap> taps;
                    std::vector<std::int64_t> ends;
                    for (std::int64_t phase = 0; phase < phases; ++phase) {
                        const std::int64_t elements = (width - phase + phases - 1) / phases;
                        for (std::int64_t shift = -2; shift <= phase; ++shift)  // the last phase has the most taps
                            taps.push_back({20 + shift, shift < 0 ? -shift : 0, elements - (shift > 0 ? shift : 0)});
                        ends.push_back(static_cast<std::int64_t>(taps.size()));
                    }
                    Guarded<T> to(width);
                    std::fill(to.begin(), to.end(), T(7));
                    kernels.pack->fold({from.data(), taps.data(), ends.data(), phases, rows, row_step}, width,
                                       to.data(), finish);
                    EXPECT_TRUE(to.intact());
                    for (std::int64_t x = 0; x < width; ++x) {
                        const std::int64_t phase = x % phases, i = x / phases;
                        T sum = finish == Finish::add ? T(7) : T(0);
                        for (std::int64_t t = phase == 0 ? 0 : ends[phase - 1]; t < ends[phase]; ++t)
                            for (std::int64_t r = 0; r < rows; ++r)
                                if (taps[t].begin <= i && i < taps[t].end)
                                    sum += from[r * row_step + taps[t].offset + i];
                        ASSERT_EQ(to[x], sum) << x;
                    }
                }
    });
}

}  // namespace
}  // namespace backgrad::kernels
