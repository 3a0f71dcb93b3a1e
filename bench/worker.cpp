#include "worker.hpp"

#include "harness.hpp"
#include "protocol.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace backgrad::bench {
namespace {

// --worker, ISA, threads, CPUs; then Google Benchmark's flags.
constexpr int own_words = 5;

std::vector<int> parse_cpus(const std::string& text) {
    std::vector<int> cpus;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, ',');) cpus.push_back(std::stoi(word));
    return cpus;
}

void answer(const nlohmann::json& value) {
    const std::string line = value.dump() + "\n";
    static std::FILE* const stream = fdopen(answer_fd, "w");
    std::fputs(line.c_str(), stream);
    std::fflush(stream);
}

}  // namespace

bool is_worker(int argc, char** argv) { return argc >= own_words && std::strcmp(argv[1], "--worker") == 0; }

int run_worker(int argc, char** argv) {
    const Isa isa = parse<Isa>("--worker", argv[2]);
    const int threads = std::atoi(argv[3]);
    const std::vector<int> cpus = parse_cpus(argv[4]);
    initialize_harness({argv + own_words, argv + argc});
    std::FILE* const requests = fdopen(request_fd, "r");
    char* line = nullptr;
    std::size_t size = 0;
    while (getline(&line, &size, requests) > 0) {
        const nlohmann::json request = nlohmann::json::parse(line);
        if (request.contains("roof")) {
            answer(measure_roof(isa, request.at("roof").get<Dtype>(), threads, cpus));
            continue;
        }
        if (request.contains("tune")) {
            answer(tune(request.at("tune").get<Cell>(), request.at("most").get<std::size_t>()));
            continue;
        }
        measure(request.at("measure").get<std::vector<Cell>>(), [](std::size_t number, const Outcome& outcome) {
            answer({{"number", number}, {"outcome", outcome}});
        });
        answer(nullptr);
    }
    std::free(line);
    return 0;
}

}  // namespace backgrad::bench
