#include "cell.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace backgrad::bench {

bool same_problem(const Cell& a, const Cell& b) {
    return a.operation == b.operation && a.mode == b.mode && a.shape == b.shape && a.layout == b.layout &&
           a.dtype == b.dtype && a.cache == b.cache && a.scaling == b.scaling;
}

nlohmann::ordered_json describe(const Cell& cell) {
    return {
        {"op", name(cell.operation)},        {"mode", cell.mode},
        {"shape", cell.shape.name},          {"layout", name(cell.layout)},
        {"dtype", name(cell.dtype)},         {"variant", cell.variant},
        {"partition", name(cell.partition)}, {"schedule", schedule_name(cell.schedule)},
        {"reduction", name(cell.reduction)}, {"isa", name(cell.isa)},
        {"threads", cell.threads},           {"cache", name(cell.cache)},
        {"scaling", name(cell.scaling)},
    };
}

std::string title(const Cell& cell) {
    std::string text(name(cell.operation));
    for (const std::string_view part :
         {std::string_view(cell.mode), std::string_view(cell.shape.name), name(cell.layout), name(cell.dtype),
          name(cell.cache), std::string_view(cell.variant), name(cell.partition)}) {
        text.append("/").append(part);
    }
    text.append("/").append(schedule_name(cell.schedule)).append("/").append(name(cell.reduction));
    return text.append("/").append(name(cell.isa)).append("/").append(std::to_string(cell.threads));
}

}  // namespace backgrad::bench
