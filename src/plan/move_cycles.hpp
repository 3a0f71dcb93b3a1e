#pragma once

namespace backgrad::plan {

// What it takes to bring an element into a panel, in cycles.
constexpr double transpose_cycles = 0.4;  ///< NCHW to channels last and back (measured: 0.3 to 0.6)
constexpr double copy_cycles = 0.15;
/// To start on a row of one channel that is moved alone.
constexpr double row_cycles = 10;

}  // namespace backgrad::plan
