#include "environment.hpp"

#include <cstdlib>

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

}  // namespace

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
