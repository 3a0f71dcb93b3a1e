#include "plan/conv2d_input_plan.hpp"

#include "plan/conv2d_fold_plan.hpp"
#include "plan/conv2d_input_blocks.hpp"

#include "plan/properties.hpp"
#include "support/square_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace backgrad::plan {
namespace {

using test::any_layout;
using test::any_shape;
using test::any_strategy;

struct Planned {
    Conv2dProblem problem;
    RegisterTiles tiles;
    Conv2dInputPlan plan;
};

/// The plan of any problem that has an input.
Planned any_plan() {
    Planned planned{
        make_problem(any_shape(), any_layout()), *rc::gen::element(test::wide_tiles, test::narrow_tiles), {}};
    RC_PRE(planned.problem.batch * planned.problem.pixels_in() > 0);
    planned.plan = plan_input(planned.problem, planned.tiles, *rc::gen::element(4, 8), any_strategy());
    return planned;
}

TEST(Conv2dInputPlan, GivesEveryPixelToOneBlock) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, tiles, plan] = any_plan();
        if (plan.pointwise) return;
        std::vector<int> visits(static_cast<std::size_t>(p.batch * p.pixels_in()));
        for (std::int64_t b = 0; b < plan.blocks; ++b) {
            const InputBlock block = input_block(p, plan, b);
            RC_ASSERT(block.columns.begin % p.stride_width == 0);
            for (std::int64_t i = block.images.begin; i < block.images.end; ++i)
                for (std::int64_t y = block.rows.begin; y < block.rows.end; ++y)
                    for (std::int64_t x = block.columns.begin; x < block.columns.end; ++x)
                        ++visits.at(static_cast<std::size_t>((i * p.in_height + y) * p.in_width + x));
        }
        RC_ASSERT(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
    }));
}

/// The windows along one axis that meet a position in [begin, end) with any tap.
Range meeting(std::int64_t begin, std::int64_t end, std::int64_t windows, std::int64_t stride, std::int64_t padding,
              std::int64_t kernel, std::int64_t dilation) {
    Range range{windows, 0};
    for (std::int64_t w = 0; w < windows; ++w)
        for (std::int64_t tap = 0; tap < kernel; ++tap) {
            const std::int64_t position = w * stride - padding + tap * dilation;
            if (position < begin || position >= end) continue;
            range = {std::min(range.begin, w), std::max(range.end, w + 1)};
        }
    return range;
}

bool holds(const Range& outer, const Range& inner) {
    return inner.size() == 0 || (outer.begin <= inner.begin && inner.end <= outer.end);
}

TEST(Conv2dInputPlan, ReadsEveryOutputThatABlockNeeds) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, tiles, plan] = any_plan();
        if (plan.pointwise || plan.folded) return;
        for (std::int64_t b = 0; b < plan.row_blocks * plan.column_blocks; ++b) {
            const InputBlock block = input_block(p, plan, b);
            const OutputWindow window = output_window(p, plan, block);
            RC_ASSERT(window.rows.begin <= window.rows.end);
            // Across the axis of its tiles, a block reads nothing beside the tensor.
            if (plan.family == LaneFamily::channels && plan.tile_axis != TileAxis::beside)
                RC_ASSERT(0 <= window.columns.begin && window.columns.end <= p.out_width);
            if (plan.family == LaneFamily::channels && plan.tile_axis != TileAxis::down)
                RC_ASSERT(0 <= window.rows.begin && window.rows.end <= p.out_height);
            RC_ASSERT(holds(window.rows, meeting(block.rows.begin, block.rows.end, p.out_height, p.stride_height,
                                                 p.padding_top, p.kernel_height, p.dilation_height)));
            RC_ASSERT(holds(window.columns, meeting(block.columns.begin, block.columns.end, p.out_width, p.stride_width,
                                                    p.padding_left, p.kernel_width, p.dilation_width)));
        }
    }));
}

TEST(Conv2dInputPlan, SharesTilesAmongSmallImages) {
    const auto images = [](const Conv2dShape& shape, const Strategy& strategy) {
        return plan_input(make_problem(shape, {}), test::wide_tiles, 4, strategy).block_images;
    };
    const Conv2dShape small = test::square_layer(64, 512, 4, 512, 3);
    EXPECT_GE(images(small, {}), 4) << "of every six taps of an axis one meets padding";
    EXPECT_GE(images(small, {.threads = 2}), 4);
    EXPECT_EQ(images(small, {.partition = Partition::spatial}), 1) << "cut as named";
    EXPECT_EQ(images(test::square_layer(3, 512, 4, 512, 3), {}), 1) << "too few";
    EXPECT_EQ(images(test::square_layer(64, 128, 28, 128, 3), {}), 1) << "padding costs little";
    EXPECT_EQ(images(test::square_layer(64, 512, 4, 512, 1), {}), 1) << "no padding";
}

TEST(Conv2dInputPlan, KnowsTheTermsOfShapesThatMeetNothing) {
    Conv2dShape shape = test::square_layer(8, 24, 1, 24, 1, 2);
    shape.in_width = 8;
    shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 1;
    const Conv2dProblem p = make_problem(shape, {});
    EXPECT_EQ(terms_over(p, TileAxis::across_images, TileAxis::beside), 1);
    for (const InputWay& way : input_ways(p, 4, test::wide_tiles)) {
        EXPECT_TRUE(std::isfinite(way.cycles));
        for (const InputCut& cut : input_cuts(p, way, test::wide_tiles, 4, {})) EXPECT_TRUE(std::isfinite(cut.cycles));
    }
}

TEST(Conv2dInputPlan, CountsNoZerosOfTapsThatMeetNothing) {
    const auto saved = [](std::int64_t size, std::int64_t stride, std::int64_t dilation) {
        Conv2dShape shape = test::square_layer(64, 32, size, 32, 3, stride);
        shape.dilation_height = shape.dilation_width = dilation;
        shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = dilation;
        return terms_over(make_problem(shape, {}), TileAxis::across_images, TileAxis::beside);
    };
    EXPECT_DOUBLE_EQ(saved(4, 1, 1), 10.0 / 12) << "the outer taps meet 3 of 4 pixels";
    EXPECT_DOUBLE_EQ(saved(4, 1, 4), 1) << "only the middle tap meets any";
    EXPECT_DOUBLE_EQ(saved(7, 2, 1), 1) << "taps meet 3, 4 and 3 pixels, all that their phases have";
}

TEST(Conv2dInputPlan, CutsAShorterBatchAsTheWholeOne) {
    const Conv2dProblem p = make_problem(test::square_layer(40, 96, 4, 64, 3), {});
    const Conv2dInputPlan plan = plan_input(p, test::wide_tiles, 4, {});
    ASSERT_GT(plan.block_images, 1);
    for (std::int64_t batch = 0; batch <= p.batch; ++batch) {
        Conv2dProblem shorter = p;
        shorter.batch = batch;
        std::int64_t images = 0;
        for (std::int64_t b = 0; b < plan.blocks_of(shorter); ++b)
            if (b % (plan.row_blocks * plan.column_blocks) == 0) images += input_block(shorter, plan, b).images.size();
        EXPECT_EQ(images, batch);
    }
}

TEST(Conv2dInputPlan, KeepsTheRowsOfPixelsApartInTheCache) {
    for (std::int64_t columns = 0; columns <= 2000; ++columns) {
        const std::int64_t pitch = panel_pitch(columns);
        ASSERT_LE(columns, pitch);
        ASSERT_LE(pitch, most_panel_pitch(columns));
        ASSERT_LE(pitch, columns + 32);
        ASSERT_LT(most_panel_pitch(columns), most_panel_pitch(columns + 1)) << "fewer columns need no more";
        if (columns < 240) ASSERT_EQ(pitch, columns) << "short rows fill the sets";
        else ASSERT_TRUE(pitch % 256 >= 16 && pitch % 256 < 240) << columns << " lie " << pitch << " apart";
    }
}

TEST(Conv2dInputPlan, FoldsPatchesOfFewChannels) {
    const auto lanes = [](std::int64_t channels, std::int64_t window, const RegisterTiles& tiles, std::size_t bytes) {
        return input_way(make_problem(test::patch_layer(8, channels, 224, 768, window), {}), bytes, tiles).lanes;
    };
    for (const RegisterTiles& tiles : {test::wide_tiles, test::narrow_tiles})
        for (const std::size_t bytes : {4, 8}) {
            EXPECT_EQ(lanes(3, 16, tiles, bytes), InputLanes::folded);
            EXPECT_EQ(lanes(3, 32, tiles, bytes), InputLanes::folded);
            EXPECT_NE(lanes(17, 14, tiles, bytes), InputLanes::folded) << "too many channels";
        }
}

TEST(Conv2dInputPlan, TakesMoreRowsOfPixelsWhereThatSavesLoads) {
    const Conv2dProblem p = make_problem(test::square_layer(64, 16, 32, 16, 3), {});
    EXPECT_EQ(plan_input(p, test::wide_tiles, 4, {}).pixel_vectors, 3) << "3 x 8, not 2 x 8";
    EXPECT_EQ(plan_input(p, test::narrow_tiles, 4, {}).pixel_vectors, 2) << "2 x 6, not 3 x 4";
}

TEST(Conv2dInputPlan, GoesDownWhereThatLeavesOutMoreOfThePadding) {
    Conv2dShape shape{.batch = 8, .in_channels = 192, .in_height = 17, .in_width = 23, .out_channels = 192};
    const auto goes_down = [&](Layout layout) {
        return plan_input(make_problem(shape, {.layout = layout}), test::wide_tiles, 4, {}).tile_axis == TileAxis::down;
    };
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        shape.kernel_height = 1, shape.kernel_width = 7, shape.padding_left = shape.padding_right = 0;
        EXPECT_TRUE(goes_down(layout));
        shape.kernel_height = 7, shape.kernel_width = 1;
        EXPECT_FALSE(goes_down(layout));
        shape.kernel_height = 1, shape.kernel_width = 3, shape.padding_left = shape.padding_right = 1;
        EXPECT_FALSE(goes_down(layout)) << "two columns of 69 are not worth it";
    }
}

TEST(Conv2dInputPlan, CutsBatchesIntoStripsThatRegisterTilesHold) {
    EXPECT_TRUE(rc::check([] {
        Conv2dShape shape = any_shape();
        shape.kernel_height = shape.kernel_width = 1;
        shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 0;
        const Conv2dProblem p = make_problem(shape, {.layout = Layout::nchw});
        RC_PRE(p.batch * p.pixels_in() > 0 && p.in_channels > 0);
        const RegisterTiles tiles = *rc::gen::element(test::wide_tiles, test::narrow_tiles);
        const Conv2dInputPlan plan = plan_input(p, tiles, *rc::gen::element(4, 8), any_strategy());
        if (!plan.pointwise) return;
        std::int64_t before = 0;
        for (std::int64_t s = 0; s < plan.blocks; ++s) {
            const Range strip = pixel_strip(p, plan, s);
            RC_ASSERT(strip.begin == before);
            RC_ASSERT(strip.size() >= 1 && strip.size() <= plan.pixel_vectors * tiles.lanes);
            const bool one_image = first_image(strip, p.pixels_out()).pixels.size() == strip.size();
            RC_ASSERT(one_image || (plan.strips_cross_images && plan.staged));
            before = strip.end;
        }
        RC_ASSERT(before == p.batch * p.pixels_out());
    }));
}

TEST(Conv2dInputPlan, CutsColumnsOnlyWhereRowsAreFewerThanThreads) {
    Conv2dShape shape{.batch = 1, .in_channels = 64, .in_height = 56, .in_width = 56, .out_channels = 64};
    shape.kernel_height = shape.kernel_width = 3;
    shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 1;
    const auto columns = [&](int threads) {
        return plan_input(make_problem(shape, {}), test::wide_tiles, 4, {.threads = threads}).column_blocks;
    };
    EXPECT_GT(columns(64), 1) << "56 rows of 4 vectors of channels leave 64 threads unequal shares";
    EXPECT_EQ(columns(2), 1);
    shape.batch = 2;
    EXPECT_EQ(columns(64), 1);
}

TEST(Conv2dInputPlan, FoldsFewInputChannelsOfManyOutputChannels) {
    Conv2dShape shape{.batch = 2, .in_channels = 3, .in_height = 64, .in_width = 64, .out_channels = 64};
    shape.kernel_height = shape.kernel_width = 3;
    EXPECT_TRUE(plan_input(make_problem(shape, {}), test::wide_tiles, 4, {.threads = 1}).folded);
    shape.in_channels = 64;
    EXPECT_FALSE(plan_input(make_problem(shape, {}), test::wide_tiles, 4, {.threads = 1}).folded);
}

TEST(Conv2dInputPlan, FoldsEveryKernelRowThatMeetsGradOutput) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = make_problem(any_shape(), any_layout());
        RC_PRE(p.pixels_in() > 0 && p.pixels_out() > 0);
        const std::int64_t begin = *rc::gen::inRange<std::int64_t>(0, p.in_height);
        const std::int64_t end = *rc::gen::inRange<std::int64_t>(begin + 1, p.in_height + 1);
        const Range met =
            meeting(begin, end, p.out_height, p.stride_height, p.padding_top, p.kernel_height, p.dilation_height);
        RC_ASSERT(holds(reaching_rows(p, {begin, end}), met));
        const KernelRows rows = kernel_rows(p, begin);
        std::int64_t found = 0;
        for (std::int64_t y = 0; y < p.out_height; ++y)
            for (std::int64_t r = 0; r < p.kernel_height; ++r) {
                if (p.input_row(y, r) != begin) continue;
                ++found;
                const std::int64_t k = (r - rows.first) / rows.step;
                RC_ASSERT((r - rows.first) % rows.step == 0 && 0 <= k && k < rows.count);
                RC_ASSERT(y == rows.output_row - k * rows.output_step);
            }
        RC_ASSERT(found == rows.count);
    }));
}

TEST(Conv2dInputPlan, SharesTheSumsPerTapWhereTheCachesOfATeamHoldThem) {
    Conv2dShape shape{.batch = 1, .in_channels = 3, .in_height = 224, .in_width = 224, .out_channels = 64};
    shape.kernel_height = shape.kernel_width = 7;
    shape.stride_height = shape.stride_width = 2;
    const auto plan_for = [&](Strategy strategy) {
        return plan_input(make_problem(shape, {}), test::wide_tiles, 4, strategy);
    };
    EXPECT_FALSE(plan_for({.threads = 2}).sums_shared) << "four megabytes each";
    EXPECT_FALSE(plan_for({.threads = 64, .partition = Partition::channel}).sums_shared) << "one task";
    const Conv2dInputPlan team = plan_for({.threads = 64});
    EXPECT_TRUE(team.sums_shared);
    EXPECT_GE(team.tasks, 56);
    EXPECT_LE(team.tasks, 64);
    shape.batch = 64;
    EXPECT_FALSE(plan_for({.threads = 64}).sums_shared) << "an image each";
}

/// Whether any row of kernel_rows lies outside the vectors.
bool meets_beside(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t row, const Range& vectors) {
    const KernelRows met = kernel_rows(p, row);
    for (std::int64_t k = 0; k < met.count; ++k) {
        const std::int64_t begin = (met.output_row - k * met.output_step) * p.out_width;
        if (begin / plan.strip_lanes < vectors.begin) return true;
        if (ceil_div(begin + p.out_width, plan.strip_lanes) > vectors.end) return true;
    }
    return false;
}

TEST(Conv2dInputPlan, LetsEveryRowWaitForWhatItAddsAndForOneVectorAtLeast) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = make_problem(any_shape(), any_layout());
        RC_PRE(p.pixels_in() > 0 && p.pixels_out() > 0);
        Conv2dInputPlan plan{};
        plan.strip_lanes = *rc::gen::element(1, 4, 8, 16);
        const std::int64_t vectors = ceil_div(p.pixels_out(), plan.strip_lanes);
        plan.row_blocks = *rc::gen::inRange<std::int64_t>(1, vectors + 1);
        for (std::int64_t y = 0; y < p.in_height; ++y) {
            const Range awaited = awaited_vectors(p, plan, y);
            RC_ASSERT(awaited.begin >= 0 && awaited.end <= vectors);
            RC_ASSERT(!meets_beside(p, plan, y, awaited));
            std::int64_t brought = 0;
            for (std::int64_t b = 0; b < plan.row_blocks; ++b) {
                const Range band = band_vectors(p, plan, b);
                const Range some{std::max(band.begin, awaited.begin), std::min(band.end, awaited.end)};
                const Range rows = waiting_rows(p, plan, band);
                if (rows.begin <= y && y < rows.end) brought += some.size();
            }
            RC_ASSERT(awaited.size() > 0);
            RC_ASSERT(brought == awaited.size());
        }
    }));
}

TEST(Conv2dInputPlan, SharesBlocksAndChannelsAmongTasks) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, tiles, plan] = any_plan();
        const std::int64_t images = ceil_div(p.batch, plan.block_images);
        RC_ASSERT(plan.blocks == (plan.pointwise ? plan.strips(p) : images * plan.row_blocks * plan.column_blocks));
        RC_ASSERT(plan.blocks == plan.blocks_of(p));
        RC_ASSERT(plan.block_groups >= 1 && plan.block_groups <= plan.blocks);
        RC_ASSERT(plan.channel_groups >= 1 && plan.channel_groups <= plan.channel_tile_count(p));
        RC_ASSERT(plan.tasks == p.groups * plan.channel_groups * plan.block_groups);
    }));
}

TEST(Conv2dInputPlan, PacksWeightsThatCannotBeReadWhereTheyLie) {
    const auto in_place = [](std::int64_t channels, std::int64_t kernel, Layout layout, std::int64_t batch = 2,
                             std::int64_t size = 10, int threads = 1) {
        const Conv2dShape shape = test::square_layer(batch, channels, size, 64, kernel);
        const Conv2dInputPlan plan =
            plan_input(make_problem(shape, {.layout = layout}), test::wide_tiles, 4, {.threads = threads});
        EXPECT_EQ(plan.pack_tasks == 0, plan.weights_in_place || plan.tasks_pack);
        EXPECT_EQ(plan.packed_elements == 0, plan.weights_in_place || plan.tasks_pack);
        return plan.weights_in_place;
    };
    EXPECT_TRUE(in_place(64, 1, Layout::nchw));
    EXPECT_TRUE(in_place(1024, 1, Layout::nchw));
    EXPECT_FALSE(in_place(64, 3, Layout::nchw));
    EXPECT_TRUE(in_place(784, 1, Layout::nhwc));
    EXPECT_FALSE(in_place(784, 1, Layout::nhwc, 20)) << "a copy costs less than many pixels gain";
    EXPECT_FALSE(in_place(785, 1, Layout::nhwc)) << "the last vector would reach beyond the weights";
    EXPECT_FALSE(in_place(1024, 1, Layout::nhwc)) << "output channels a page apart share sets of the cache";
    EXPECT_TRUE(in_place(1024, 1, Layout::nhwc, 1, 7)) << "a copy costs more than few pixels gain";
    EXPECT_TRUE(in_place(1024, 1, Layout::nhwc, 2, 10, 64)) << "a copy costs a launch, too";
}

TEST(Conv2dInputPlan, LetsTasksPackTheWeightsThatFewPixelsMeet) {
    const auto plan_for = [](std::int64_t batch, int threads, bool weights_shared = false, std::int64_t size = 7) {
        const Conv2dProblem p = make_problem(test::square_layer(batch, 512, size, 512, 3), {});
        return plan_input(p, test::wide_tiles, 4, {.threads = threads}, weights_shared);
    };
    for (const int threads : {1, 2}) {
        EXPECT_TRUE(plan_for(1, threads).tasks_pack) << threads;
        EXPECT_TRUE(plan_for(2, threads).tasks_pack) << threads;
        EXPECT_TRUE(plan_for(64, threads).tasks_pack) << threads << ", which meet each piece together";
        EXPECT_FALSE(plan_for(16, threads, false, 28).tasks_pack) << threads;
    }
    EXPECT_EQ(plan_for(2, 1).blocks_at_once, 2) << "a piece is packed once for both images";
    EXPECT_FALSE(plan_for(1, 1, true).tasks_pack) << "a phase packs for all runs";
    EXPECT_EQ(plan_for(1, 1, true).packed_elements, 512 * 512 * 9);
}

TEST(Conv2dInputPlan, BringsWeightsFromMemoryFewTimes) {
    const auto plan_for = [](const Conv2dShape& shape, std::size_t element_bytes) {
        return plan_input(make_problem(shape, {}), test::wide_tiles, element_bytes, {.threads = 1});
    };
    const auto layer = [](std::int64_t out_channels, std::int64_t groups = 1) {
        return test::square_layer(4, 512 * groups, 14, out_channels * groups, 3, 1, groups);
    };
    EXPECT_FALSE(plan_for(layer(512), 4).in_pieces) << "9 MiB stay in the last cache";
    EXPECT_TRUE(plan_for(layer(512), 8).in_pieces) << "18 MiB do not";
    EXPECT_TRUE(plan_for(layer(1024), 4).in_pieces);
    EXPECT_TRUE(plan_for(layer(512, 2), 4).in_pieces) << "of both groups";
    const Conv2dInputPlan whole_images = plan_for(test::square_layer(16, 1024, 7, 1024, 3), 4);
    EXPECT_EQ(whole_images.row_blocks, 1);
    EXPECT_EQ(whole_images.block_images * whole_images.blocks_at_once, 16) << "which meet each piece together";
}

TEST(Conv2dInputPlan, HasMemoryForTheBlocksThatMeetAPiece) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, tiles, plan] = any_plan();
        if (plan.pointwise || plan.folded) return;
        const bool may_copy = plan.family == LaneFamily::pixels && !p.weight_ohwi;
        RC_ASSERT(plan.in_pieces || (plan.blocks_at_once == 1 && (may_copy || !plan.tasks_pack)));
        RC_ASSERT(plan.blocks_at_once >= 1 && plan.blocks_at_once <= Conv2dInputPlan::most_blocks_at_once);
        RC_ASSERT(plan.worker_elements >= plan.blocks_at_once * (plan.panel_elements + plan.staging_elements));
        for (std::int64_t b = 0; b < plan.row_blocks * plan.column_blocks; ++b) {
            const OutputWindow window = output_window(p, plan, input_block(p, plan, b));
            const std::int64_t pixel = panel_has_pixels(p, plan) ? panel_pixel(p) : p.out_channels;
            RC_ASSERT(plan.panel_elements >= plan.block_images * window.rows.size() * window.columns.size() * pixel);
        }
    }));
}

TEST(Conv2dInputPlan, PacksTheWeightsOfRowsWhereTapsWouldReadThemFromTheSecondCache) {
    const auto tasks_copy = [](std::int64_t kernel, std::int64_t out_channels) {
        const Conv2dShape shape{.batch = 8,
                                .in_channels = 24,
                                .in_height = 28,
                                .in_width = 28,
                                .out_channels = out_channels,
                                .kernel_height = kernel,
                                .kernel_width = kernel,
                                .padding_top = kernel / 2,
                                .padding_bottom = kernel / 2,
                                .padding_left = kernel / 2,
                                .padding_right = kernel / 2};
        const Conv2dInputPlan plan = plan_input(make_problem(shape, {}), test::wide_tiles, 4, {});
        EXPECT_EQ(plan.family, LaneFamily::pixels) << kernel << " " << out_channels;
        EXPECT_EQ(plan.tasks_pack, plan.pack_tasks == 0) << kernel << " " << out_channels;
        return plan.tasks_pack;
    };
    EXPECT_TRUE(tasks_copy(3, 64));
    EXPECT_TRUE(tasks_copy(5, 16));
    EXPECT_FALSE(tasks_copy(5, 64));
    EXPECT_FALSE(tasks_copy(7, 64));
}

TEST(Conv2dInputPlan, DoesNotReadManyWeightsForFewPixels) {
    const Conv2dShape shape{.batch = 1, .in_channels = 2048, .in_height = 7, .in_width = 7, .out_channels = 512};
    const Conv2dInputPlan plan = plan_input(make_problem(shape, {}), test::wide_tiles, 4, {.threads = 64});
    EXPECT_EQ(plan.tasks, 64);
    EXPECT_LE(plan.blocks, 49 / 6);
}

TEST(Conv2dInputPlan, CutsSingleImagesIntoEqualSharesForManyThreads) {
    for (const std::int64_t channels : {64, 256, 512}) {
        const Conv2dShape shape{
            .batch = 1, .in_channels = channels, .in_height = 28, .in_width = 28, .out_channels = 128};
        const Conv2dInputPlan plan = plan_input(make_problem(shape, {}), test::wide_tiles, 4, {.threads = 64});
        EXPECT_GT(static_cast<double>(plan.tasks) / static_cast<double>(round_up(plan.tasks, 64)), 0.9) << channels;
    }
}

TEST(Conv2dInputPlan, HasARegisterTileForEveryTile) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, tiles, plan] = any_plan();
        if (plan.family == LaneFamily::pixels) {
            RC_ASSERT(plan.row_channels >= 1 && plan.row_channels <= tiles.rows_limit[plan.pixel_vectors]);
        } else {
            RC_ASSERT(plan.channel_tiles.size == p.in_channels);
            for (std::int64_t t = 0; t < plan.channel_tiles.count(); ++t)
                RC_ASSERT(plan.channel_tiles.vectors_of(t) >= 1 && plan.channel_tiles.vectors_of(t) <= 8);
        }
    }));
}

TEST(Conv2dInputPlan, KeepsTheOrderOfAdditionsWhateverTheMachine) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        RC_PRE(problem.batch * problem.pixels_in() > 0);
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Conv2dInputPlan one = plan_input(problem, test::wide_tiles, bytes, {.threads = 1});
        const Conv2dInputPlan other = plan_input(problem, test::narrow_tiles, bytes, any_strategy());
        RC_ASSERT(one.folded == other.folded);
    }));
}

TEST(Conv2dInputPlan, AvoidsStripsWhoseWeightsShareSetsOfTheCache) {
    const auto problem = [](std::int64_t in_channels, std::int64_t out_channels) {
        return make_problem(test::square_layer(2, in_channels, 56, out_channels, 1), {.layout = Layout::nchw});
    };
    const auto strips = [&](std::int64_t in_channels, const RegisterTiles& tiles) {
        return plan_input(problem(in_channels, 64), tiles, 4, {.threads = 1}).pointwise;
    };
    EXPECT_FALSE(strips(1024, test::narrow_tiles)) << "a page apart, few FMAs for each line";
    EXPECT_TRUE(strips(1024, test::wide_tiles)) << "nine rows share a line";
    EXPECT_TRUE(strips(1040, test::narrow_tiles));
    EXPECT_GT(strips_weight_reads(problem(1024, 64), test::narrow_tiles, 4), 1.4);
    EXPECT_EQ(strips_weight_reads(problem(1024, 64), test::wide_tiles, 4), 1.0);
    EXPECT_EQ(strips_weight_reads(problem(1040, 64), test::narrow_tiles, 4), 1.0);
    EXPECT_EQ(strips_weight_reads(problem(1024, 8), test::narrow_tiles, 4), 1.0) << "a set holds eight lines";
    EXPECT_EQ(strips_weight_reads(problem(0, 64), test::narrow_tiles, 4), 1.0);
}

/// What strips cost may depend on the ISA only because folding, which has bits of its own, is no other way there.
TEST(Conv2dInputPlan, NeverFoldsWhatStripsAreCutFrom) {
    EXPECT_TRUE(rc::check([] {
        Conv2dShape shape = any_shape();
        shape.kernel_height = *rc::gen::element(1, 1, 3);
        shape.kernel_width = *rc::gen::element(1, 1, 3);
        shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 0;
        RC_PRE(shape.in_height >= shape.kernel_height && shape.in_width >= shape.kernel_width);
        shape.dilation_height = shape.dilation_width = 1;
        const Conv2dProblem p = make_problem(shape, {.layout = Layout::nchw});
        RC_ASSERT(!(has_strips(p) && can_fold(p)));
    }));
}

TEST(Conv2dInputPlan, FoldsTheSameOneRowImagesOnEveryMachine) {
    for (const std::int64_t width : {500, 5000, 50000})
        for (const std::int64_t in_channels : {1, 2, 3, 4, 6, 8, 16})
            for (const std::size_t bytes : {4, 8}) {
                Conv2dShape shape{
                    .batch = 2, .in_channels = in_channels, .in_height = 1, .in_width = width, .out_channels = 64};
                shape.kernel_width = 3;
                shape.padding_left = shape.padding_right = 1;
                const Conv2dProblem p = make_problem(shape, {.layout = Layout::nchw});
                EXPECT_EQ(input_way(p, bytes, test::wide_tiles).lanes == InputLanes::folded,
                          input_way(p, bytes, test::narrow_tiles).lanes == InputLanes::folded)
                    << width << ", " << in_channels;
            }
}

}  // namespace
}  // namespace backgrad::plan
