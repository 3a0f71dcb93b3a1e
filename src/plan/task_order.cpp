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

}  // namespace

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
