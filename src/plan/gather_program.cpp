#include "plan/gather_program.hpp"

#include <algorithm>
#include <map>

namespace backgrad::plan {
namespace {

struct Lane {
    std::int64_t element;
    int lane;
};

/// The lanes of one key of one vector.
using Lanes = std::vector<Lane>;

bool is_shift(const Lanes& lanes) {
    const std::int64_t shift = lanes.front().element - lanes.front().lane;
    return std::all_of(lanes.begin(), lanes.end(), [&](const Lane& l) { return l.element - l.lane == shift; });
}

std::uint32_t bit(std::int64_t k) { return std::uint32_t{1} << k; }

/// All lanes take their elements from one load.
void add_shift(GatherProgram& program, std::int64_t key, const Lanes& lanes) {
    std::uint32_t taken = 0;
    for (const Lane& l : lanes) taken |= bit(l.lane);
    program.add(key, lanes.front().element - lanes.front().lane, taken, static_cast<std::uint16_t>(taken));
}

/// As many steps as loads are needed, in ascending order of the elements.
void add_permutations(GatherProgram& program, std::int64_t key, Lanes lanes) {
    std::sort(lanes.begin(), lanes.end(), [](const Lane& a, const Lane& b) { return a.element < b.element; });
    for (std::size_t k = 0; k < lanes.size();) {
        const std::int64_t base = lanes[k].element;
        std::uint32_t loaded = 0, taken = 0;
        std::vector<std::int32_t> relative(static_cast<std::size_t>(program.lanes), -1);
        for (; k < lanes.size() && lanes[k].element - base < program.span; ++k) {
            const std::int64_t offset = lanes[k].element - base;
            loaded |= bit(offset);
            taken |= bit(lanes[k].lane);
            relative[static_cast<std::size_t>(lanes[k].lane)] = static_cast<std::int32_t>(offset);
        }
        program.add_permuted(key, base, loaded, static_cast<std::uint16_t>(taken), relative);
    }
}

}  // namespace

void GatherProgram::add(std::int64_t step_key, std::int64_t step_base, std::uint32_t step_loaded,
                        std::uint16_t step_taken) {
    key.push_back(step_key);
    base.push_back(static_cast<std::int32_t>(step_base));
    loaded.push_back(step_loaded);
    taken.push_back(step_taken);
}

void GatherProgram::add_permuted(std::int64_t step_key, std::int64_t step_base, std::uint32_t step_loaded,
                                 std::uint16_t step_taken, const std::vector<std::int32_t>& step_relative) {
    add(step_key, step_base, step_loaded, step_taken);
    auto known = relative.begin();
    while (known != relative.end() && !std::equal(step_relative.begin(), step_relative.end(), known)) known += lanes;
    pattern.push_back(static_cast<std::int32_t>(known - relative.begin()));
    if (known == relative.end()) relative.insert(relative.end(), step_relative.begin(), step_relative.end());
}

std::int64_t GatherProgram::first_read() const {
    return base.empty() ? 0 : *std::min_element(base.begin(), base.end());
}

std::int64_t GatherProgram::end_read() const {
    return base.empty() ? 0 : *std::max_element(base.begin(), base.end()) + std::int64_t{shifted() ? lanes : span};
}

std::int64_t GatherProgram::steps_of_all() const {
    const std::int64_t steps = vectors > 0 ? first_step[1] : 0;
    for (std::size_t v = 1; v < first_step.size(); ++v) {
        if (first_step[v] - first_step[v - 1] != steps) return 0;
    }
    return steps;
}

void GatherProgram::even_out() {
    std::int64_t longest = 0;
    for (std::size_t v = 1; v < first_step.size(); ++v) longest = std::max(longest, first_step[v] - first_step[v - 1]);
    const std::int64_t steps = first_step.back(), padded = longest * vectors;
    if (padded == steps || padded > steps + steps / 2) return;
    GatherProgram even;
    even.lanes = lanes;
    even.span = span;
    even.vectors = vectors;
    even.relative = relative;
    even.first_step.push_back(0);
    for (std::size_t v = 0; v + 1 < first_step.size(); ++v) {
        for (std::int64_t k = 0; k < longest; ++k) {
            const bool exists = first_step[v] + k < first_step[v + 1];
            const auto step = static_cast<std::size_t>(first_step[v] + k);
            even.add(exists ? key[step] : 0, exists ? base[step] : 0, exists ? loaded[step] : 0,
                     exists ? taken[step] : std::uint16_t{0});
            if (!shifted()) even.pattern.push_back(exists ? pattern[step] : 0);
        }
        even.first_step.push_back(static_cast<std::int64_t>(even.base.size()));
    }
    *this = even;
}

GatherProgram make_program(std::int64_t elements, int lanes, int span,
                           const std::function<std::vector<GatherTerm>(std::int64_t)>& terms) {
    GatherProgram program;
    program.lanes = lanes;
    program.span = span;
    program.vectors = (elements + lanes - 1) / lanes;
    std::vector<std::map<std::int64_t, Lanes>> vectors(static_cast<std::size_t>(program.vectors));
    bool shifted = true;
    for (std::int64_t v = 0; v < program.vectors; ++v) {
        auto& keys = vectors[static_cast<std::size_t>(v)];
        for (int lane = 0; lane < lanes && v * lanes + lane < elements; ++lane) {
            for (const GatherTerm& term : terms(v * lanes + lane)) keys[term.key].push_back({term.element, lane});
        }
        for (const auto& [key, taken] : keys) shifted = shifted && is_shift(taken);
    }
    program.first_step.push_back(0);
    for (const auto& keys : vectors) {
        for (const auto& [key, taken] : keys) {
            if (shifted) {
                add_shift(program, key, taken);
            } else {
                add_permutations(program, key, taken);
            }
        }
        program.first_step.push_back(static_cast<std::int64_t>(program.base.size()));
    }
    return program;
}

}  // namespace backgrad::plan
