#include "predict/machine.hpp"

#include <backgrad/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace backgrad::bench {
namespace {

constexpr int most_cores = 1 << 16;

double positive_number(const nlohmann::json& object, const std::string& path, const char* key) {
    if (!object.contains(key)) throw Error(path, std::string("the key ") + key, "none");
    const nlohmann::json& value = object.at(key);
    if (!value.is_number() || !(value.get<double>() > 0)) {
        throw Error(path + ": " + key, "a number above 0", value.dump());
    }
    return value.get<double>();
}

int positive_integer(const nlohmann::json& object, const std::string& path, const char* key) {
    const double value = positive_number(object, path, key);
    if (!object.at(key).is_number_integer() || value > most_cores) {
        throw Error(path + ": " + key, "an integer from 1 to " + std::to_string(most_cores), object.at(key).dump());
    }
    return static_cast<int>(value);
}

void refuse_unknown_keys(const nlohmann::json& object, const std::string& path) {
    for (const auto& [key, value] : object.items()) {
        if (key == "cores" || key == "gflops_per_core" || key == "gbps_per_socket" || key == "sockets") continue;
        throw Error(path, "the keys cores, gflops_per_core, gbps_per_socket and sockets", "'" + key + "'");
    }
}

}  // namespace

double Machine::core_share(int workers) const { return std::min(1.0, static_cast<double>(cores) / workers); }

double Machine::bandwidth(int workers) const {
    const int cores_of_socket = cores / sockets;
    const int filled = std::clamp((workers + cores_of_socket - 1) / cores_of_socket, 1, sockets);
    return filled * gbps_per_socket * 1e9;
}

double launch_seconds(int workers) { return 1.2e-6 * std::log2(workers); }

Machine read_machine(const std::string& path) {
    std::ifstream file(path);
    const nlohmann::json object = nlohmann::json::parse(file, nullptr, false);
    if (!object.is_object()) throw Error("--machine", "a file that holds a JSON object", "'" + path + "'");
    refuse_unknown_keys(object, path);
    const Machine machine{positive_integer(object, path, "cores"), positive_number(object, path, "gflops_per_core"),
                          positive_number(object, path, "gbps_per_socket"), positive_integer(object, path, "sockets")};
    if (machine.cores % machine.sockets != 0) {
        throw Error(path + ": cores", "a multiple of sockets, as it counts all cores", std::to_string(machine.cores));
    }
    return machine;
}

}  // namespace backgrad::bench
