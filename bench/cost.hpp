#pragma once

#include "cell.hpp"

namespace backgrad::bench {

/// The work that an operation's definition asks for, whoever does it.
struct Cost {
    double flops;  ///< convolutions: 2 per multiplication of the nominal sum, padding included; others: 0
    double bytes;  ///< each input read once and each output written once
    /// Blocks: what their separate operations move beyond that, the gradients between them, each written and read.
    double bytes_between = 0;
};
Cost cost_of(const Cell& cell);

}  // namespace backgrad::bench
