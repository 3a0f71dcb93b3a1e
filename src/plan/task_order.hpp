#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace backgrad::plan {

/// One task of one of several lists.
struct OrderedTask {
    std::int32_t list;
    std::int64_t task;
};

/// Merges task lists of the given lengths evenly: after any number of tasks each list is done to the same fraction. So
/// equal shares of the merged list are equal work, and lists that walk over the same tensor meet in the cache.
std::vector<OrderedTask> interleave(std::initializer_list<std::int64_t> lengths);

}  // namespace backgrad::plan
