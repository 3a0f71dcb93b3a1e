#include "context.hpp"

#include "build_info.hpp"
#include "capabilities.hpp"
#include "environment.hpp"
#include "revision.hpp"
#include "topology.hpp"

#include <nlohmann/json.hpp>

#include <benchmark/benchmark.h>

#include <sys/utsname.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

extern char** environ;

namespace backgrad::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string now() {
    const std::time_t time = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", std::localtime(&time));
    return text;
}

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

Json describe_caches() {
    Json caches = Json::array();
    for (const auto& cache : benchmark::CPUInfo::Get().caches) {
        caches.push_back(
            {{"type", cache.type}, {"level", cache.level}, {"bytes", cache.size}, {"cpus", cache.num_sharing}});
    }
    return caches;
}

Json describe_machine() {
    utsname system{};
    uname(&system);
    const Topology topology = machine_topology();
    return {{"processor", processor_name()},
            {"architecture", system.machine},
            {"kernel", std::string(system.sysname) + " " + system.release},
            {"sockets", topology.sockets},
            {"cores", topology.cores},
            {"hardware_threads", topology.hardware_threads},
            {"threads_per_core", topology.cores > 0 ? topology.hardware_threads / topology.cores : 1},
            {"numa_nodes", topology.numa_nodes},
            {"core_kinds", topology.core_kinds},
            {"allowed_cpus", allowed_cpus()},
            {"usable_cpus", usable_cpus()},
            {"caches", describe_caches()}};
}

/// The caller's variables that change how threads run.
Json describe_environment() {
    Json variables = Json::object();
    for (char** entry = environ; *entry; ++entry) {
        const std::string text = *entry;
        for (const char* prefix : {"OMP_", "GOMP_", "KMP_", "ONEDNN_", "DNNL_", "TBB_", "BACKGRAD_"}) {
            if (text.rfind(prefix, 0) == 0) variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
        }
    }
    return variables;
}

/// What each worker process is started with, beyond the caller's environment.
Json describe_workers(const Arguments& arguments) {
    Json workers = Json::array();
    for (const Isa isa : arguments.isas) {
        for (const int threads : arguments.threads) {
            for (const bool openmp : {true, false}) {
                const WorkerKind kind{isa, threads, openmp ? Pool::openmp : Pool::tbb};
                Json variables = Json::object();
                for (const auto& [name, value] : worker_environment(kind)) variables[name] = value;
                workers.push_back({{"isa", name(isa)},
                                   {"threads", threads},
                                   {"variants", openmp ? "serial, OpenMP and peers" : "other thread pools"},
                                   {"environment", variables}});
            }
        }
    }
    return workers;
}

}  // namespace

Json describe_context(const Arguments& arguments, const std::vector<std::string>& command_line) {
    return {{"date", now()},
            {"command_line", command_line},
            {"machine", describe_machine()},
            {"build",
             {{"compiler", build_info::compiler},
              {"type", build_info::type},
              {"flags", build_info::flags},
              {"kernel_flags", build_info::kernel_flags},
              {"onednn", build_info::onednn_version},
              {"git_revision", BACKGRAD_BENCH_REVISION}}},
            {"environment", describe_environment()},
            {"workers", describe_workers(arguments)}};
}

}  // namespace backgrad::bench
