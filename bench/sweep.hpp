#pragma once

#include "arguments.hpp"
#include "cell.hpp"

#include <cstddef>
#include <vector>

namespace backgrad::bench {

/// All cells that the arguments ask for, in the order they are measured: those of one problem stand together, those
/// of one shape next. Applies --benchmark_filter. Throws Error if nothing is left.
std::vector<Cell> make_cells(const Arguments& arguments);

/// The numbers of the cells, cut where the problem changes.
std::vector<std::vector<std::size_t>> group_by_problem(const std::vector<Cell>& cells);

}  // namespace backgrad::bench
