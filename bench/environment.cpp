#include "environment.hpp"

#include "threads/make_executor.hpp"

#include <backgrad/error.hpp>

#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace backgrad::bench {
namespace {

std::string value_or(const char* name, const std::string& otherwise) {
    const char* value = std::getenv(name);
    return value ? value : otherwise;
}

/// The highest ISA that the peer may use; it has nothing below SSE4.1.
std::string peer_isa(Isa isa) {
    if (isa == Isa::avx512) return "AVX512_CORE";
    return isa == Isa::avx2 ? "AVX2" : "SSE41";
}

/// Every word of a variable's comma-separated value must be one of OpenMP's, in any case of letters.
void check_words(const char* variable, const std::string& value, const std::vector<std::string>& known) {
    std::istringstream words(value);
    for (std::string word; std::getline(words, word, ',');) {
        const auto same = [&](const std::string& other) { return strcasecmp(word.c_str(), other.c_str()) == 0; };
        if (std::none_of(known.begin(), known.end(), same))
            throw Error(variable, join_alternatives(known), "'" + value + "'");
    }
}

}  // namespace

void check_environment() {
    threads::resolve({});
    check_words("OMP_WAIT_POLICY", value_or("OMP_WAIT_POLICY", "passive"), {"active", "passive"});
    check_words(bind_variable, value_or(aside_variable, "close"),
                {"true", "false", "primary", "master", "close", "spread"});
}

std::map<std::string, std::string> worker_environment(const WorkerKind& kind) {
    std::map<std::string, std::string> variables{
        {"OMP_NUM_THREADS", std::to_string(kind.threads)},
        {"BACKGRAD_NUM_THREADS", std::to_string(kind.threads)},
        {"OMP_DYNAMIC", "false"},
        {"ONEDNN_MAX_CPU_ISA", peer_isa(kind.isa)},
        {"DNNL_MAX_CPU_ISA", peer_isa(kind.isa)},
    };
    // Threads that are not OpenMP's would inherit the binding of the first thread and share one core.
    variables[bind_variable] = kind.pool == Pool::openmp ? value_or(aside_variable, "close") : "false";
    return variables;
}

}  // namespace backgrad::bench
