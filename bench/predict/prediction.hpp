#pragma once

#include "arguments.hpp"
#include "cell.hpp"
#include "predict/machine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// How one problem would run on so many threads.
struct Prediction {
    Cell cell;
    std::int64_t tasks = 0;
    double balance = 0;  ///< mean share / largest share
    std::int64_t partial_bytes = 0;
    double seconds = 0;
    double efficiency = 0;  ///< T1 / (threads * seconds), T1 being the automatic partition's time on one thread
};

/// Predicts cells of one problem with the variant `callback`: by the models on the machine, or without one by the
/// tasks' serial time here and memory whose bandwidth, `gbps_per_core`, grows with the cores.
std::vector<Prediction> predict(const std::vector<Cell>& cells, const std::optional<Machine>& machine,
                                double gbps_per_core, Schedule schedule);

/// The triad that all usable CPUs reach together here, per CPU.
double measure_gbps_per_core(const Arguments& arguments);

/// Predicts all that the arguments ask for; writes prediction.jsonl and context.json, and a table on stdout.
void run_prediction(const Arguments& arguments, const std::vector<std::string>& command_line);

}  // namespace backgrad::bench
