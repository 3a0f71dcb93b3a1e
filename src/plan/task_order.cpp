#include "plan/task_order.hpp"

#include <cstddef>
#include <numeric>

namespace backgrad::plan {

std::vector<OrderedTask> interleave(std::initializer_list<std::int64_t> lengths) {
    const std::vector<std::int64_t> length(lengths);
    std::vector<std::int64_t> done(length.size(), 0);
    std::vector<OrderedTask> order;
    order.reserve(static_cast<std::size_t>(std::accumulate(length.begin(), length.end(), std::int64_t{0})));
    while (order.size() < order.capacity()) {
        // The list whose next task lies earliest, the middle of task k of n being at (k + 1/2) / n.
        std::size_t next = length.size();
        double earliest = 2;
        for (std::size_t list = 0; list < length.size(); ++list) {
            if (done[list] == length[list]) continue;
            const double at = (static_cast<double>(done[list]) + 0.5) / static_cast<double>(length[list]);
            if (at < earliest) {
                earliest = at;
                next = list;
            }
        }
        if (next == length.size()) break;
        order.push_back({static_cast<std::int32_t>(next), done[next]++});
    }
    return order;
}

}  // namespace backgrad::plan
