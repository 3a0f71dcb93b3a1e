#include "threads/make_executor.hpp"

#include <backgrad/names.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace backgrad::threads {

void report_plan(std::string_view operation, const Strategy& resolved) {
    const char* const verbose = std::getenv("BACKGRAD_VERBOSE");
    if (verbose == nullptr || std::string_view(verbose).empty() || std::string_view(verbose) == "0") return;
    std::string line = "backgrad: ";
    line += operation;
    const auto add = [&line](std::string_view key, std::string_view value) {
        line.append(" ").append(key).append("=").append(value);
    };
    add("backend", name(resolved.backend));
    add("threads", std::to_string(resolved.threads));
    add("partition", name(resolved.partition));
    add("schedule", schedule_name({resolved.schedule, resolved.chunk}));
    add("reduction", name(resolved.reduction));
    add("isa", name(resolved.isa));
    line += '\n';
    std::fputs(line.c_str(), stderr);
}

}  // namespace backgrad::threads
