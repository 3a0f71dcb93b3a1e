#include "plan/conv2d_blockings.hpp"

#include "plan/candidates.hpp"
#include "plan/conv2d_depthwise_rows.hpp"

#include <algorithm>
#include <cstdint>

namespace backgrad::plan {

namespace {

/// What all lists are made from.
struct Setting {
    const Conv2dProblem& problem;
    const Conv2dTiles& tiles;
    std::size_t element_bytes;
    const Strategy& strategy;
};

constexpr int most_vectors = 8;

std::string times(std::int64_t a, std::int64_t b) { return std::to_string(a) + "x" + std::to_string(b); }

std::string name_of(const WeightBlocking& blocking) {
    const WeightWay& way = blocking.way;
    const WeightCut& cut = blocking.cut;
    if (way.family == LaneFamily::pixels)
        return std::string(way.exchanged ? "weight:exchanged_" : "weight:") +
               (way.runs == PixelRuns::rows ? "pixel_rows/" : "pixel_images/") + std::to_string(cut.row_blocks);
    const bool from_output = way.side == LaneSide::grad_output;
    const char* const lanes = way.family == LaneFamily::patches       ? "patches/"
                              : way.family == LaneFamily::kernel_rows ? (from_output ? "kernel_rows/" : "row_inputs/")
                              : from_output                           ? "out_channels/"
                                                                      : "in_channels/";
    return std::string("weight:") + lanes + times(cut.lane_blocks, cut.row_blocks) + "/v" + std::to_string(cut.vectors);
}

std::string pieces_of(const InputCut& cut) {
    if (cut.blocks_at_once == 0) return "";
    return (cut.tasks_pack ? "/own_pieces" : "/pieces") + times(cut.blocks_per_task, cut.blocks_at_once);
}

std::string name_of(const InputBlocking& blocking) {
    const InputCut& cut = blocking.cut;
    const std::string across = cut.block_images > 1 ? std::to_string(cut.block_images) + "_images/" : "";
    const std::string tasks = across + times(cut.row_blocks, cut.column_blocks) + "x" +
                              std::to_string(cut.channel_groups) + "/v" + std::to_string(cut.vectors) + pieces_of(cut);
    switch (blocking.way.lanes) {
        case InputLanes::channels:
            return "input:channels/" + tasks;
        case InputLanes::rows:
            return "input:rows/" + tasks;
        case InputLanes::strips:
            return "input:strips/" + tasks;
        case InputLanes::strips_across_images:
            return "input:strips_across_images/" + tasks;
        case InputLanes::folded:
            break;
    }
    return "input:folded";
}

/// A weight's blocking with the vectors that its register tiles come to.
WeightBlocking resolved(const Setting& s, const WeightWay& way, WeightCut cut) {
    const Conv2dWeightPlan plan = plan_weight(s.problem, way, cut, s.tiles.dense, s.element_bytes, s.strategy);
    cut.vectors = plan.block_tiles.vectors;
    return {way, cut};
}

InputBlocking resolved(const Setting& s, const InputWay& way, InputCut cut) {
    const Conv2dInputPlan plan = plan_input(s.problem, way, cut, s.tiles.dense, s.element_bytes, s.strategy);
    cut.vectors = plan.family == LaneFamily::channels ? plan.channel_tiles.vectors : plan.pixel_vectors;
    return {way, cut};
}

/// The kinds of blockings: what exists, what the models choose, and what belongs to the order of additions.
struct WeightKind {
    static WeightWay chosen_way(const Setting& s) {
        return weight_way(s.problem, s.element_bytes, s.tiles.dense.lanes);
    }
    static std::vector<WeightWay> ways(const Setting& s) {
        return weight_ways(s.problem, s.element_bytes, s.tiles.dense.lanes);
    }
    static std::vector<WeightCut> cuts(const Setting& s, const WeightWay& way, int vectors) {
        return weight_cuts(s.problem, way, s.tiles.dense, s.element_bytes, s.strategy, vectors);
    }
    static WeightCut choose(const WeightWay&, const std::vector<WeightCut>& cuts) {
        return cheapest(cuts, worthwhile_cut);
    }
    static bool same_bits(const WeightWay& a, const WeightWay& b) { return a.same_order(b); }
    static Conv2dBlocking only(const WeightBlocking& blocking) { return {blocking, {}, {}}; }
};

struct InputKind {
    static InputWay chosen_way(const Setting& s) { return input_way(s.problem, s.element_bytes, s.tiles.dense); }
    static std::vector<InputWay> ways(const Setting& s) {
        return input_ways(s.problem, s.element_bytes, s.tiles.dense);
    }
    static std::vector<InputCut> cuts(const Setting& s, const InputWay& way, int vectors) {
        return input_cuts(s.problem, way, s.tiles.dense, s.element_bytes, s.strategy, vectors);
    }
    static InputCut choose(const InputWay& way, const std::vector<InputCut>& cuts) { return choose_cut(way, cuts); }
    static bool same_bits(const InputWay& a, const InputWay& b) {
        return (a.lanes == InputLanes::folded) == (b.lanes == InputLanes::folded);
    }
    static Conv2dBlocking only(const InputBlocking& blocking) { return {{}, blocking, {}}; }
};

/// Where a blocking stands in the list, which holds none twice.
enum class Rank { chosen, own_of_way, other };

class List {
public:
    void add(KnownBlocking known, Rank rank) {
        const auto same = [&](const Entry& other) { return other.known.name == known.name; };
        if (std::none_of(all_.begin(), all_.end(), same)) all_.push_back({std::move(known), rank});
    }

    /// Of two gradients with plans of their own, the two chosen ones are one plan.
    void join_chosen() {
        const auto is_chosen = [](const Entry& entry) { return entry.rank == Rank::chosen; };
        const auto first = std::find_if(all_.begin(), all_.end(), is_chosen);
        if (first == all_.end()) return;
        const auto second = std::find_if(first + 1, all_.end(), is_chosen);
        if (second == all_.end()) return;
        first->known.name += " " + second->known.name;
        first->known.blocking.input = second->known.blocking.input;
        all_.erase(second);
    }

    std::vector<KnownBlocking> sorted() {
        const auto key = [](const Entry& entry) {
            const double estimate = entry.rank == Rank::other ? entry.known.estimated.value_or(1) : 0;
            return std::pair{entry.rank, estimate};
        };
        std::stable_sort(all_.begin(), all_.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
        std::vector<KnownBlocking> known;
        for (Entry& entry : all_) known.push_back(std::move(entry.known));
        return known;
    }

private:
    struct Entry {
        KnownBlocking known;
        Rank rank;
    };
    std::vector<Entry> all_;
};

/// The blockings of one gradient. A way's estimate says how it compares with other ways; those of its cuts how they
/// compare with the cut that it would choose.
template <class Kind>
class Blockings {
public:
    explicit Blockings(const Setting& setting) : s_(setting), chosen_(Kind::chosen_way(setting)) {}

    void add_to(List& list) const {
        add(list, chosen_, own_cut(chosen_), 1, Rank::chosen);
        for (const auto& way : Kind::ways(s_)) add(list, way, own_cut(way), 1, Rank::own_of_way);
        for (const auto& way : Kind::ways(s_)) add_cuts(list, way);
    }

private:
    template <class Way>
    auto own_cut(const Way& way) const {
        return Kind::choose(way, Kind::cuts(s_, way, 0));
    }

    template <class Way>
    void add_cuts(List& list, const Way& way) const {
        const double own = own_cut(way).cycles;
        const auto over_own = [own](const auto& cut) { return own > 0 ? cut.cycles / own : 1; };
        for (const auto& cut : Kind::cuts(s_, way, 0)) add(list, way, cut, over_own(cut), Rank::other);
        for (int vectors = 1; vectors <= most_vectors; ++vectors) {
            const auto cut = Kind::choose(way, Kind::cuts(s_, way, vectors));
            add(list, way, cut, over_own(cut), Rank::other);
        }
    }

    template <class Way, class Cut>
    void add(List& list, const Way& way, const Cut& cut, double over_own, Rank rank) const {
        const auto blocking = resolved(s_, way, cut);
        list.add({name_of(blocking), Kind::only(blocking), way.cycles / chosen_.cycles * over_own, rank == Rank::chosen,
                  Kind::same_bits(way, chosen_)},
                 rank);
    }

    const Setting& s_;
    decltype(Kind::chosen_way(std::declval<const Setting&>())) chosen_;
};

std::string name_of(const DepthwiseWay& way, const Conv2dGradients& gradients, const Conv2dDepthwisePlan& plan) {
    std::string name = "depthwise:";
    if (plan.sums()) name += way.sums_in_place ? "sums_in_place/" : "sums_from_panels/";
    if (gradients.input) name += way.input_in_place ? "input_in_place/" : "input_from_panels/";
    name += std::to_string(plan.units_per_block);
    return name + (way.tile_pixels > 0 ? "/p" + std::to_string(way.tile_pixels) : "");
}

/// Panels for the sums are there for grad_input, too.
std::vector<DepthwiseWay> depthwise_ways(const Conv2dProblem& p, const Conv2dGradients& gradients) {
    const bool sums = gradients.weight || gradients.bias;
    const bool may_sum = sums && (works_on_planes(p) || works_on_rows(p));
    const bool may_input = gradients.input && (works_on_planes(p) || has_row_input(p));
    std::vector<DepthwiseWay> ways;
    for (const bool sums_in_place : {true, false})
        for (const bool input_in_place : {true, false}) {
            const bool exists = (may_sum || !sums_in_place) && (may_input || !input_in_place);
            if (exists && (sums_in_place || !sums || !input_in_place))
                ways.push_back({sums_in_place, input_in_place, 0, 0});
        }
    return ways;
}

void add_depthwise(const Setting& s, const Conv2dGradients& gradients, List& list) {
    const Conv2dProblem& p = s.problem;
    const DepthwiseWay chosen = depthwise_way(p, gradients, s.element_bytes);
    const auto plan_of = [&](const DepthwiseWay& way) {
        return plan_depthwise(p, gradients, way, s.tiles.depthwise, s.element_bytes, s.strategy);
    };
    const auto add = [&](const DepthwiseWay& way, Rank rank) {
        list.add({name_of(way, gradients, plan_of(way)),
                  {{}, {}, way},
                  std::nullopt,
                  rank == Rank::chosen,
                  way.sums_in_place == chosen.sums_in_place},
                 rank);
    };
    const std::vector<DepthwiseWay> ways = depthwise_ways(p, gradients);
    add(chosen, Rank::chosen);
    for (const DepthwiseWay& way : ways) add(way, Rank::own_of_way);
    for (DepthwiseWay way : ways) {
        for (way.units_per_task = 1; way.units_per_task < 2 * plan_of(chosen).units; way.units_per_task *= 2)
            add(way, Rank::other);
        way.units_per_task = 0;
        if (!gradients.input || way.input_in_place) continue;
        for (way.tile_pixels = 1; way.tile_pixels <= most_vectors; ++way.tile_pixels) add(way, Rank::other);
    }
}

}  // namespace

std::vector<KnownBlocking> known_blockings(const Conv2dProblem& p, const Conv2dGradients& gradients,
                                           const Conv2dTiles& tiles, std::size_t element_bytes,
                                           const Strategy& strategy) {
    const Setting setting{p, tiles, element_bytes, strategy};
    const Conv2dPlan plan = plan_conv2d(p, gradients, tiles, element_bytes, strategy);
    List list;
    if (plan.depthwise) add_depthwise(setting, plan.depthwise->gradients, list);
    if (plan.weight) Blockings<WeightKind>(setting).add_to(list);
    if (plan.input) Blockings<InputKind>(setting).add_to(list);
    list.join_chosen();
    return list.sorted();
}

}  // namespace backgrad::plan
