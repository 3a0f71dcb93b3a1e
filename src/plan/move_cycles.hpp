#pragma once

namespace backgrad::plan {

constexpr double line_bytes = 64;  ///< of a cache

// What it takes to bring an element into a panel, in cycles.
constexpr double transpose_cycles = 0.4;  ///< NCHW to channels last and back (measured: 0.3 to 0.6)
constexpr double copy_cycles = 0.15;
constexpr double strided_copy_cycles = 0.5;  ///< of every stride-th element (measured: 0.4 to 0.6)
constexpr double interleave_cycles = 0.5;    ///< NCHW to few channels last, up to `few_interleaved`
constexpr int few_interleaved = 6;
constexpr double interleave_row_cycles = 30;
/// Taps of weights apart (measured: 0.33 to 0.53), and what a packed weight costs more that goes to the last cache and
/// comes back from there, or that goes to memory, per byte.
constexpr double split_cycles = 0.4, exchange_element_cycles = 1.5, far_byte_cycles = 0.9;
/// To copy a weight as it lies, from the last cache (measured: AVX-512 0.2, AVX2 0.4).
constexpr double weight_copy_cycles = 0.4;
/// To start on a row of one channel that is moved alone.
constexpr double row_cycles = 10;
/// The same where it is a piece of a longer row, or goes to a row of its own with zeros beside it: what the cache
/// fetched ahead is not what comes next (measured: 24 where the panels stay in the L2 cache, 47 where they do not).
constexpr double piece_row_cycles = 25;

/// Rows in the L1 cache to a panel with a lane per row: per element, and per row of a vector of lanes.
constexpr double gather_cycles = 0.2;
constexpr double gather_row_cycles = 60;

/// To start a run of a register tile, to list it, and to see that an element is finite.
constexpr double run_cycles = 25;
constexpr double list_cycles = 12;
constexpr double finite_cycles = 0.1;

}  // namespace backgrad::plan
