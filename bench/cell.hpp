#pragma once

#include "shape.hpp"

#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace backgrad::bench {

/// One thing to measure: a variant on one problem. All fields are what was asked for.
struct Cell {
    Operation operation = Operation::conv2d_backward;
    std::string mode;
    Shape shape;
    Layout layout = Layout::nchw;
    Dtype dtype = Dtype::f32;
    Cache cache = Cache::warm;
    Scaling scaling = Scaling::strong;
    std::string variant;
    Partition partition = Partition::automatic;
    ScheduleAndChunk schedule;
    Reduction reduction = Reduction::automatic;
    Isa isa = Isa::automatic;
    int threads = 1;
    Executor* executor = nullptr;  ///< lent to the variant `callback` in place of a pool; stays in this process
};

/// True if two cells compute the same gradients from the same data, so that they can share buffers and be compared.
bool same_problem(const Cell& a, const Cell& b);

/// "conv2d_backward/default/shape/nchw/f32/warm/openmp/auto/auto/auto/avx2/2", which --benchmark_filter matches.
std::string title(const Cell& cell);

/// The cell's keys of a result row.
nlohmann::ordered_json describe(const Cell& cell);

}  // namespace backgrad::bench
