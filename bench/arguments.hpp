#pragma once

#include "operation.hpp"
#include "predict/machine.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// What the command line asks for. Everything is checked; lists hold no value twice.
struct Arguments {
    std::vector<std::string> shapes{"default"};
    std::optional<std::int64_t> batch;
    std::vector<Operation> operations;  ///< empty: all that fit a shape
    std::vector<std::string> modes;     ///< empty: the default of each operation
    std::vector<std::string> variants;
    std::vector<int> threads;
    std::vector<Layout> layouts{Layout::nchw};
    std::vector<Dtype> dtypes{Dtype::f32};
    std::vector<Isa> isas;
    std::vector<Cache> caches{Cache::warm};
    std::vector<Scaling> scalings{Scaling::strong};
    std::vector<Partition> partitions{Partition::automatic};
    std::vector<ScheduleAndChunk> schedules{{}};
    std::vector<Reduction> reductions{Reduction::automatic};
    std::filesystem::path out;
    enum class Task {
        measure,
        predict,
        validate_prediction,
        tune,
    } task = Task::measure;
    std::optional<Machine> machine;            ///< to predict for
    std::size_t blockings = 16;                ///< most of a cell that are timed
    std::vector<std::string> benchmark_flags;  ///< --benchmark_*
};

/// Reads the command line. Empty if the program is to end at once, as after --help. Throws Error, which names the
/// option, what it takes and what came.
std::optional<Arguments> parse_arguments(int argc, char** argv);

}  // namespace backgrad::bench
