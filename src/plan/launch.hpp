#pragma once

#include <cmath>

namespace backgrad::plan {

/// Cycles until a team has started and met again, for each time that it doubles: 1.0 to 1.3 microseconds for two
/// threads (docs/threading.md).
constexpr double launch_cycles = 5000;

/// Cycles that a convolution loses besides: packed weights, partial sums and gradients move between the caches of
/// those who write and those who read them, and a launch takes several times as long where the team's processors lie
/// far apart. Layers of 5 to 10 microseconds gained 20 to 35% from a team of 2 in some runs of a virtual machine and
/// lost up to half in others (AMD EPYC, AVX-512); from 10 on they seldom lose.
constexpr double exchange_cycles = 15000;

/// Whether a phase of so many cycles ends earlier on a team of `threads` than on the calling thread; `lost` is what a
/// team loses besides its launch.
inline bool worth_launching(double cycles, int threads, double lost = 0) {
    return threads > 1 && cycles * (1 - 1.0 / threads) > lost + launch_cycles * std::log2(threads);
}

/// Cycles to move so many bytes between tensors in a core's own caches, for operations that do little else. Measured:
/// 27 to 56 bytes a cycle, ReLU with AVX-512. Poolings move 2 to 20 and take the longer for it: they stay on one thread
/// up to some 10 microseconds, as convolutions do.
constexpr double moving_cycles(double bytes) { return bytes / 32; }

}  // namespace backgrad::plan
