#include "tune/run_tuning.hpp"

#include "context.hpp"
#include "process.hpp"
#include "results.hpp"
#include "sweep.hpp"
#include "tune/tune_table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <list>

namespace backgrad::bench {
namespace {

nlohmann::ordered_json number_or_null(double value) {
    return std::isnan(value) ? nlohmann::ordered_json() : nlohmann::ordered_json(value);
}

nlohmann::ordered_json to_row(const TunedCell& tuned, const TimedBlocking& blocking) {
    const Cell& cell = tuned.cell;
    return {{"op", name(cell.operation)},
            {"shape", cell.shape.name},
            {"layout", name(cell.layout)},
            {"isa", name(cell.isa)},
            {"threads", cell.threads},
            {"blocking", blocking.name},
            {"chosen", blocking.chosen},
            {"same_bits", blocking.same_bits},
            {"estimated", blocking.has_estimate ? nlohmann::ordered_json(blocking.estimated) : nullptr},
            {"status", blocking.outcome.status},
            {"median_s", number_or_null(median_seconds(blocking))},
            {"loss", number_or_null(loss_of(tuned, blocking))}};
}

/// One process for each ISA and thread count: OpenMP reads its settings at start.
class Workers {
public:
    explicit Workers(const Arguments& arguments) : arguments_(arguments) {}

    TunedCell tune(const Cell& cell) { return {cell, of(worker_kind(cell)).tune(cell, arguments_.blockings)}; }

private:
    WorkerProcess& of(const WorkerKind& kind) {
        for (WorkerProcess& process : processes_)
            if (process.kind() == kind) return process;
        return processes_.emplace_back(kind, arguments_.benchmark_flags);
    }

    const Arguments& arguments_;
    std::list<WorkerProcess> processes_;
};

void report(const TunedCell& tuned) {
    for (const TimedBlocking& blocking : tuned.blockings) {
        const Outcome& outcome = blocking.outcome;
        if (outcome.status == "ok") continue;
        std::fprintf(stderr, "backgrad_bench: %s of %s: %s: %s\n", blocking.name.c_str(), title(tuned.cell).c_str(),
                     outcome.status.c_str(), outcome.message.c_str());
    }
}

bool all_right(const TunedCell& tuned) {
    return std::all_of(tuned.blockings.begin(), tuned.blockings.end(),
                       [](const TimedBlocking& blocking) { return blocking.outcome.status == "ok"; });
}

}  // namespace

bool run_tuning(const Arguments& arguments, const std::vector<std::string>& command_line) {
    const std::vector<Cell> cells = make_cells(arguments);
    ResultFolder folder(arguments.out, "tune.jsonl");
    folder.write_context(describe_context(arguments, command_line));
    Workers workers(arguments);
    std::vector<TunedCell> all;
    for (const Cell& cell : cells) {
        const TunedCell& tuned = all.emplace_back(workers.tune(cell));
        for (const TimedBlocking& blocking : tuned.blockings) folder.append(to_row(tuned, blocking));
        report(tuned);
        std::fprintf(stderr, "[%zu/%zu]  %s: %zu blockings\n", all.size(), cells.size(), title(cell).c_str(),
                     tuned.blockings.size());
    }
    std::fputs(format_tuning(all).c_str(), stdout);
    std::printf("results: %s\n", arguments.out.c_str());
    return std::all_of(all.begin(), all.end(), all_right);
}

}  // namespace backgrad::bench
