#include "run.hpp"

#include "capabilities.hpp"
#include "context.hpp"
#include "process.hpp"
#include "progress.hpp"
#include "results.hpp"
#include "scaling.hpp"
#include "sweep.hpp"
#include "table.hpp"
#include "thread_warnings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <list>
#include <map>
#include <tuple>

namespace backgrad::bench {
namespace {

/// The worker processes and the roofs that they have measured.
class Workers {
public:
    explicit Workers(const Arguments& arguments) : arguments_(arguments) {}

    /// The process of that kind; a new one if there is none, or if it has crashed.
    WorkerProcess& of(const WorkerKind& kind) {
        std::erase_if(processes_, [](const WorkerProcess& process) { return !process.alive(); });
        for (WorkerProcess& process : processes_) {
            if (process.kind() == kind) return process;
        }
        return processes_.emplace_back(kind, arguments_.benchmark_flags);
    }

    /// Measures, before any cell, what all of them are compared with.
    void measure_roofs() {
        for (const Isa isa : arguments_.isas) {
            for (const int threads : arguments_.threads) {
                for (const Dtype dtype : arguments_.dtypes) {
                    const Pool pool = variant_named(arguments_.variants.front()).pool;
                    roofs_[{isa, threads, dtype}] = of({isa, threads, pool}).measure_roof(dtype);
                }
            }
        }
    }

    const Roof& roof(const Cell& cell) const { return roofs_.at({cell.isa, cell.threads, cell.dtype}); }

    nlohmann::ordered_json describe_roofs() const {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const auto& [key, roof] : roofs_) {
            const auto& [isa, threads, dtype] = key;
            list.push_back({{"isa", name(isa)},
                            {"threads", threads},
                            {"dtype", name(dtype)},
                            {"peak_gflops", roof.gflops},
                            {"triad_gbps", roof.gbps}});
        }
        return list;
    }

private:
    const Arguments& arguments_;
    std::list<WorkerProcess> processes_;
    std::map<std::tuple<Isa, int, Dtype>, Roof> roofs_;
};

void warn_about_threads(const Arguments& arguments) {
    const int most = *std::max_element(arguments.threads.begin(), arguments.threads.end());
    const int allowed = static_cast<int>(allowed_cpus().size());
    for (const std::string& text : thread_warnings(most, usable_cpus(), allowed, machine_topology()))
        std::fprintf(stderr, "backgrad_bench: warning: %s\n", text.c_str());
}

/// The cells of one problem by the process that measures them, in the order in which they come.
std::vector<std::vector<std::size_t>> split_by_worker(const std::vector<Cell>& cells,
                                                      const std::vector<std::size_t>& problem) {
    std::vector<std::vector<std::size_t>> parts;
    for (const std::size_t i : problem) {
        const auto same = [&](const auto& part) { return worker_kind(cells[part.front()]) == worker_kind(cells[i]); };
        const auto found = std::find_if(parts.begin(), parts.end(), same);
        if (found == parts.end()) parts.push_back({i});
        else found->push_back(i);
    }
    return parts;
}

/// Measures every cell, and writes each down as soon as it is known.
std::vector<Result> measure_all(const std::vector<Cell>& cells, Workers& workers, ResultFolder& folder) {
    Progress progress(cells.size());
    std::vector<Result> results(cells.size());
    for (const auto& problem : group_by_problem(cells)) {
        for (const auto& part : split_by_worker(cells, problem)) {
            std::vector<Cell> together;
            for (const std::size_t i : part) together.push_back(cells[i]);
            workers.of(worker_kind(together.front())).measure(together, [&](std::size_t k, const Outcome& outcome) {
                Result& result = results[part[k]];
                result = make_result(together[k], outcome, workers.roof(together[k]));
                folder.append(to_row(result));
                progress.report(result, outcome.message);
            });
        }
    }
    return results;
}

/// True if Google Benchmark's flag asks for the names of the cells alone.
bool only_listed(const Arguments& arguments) {
    const auto& flags = arguments.benchmark_flags;
    const auto lists = [](const std::string& flag) {
        return flag == "--benchmark_list_tests" || flag == "--benchmark_list_tests=true";
    };
    return std::any_of(flags.begin(), flags.end(), lists);
}

bool acceptable(const Result& result) { return result.status == "ok" || result.status == "unsupported"; }

}  // namespace

bool run(const Arguments& arguments, const std::vector<std::string>& command_line) {
    const std::vector<Cell> cells = make_cells(arguments);
    if (only_listed(arguments)) {
        for (const Cell& cell : cells) std::printf("%s\n", title(cell).c_str());
        return true;
    }
    ResultFolder folder(arguments.out);
    warn_about_threads(arguments);
    Workers workers(arguments);
    workers.measure_roofs();
    nlohmann::ordered_json context = describe_context(arguments, command_line);
    context["roofs"] = workers.describe_roofs();
    folder.write_context(context);

    const std::vector<Result> results = measure_all(cells, workers, folder);
    std::fputs(format_table(results).c_str(), stdout);
    std::fputs(format_scaling(results).c_str(), stdout);
    std::printf("results: %s\n", arguments.out.c_str());
    return std::all_of(results.begin(), results.end(), acceptable);
}

}  // namespace backgrad::bench
