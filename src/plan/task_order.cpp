#include "plan/task_order.hpp"

#include <backgrad/executor.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace backgrad::plan {

namespace {

/// Appends the tasks of the ranges, merged evenly.
void merge(const std::vector<TaskRange>& ranges, std::vector<OrderedTask>& order) {
    std::vector<std::int64_t> next;
    for (const TaskRange& range : ranges) next.push_back(range.begin);
    const auto position = [&](std::size_t list) {
        const TaskRange& range = ranges[list];
        return (static_cast<double>(next[list] - range.begin) + 0.5) / static_cast<double>(range.end - range.begin);
    };
    while (true) {
        // The list whose next task lies earliest, the middle of task k of n being at (k + 1/2) / n.
        std::size_t earliest = ranges.size();
        for (std::size_t list = 0; list < ranges.size(); ++list) {
            if (next[list] == ranges[list].end) continue;
            if (earliest == ranges.size() || position(list) < position(earliest)) earliest = list;
        }
        if (earliest == ranges.size()) return;
        order.push_back({static_cast<std::int32_t>(earliest), next[earliest]++});
    }
}

/// The cost of the worker that has most to do.
std::int64_t largest_share(const std::vector<std::int64_t>& order, const std::vector<std::int64_t>& group_costs,
                           std::int64_t blocks, int workers) {
    std::int64_t largest = 0;
    for (int worker = 0; worker < workers; ++worker) {
        const TaskRange share = static_share(static_cast<std::int64_t>(order.size()), worker, workers);
        std::int64_t cost = 0;
        for (std::int64_t i = share.begin; i < share.end; ++i)
            cost += group_costs[static_cast<std::size_t>(order[static_cast<std::size_t>(i)] / blocks)];
        largest = std::max(largest, cost);
    }
    return largest;
}

}  // namespace

std::vector<std::int64_t> even_order(const std::vector<std::int64_t>& group_costs, std::int64_t blocks, int workers) {
    const std::int64_t groups = static_cast<std::int64_t>(group_costs.size());
    std::vector<std::int64_t> by_group(static_cast<std::size_t>(groups * blocks)), by_block;
    std::iota(by_group.begin(), by_group.end(), std::int64_t{0});
    for (std::int64_t block = 0; block < blocks; ++block)
        for (std::int64_t group = 0; group < groups; ++group) by_block.push_back(group * blocks + block);
    const auto largest = [&](const auto& order) { return largest_share(order, group_costs, blocks, workers); };
    // Neighbours that read different pixels cost a few percent.
    return static_cast<double>(largest(by_block)) < 0.95 * static_cast<double>(largest(by_group)) ? by_block : by_group;
}

std::vector<OrderedTask> interleave(const std::vector<std::int64_t>& lengths, int workers) {
    std::vector<std::size_t> by_length(lengths.size());
    std::iota(by_length.begin(), by_length.end(), std::size_t{0});
    std::ranges::stable_sort(by_length, {}, [&](std::size_t list) { return lengths[list]; });
    std::vector<OrderedTask> order;
    order.reserve(static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0})));
    std::vector<TaskRange> ranges(lengths.size(), {0, 0});
    for (int worker = 0; worker < workers; ++worker) {
        // Shares of the first lists together, less those of one list fewer: they add up to a share of all.
        std::int64_t together = 0, before = 0;
        for (const std::size_t list : by_length) {
            together += lengths[list];
            const TaskRange share = static_share(together, worker, workers);
            const std::int64_t all = share.end - share.begin;
            ranges[list] = {ranges[list].end, ranges[list].end + all - before};
            before = all;
        }
        merge(ranges, order);
    }
    return order;
}

}  // namespace backgrad::plan
