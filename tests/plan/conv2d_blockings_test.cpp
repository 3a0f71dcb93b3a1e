#include "plan/conv2d_blockings.hpp"

#include "plan/candidates.hpp"
#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace backgrad::plan {
namespace {

Conv2dTiles any_tiles() {
    const RegisterTiles dense = *rc::gen::element(test::wide_tiles, test::narrow_tiles);
    return {dense, {dense.lanes, {0, 8, 8, 8, 6, 4, 3, 2, 2}, {0, 3, 3, 3, 3, 3, 3, 3, 2}}};
}

Conv2dProblem with_pixels(const Conv2dShape& shape) {
    const Conv2dProblem p = make_problem(shape, test::any_layout());
    RC_PRE(p.batch * p.pixels_out() * p.pixels_in() > 0);
    return p;
}

/// Any problem with pixels that is not planned as depthwise.
Conv2dProblem any_dense_problem() {
    Conv2dShape shape = test::any_shape();
    if (shape.in_channels == shape.groups) shape.in_channels *= 2;
    const Conv2dProblem p = with_pixels(shape);
    RC_PRE(lane_group(p, 4) == 0);
    return p;
}

/// Any problem with pixels, one of three depthwise.
Conv2dProblem any_problem() {
    if (test::any(0, 2) > 0) return any_dense_problem();
    Conv2dShape shape = test::any_shape();
    shape.in_channels = shape.out_channels = shape.groups = test::any(1, 70);
    return with_pixels(shape);
}

Strategy any_threads() { return {.threads = static_cast<int>(test::any(1, 64))}; }

constexpr Conv2dGradients single_gradients[] = {{true, false, false}, {false, true, true}};

TEST(Conv2dBlockings, AreAListWithoutRepetitionsThatBeginsWithTheChosenOne) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const Conv2dTiles tiles = any_tiles();
        for (const Conv2dGradients& gradients : single_gradients) {
            const auto known = known_blockings(p, gradients, tiles, 4, any_threads());
            RC_ASSERT(!known.empty());
            RC_ASSERT(known.front().chosen);
            RC_ASSERT(known.front().same_bits);
            RC_ASSERT(known.front().estimated.value_or(1) == 1.0);
            std::set<std::string> names;
            for (const KnownBlocking& k : known) names.insert(k.name);
            RC_ASSERT(names.size() == known.size());
            RC_ASSERT(std::count_if(known.begin(), known.end(), [](const auto& k) { return k.chosen; }) == 1);
        }
    }));
}

/// The names of a list that begin so.
std::vector<KnownBlocking> beginning_with(std::string_view text, const std::vector<KnownBlocking>& known) {
    std::vector<KnownBlocking> some;
    std::copy_if(known.begin(), known.end(), std::back_inserter(some),
                 [text](const KnownBlocking& k) { return k.name.rfind(text, 0) == 0; });
    return some;
}

TEST(Conv2dBlockings, OfAllGradientsAreThoseOfEachAlone) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_dense_problem();
        const Conv2dTiles tiles = any_tiles();
        const Strategy strategy = any_threads();
        const auto all = known_blockings(p, {true, true, true}, tiles, 4, strategy);
        const auto same = [](const KnownBlocking& a, const KnownBlocking& b) { return a.name == b.name; };
        for (const auto& [gradients, kind] :
             {std::pair{single_gradients[0], "input:"}, std::pair{single_gradients[1], "weight:"}}) {
            // The chosen one stands for both.
            const auto alone = known_blockings(p, gradients, tiles, 4, strategy);
            RC_ASSERT(all.front().name.find(alone.front().name) != std::string::npos);
            const std::vector<KnownBlocking> others(all.begin() + 1, all.end()), some = beginning_with(kind, others);
            RC_ASSERT(std::equal(some.begin(), some.end(), alone.begin() + 1, alone.end(), same));
        }
    }));
}

/// The part of a plan that tells how it is blocked.
std::vector<std::int64_t> choices(const Conv2dPlan& plan) {
    std::vector<std::int64_t> all{plan.worker_elements, plan.shared.elements(),
                                  static_cast<std::int64_t>(plan.main_tasks.size())};
    if (const auto& w = plan.weight)
        all.insert(all.end(), {static_cast<std::int64_t>(w->family), static_cast<std::int64_t>(w->side), w->exchanged,
                               static_cast<std::int64_t>(w->runs), w->lane_blocks, w->row_blocks,
                               w->block_tiles.vectors, w->segments.count});
    if (const auto& i = plan.input)
        all.insert(all.end(), {static_cast<std::int64_t>(i->family), i->pointwise, i->strips_cross_images, i->folded,
                               i->channel_tiles.vectors, i->pixel_vectors, i->row_channels, i->row_blocks,
                               i->column_blocks, i->channel_groups, i->pack_tasks, i->weights_in_place, i->block_images,
                               i->blocks_at_once, i->tasks_pack, static_cast<std::int64_t>(i->tile_axis)});
    if (const auto& d = plan.depthwise)
        all.insert(all.end(),
                   {d->over_planes, d->over_rows, d->input_over_rows, static_cast<std::int64_t>(d->input_planes.size()),
                    d->unit_blocks, d->units_at_once, d->strip_segments, d->segments.count});
    return all;
}

TEST(Conv2dBlockings, TheChosenOneIsWhatThePlanTakesByItself) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const Conv2dTiles tiles = any_tiles();
        const Strategy strategy = any_threads();
        const std::size_t bytes = *rc::gen::element(4, 8);
        for (const Conv2dGradients& gradients : single_gradients) {
            const KnownBlocking chosen = known_blockings(p, gradients, tiles, bytes, strategy).front();
            RC_ASSERT(choices(plan_conv2d(p, gradients, tiles, bytes, strategy, chosen.blocking)) ==
                      choices(plan_conv2d(p, gradients, tiles, bytes, strategy)));
        }
    }));
}

TEST(Conv2dBlockings, TheModelsTakeTheCheapestCutOfTheirWay) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_dense_problem();
        const RegisterTiles tiles = any_tiles().dense;
        const Strategy strategy = any_threads();
        const WeightWay weight = weight_way(p, 4, tiles.lanes);
        const auto weight_cut = cheapest(weight_cuts(p, weight, tiles, 4, strategy), worthwhile_cut);
        for (const WeightCut& cut : weight_cuts(p, weight, tiles, 4, strategy))
            RC_ASSERT(weight_cut.cycles * worthwhile_cut <= cut.cycles);
        const InputWay input = input_way(p, 4, tiles);
        const auto input_cut = choose_cut(input, input_cuts(p, input, tiles, 4, strategy));
        for (const InputCut& cut : input_cuts(p, input, tiles, 4, strategy))
            RC_ASSERT(input_cut.cycles * worthwhile_cut <= cut.cycles);
    }));
}

TEST(Conv2dBlockings, TheModelsTakeTheCheapestWay) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_dense_problem();
        const RegisterTiles tiles = any_tiles().dense;
        const InputWay input = input_way(p, 4, tiles);
        for (const InputWay& way : input_ways(p, 4, tiles)) RC_ASSERT(input.cycles <= way.cycles);
        // Operands change places only where that saves a tenth; then another way may be cheaper than either.
        const WeightWay weight = weight_way(p, 4, tiles.lanes);
        for (const WeightWay& way : weight_ways(p, 4, tiles.lanes))
            RC_ASSERT(weight.cycles * (way.exchanged ? 0.9 : 1.0) <= way.cycles * 1.000001);
    }));
}

TEST(Candidates, ALaterOneMustBeWorthIt) {
    struct Candidate {
        double cycles;
    };
    const std::vector<Candidate> candidates{{100}, {99}, {97}, {96}, {120}};
    EXPECT_EQ(cheapest(candidates, 0.98).cycles, 97);
    EXPECT_EQ(cheapest(candidates, 1.0).cycles, 96);
}

}  // namespace
}  // namespace backgrad::plan
