#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {

/// A run of elements cut into tasks of one size, the last one shorter.
struct ElementTasks {
    std::int64_t elements;
    std::int64_t per_task;
    std::int64_t count;

    std::int64_t begin(std::int64_t task) const { return task * per_task; }
    std::int64_t end(std::int64_t task) const { return task + 1 == count ? elements : (task + 1) * per_task; }
};

/// Tasks of at least `least_bytes` and at most 1,024 of them, cut at multiples of `grain` elements.
ElementTasks make_element_tasks(std::int64_t elements, std::size_t element_bytes, std::int64_t least_bytes,
                                std::int64_t grain);

}  // namespace backgrad::plan
