#include "predict/prediction.hpp"

#include "capabilities.hpp"
#include "context.hpp"
#include "predict/phases.hpp"
#include "predict/prediction_table.hpp"
#include "predict/simulation.hpp"
#include "results.hpp"
#include "roofline/roofline.hpp"
#include "sweep.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace backgrad::bench {
namespace {

nlohmann::ordered_json to_row(const Prediction& prediction) {
    const Cell& cell = prediction.cell;
    return {{"op", name(cell.operation)},
            {"shape", cell.shape.name},
            {"layout", name(cell.layout)},
            {"partition", name(cell.partition)},
            {"threads", cell.threads},
            {"tasks", prediction.tasks},
            {"balance", prediction.balance},
            {"partial_bytes", prediction.partial_bytes},
            {"efficiency", prediction.efficiency}};
}

std::string describe_machine(const std::optional<Machine>& machine, double gbps_per_core) {
    char text[200];
    if (machine) {
        std::snprintf(text, sizeof text, "%d cores of %g GFLOP/s, %d socket(s) of %g GB/s; by the models of the plans",
                      machine->cores, machine->gflops_per_core, machine->sockets, machine->gbps_per_socket);
    } else {
        std::snprintf(text, sizeof text,
                      "as many cores like this one's as there are threads, %.1f GB/s each; by the tasks' serial time",
                      gbps_per_core);
    }
    return text;
}

}  // namespace

double measure_gbps_per_core(const Arguments& arguments) {
    const int cpus = usable_cpus();
    return measure_roof(arguments.isas.front(), arguments.dtypes.front(), cpus, allowed_cpus()).gbps / cpus;
}

std::vector<Prediction> predict(const std::vector<Cell>& cells, const std::optional<Machine>& machine,
                                double gbps_per_core, Schedule schedule) {
    const bool shares = schedule == Schedule::automatic || schedule == Schedule::static_;
    const Handout handout = shares ? Handout::shares : Handout::on_demand;
    std::vector<Cell> planned = cells;
    Cell& serial = planned.emplace_back(cells.front());
    serial.threads = 1;
    serial.partition = Partition::automatic;
    const std::vector<VirtualPlan> plans =
        machine ? modelled_plans(planned, *machine) : measured_plans(planned, gbps_per_core);
    const double serial_seconds = simulate(plans.back().phases, 1, handout, 0).seconds;
    std::vector<Prediction> predictions;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const int threads = cells[i].threads;
        const Simulation simulation = simulate(plans[i].phases, threads, handout, launch_seconds(threads));
        predictions.push_back({cells[i], plans[i].tasks, simulation.balance, plans[i].partial_bytes, simulation.seconds,
                               serial_seconds / threads / simulation.seconds});
    }
    return predictions;
}

void run_prediction(const Arguments& arguments, const std::vector<std::string>& command_line) {
    Arguments asked = arguments;
    asked.variants = {"callback"};
    const std::vector<Cell> cells = make_cells(asked);
    ResultFolder folder(arguments.out, "prediction.jsonl");
    folder.write_context(describe_context(arguments, command_line));
    const double gbps_per_core = arguments.machine ? 0 : measure_gbps_per_core(arguments);
    const Schedule schedule = arguments.schedules.front().schedule;
    std::printf("%s\n", describe_machine(arguments.machine, gbps_per_core).c_str());
    std::vector<Prediction> all;
    for (const auto& problem : group_by_problem(cells)) {
        std::vector<Cell> together;
        for (const std::size_t i : problem) together.push_back(cells[i]);
        for (const Prediction& prediction : predict(together, arguments.machine, gbps_per_core, schedule)) {
            folder.append(to_row(prediction));
            all.push_back(prediction);
        }
        std::fprintf(stderr, "[%zu/%zu]  %s\n", all.size(), cells.size(), title(together.front()).c_str());
    }
    std::fputs(format_predictions(all).c_str(), stdout);
    std::printf("results: %s\n", arguments.out.c_str());
}

}  // namespace backgrad::bench
