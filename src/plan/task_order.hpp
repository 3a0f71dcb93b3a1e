#pragma once

#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// One task of one of several lists.
struct OrderedTask {
    std::int32_t list;
    std::int64_t task;
};

/// Merges task lists of the given lengths. Of `workers` equal shares of the merged list, as static schedules give them,
/// each holds its part of every list, to one task; of the shorter list first, whose tasks are the larger ones. Within a
/// share the lists are merged evenly, so that those that walk over the same tensor meet in the cache.
std::vector<OrderedTask> interleave(const std::vector<std::int64_t>& lengths, int workers);

/// The order of tasks that are numbered group by group, each group with `blocks` of them whose cost is the group's.
/// Group by group, because neighbours then read the same; but block by block where groups are unequal and workers with
/// equal shares would end later.
std::vector<std::int64_t> even_order(const std::vector<std::int64_t>& group_costs, std::int64_t blocks, int workers);

}  // namespace backgrad::plan
