#include "predict/validation.hpp"

#include "context.hpp"
#include "predict/prediction.hpp"
#include "process.hpp"
#include "results.hpp"
#include "statistics.hpp"
#include "sweep.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>

namespace backgrad::bench {
namespace {

constexpr double tolerance = 0.1;

/// The OpenMP processes, one per thread count.
class Teams {
public:
    explicit Teams(const Arguments& arguments) : arguments_(arguments) {}

    /// The least seconds of a cell's repetitions.
    double seconds(Cell cell) {
        cell.variant = "openmp";
        cell.schedule = arguments_.schedules.front();
        std::unique_ptr<WorkerProcess>& process = processes_[cell.threads];
        if (!process) process = std::make_unique<WorkerProcess>(worker_kind(cell), arguments_.benchmark_flags);
        Outcome outcome;
        process->measure({cell}, [&](std::size_t, const Outcome& answer) { outcome = answer; });
        if (outcome.status != "ok") throw std::runtime_error(title(cell) + ": " + outcome.message);
        return quantile(outcome.milliseconds, 0) / 1e3;
    }

private:
    const Arguments& arguments_;
    std::map<int, std::unique_ptr<WorkerProcess>> processes_;
};

nlohmann::ordered_json to_row(const Prediction& prediction, double measured) {
    const Cell& cell = prediction.cell;
    return {{"op", name(cell.operation)},    {"shape", cell.shape.name},
            {"layout", name(cell.layout)},   {"partition", name(cell.partition)},
            {"threads", cell.threads},       {"predicted_ms", prediction.seconds * 1e3},
            {"measured_ms", measured * 1e3}, {"ratio", prediction.seconds / measured}};
}

void print_row(const nlohmann::ordered_json& row) {
    std::printf("| %s | %s | %s | %s | %d | %.4g | %.4g | %.3f |\n", row["op"].get<std::string>().c_str(),
                row["shape"].get<std::string>().c_str(), row["layout"].get<std::string>().c_str(),
                row["partition"].get<std::string>().c_str(), row["threads"].get<int>(),
                row["predicted_ms"].get<double>(), row["measured_ms"].get<double>(), row["ratio"].get<double>());
}

/// Prints the mean of each thread count; true if all are near one.
bool print_means(const std::map<int, std::vector<double>>& ratios) {
    bool good = true;
    for (const auto& [threads, values] : ratios) {
        const double mean = geometric_mean(values);
        const bool near = std::max(mean, 1 / mean) <= 1 + tolerance;
        std::printf("%d thread(s): predicted / measured %.3f in geometric mean of %zu, %s\n", threads, mean,
                    values.size(), near ? "within 10%" : "NOT within 10%");
        good = good && near;
    }
    return good;
}

}  // namespace

bool run_validation(const Arguments& arguments, const std::vector<std::string>& command_line) {
    Arguments asked = arguments;
    asked.variants = {"callback"};
    const std::vector<Cell> cells = make_cells(asked);
    ResultFolder folder(arguments.out, "validation.jsonl");
    folder.write_context(describe_context(arguments, command_line));
    const double gbps_per_core = measure_gbps_per_core(arguments);
    Teams teams(arguments);
    std::map<int, std::vector<double>> ratios;
    std::printf(
        "| operation | shape | layout | partition | threads | predicted ms | measured ms | ratio |\n"
        "|---|---|---|---|---:|---:|---:|---:|\n");
    for (const auto& problem : group_by_problem(cells)) {
        std::vector<Cell> together;
        for (const std::size_t i : problem) together.push_back(cells[i]);
        for (const Prediction& p : predict(together, std::nullopt, gbps_per_core, arguments.schedules[0].schedule)) {
            const nlohmann::ordered_json row = to_row(p, teams.seconds(p.cell));
            ratios[p.cell.threads].push_back(row["ratio"]);
            folder.append(row);
            print_row(row);
        }
    }
    std::printf("\n");
    const bool good = print_means(ratios);
    std::printf("results: %s\n", arguments.out.c_str());
    return good;
}

}  // namespace backgrad::bench
