#include "plan/element_tasks.hpp"

#include <algorithm>

namespace backgrad::plan {

ElementTasks make_element_tasks(std::int64_t elements, std::size_t element_bytes, std::int64_t least_bytes,
                                std::int64_t grain) {
    constexpr std::int64_t most_tasks = 1024;
    const std::int64_t least = least_bytes / static_cast<std::int64_t>(element_bytes);
    const std::int64_t goal = std::max({grain, least, elements / most_tasks + (elements % most_tasks != 0)});
    // Several tasks are an even number, so that two threads have as many.
    const std::int64_t count = elements / goal + (elements % goal != 0);
    const std::int64_t even = count > 1 ? count + count % 2 : 1;
    const std::int64_t share = count > 1 ? elements / even + (elements % even != 0) : goal;
    const std::int64_t per_task = share / grain * grain + (share % grain != 0 ? grain : 0);
    return {elements, per_task, elements / per_task + (elements % per_task != 0)};
}

}  // namespace backgrad::plan
