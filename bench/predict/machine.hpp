#pragma once

#include <string>

namespace backgrad::bench {

/// A machine to predict for.
struct Machine {
    int cores = 1;  ///< over all sockets
    double gflops_per_core = 0;
    double gbps_per_socket = 0;
    int sockets = 1;

    /// The share of a core that each of so many workers has.
    double core_share(int workers) const;

    /// Bytes per second of the sockets that so many workers fill, one socket after the other.
    double bandwidth(int workers) const;
};

/// Seconds until so many workers have started and met again: a tree of wake-ups. Two threads of libgomp took 1.2
/// microseconds (docs/threading.md).
double launch_seconds(int workers);

/// Reads a JSON object with the keys cores, gflops_per_core, gbps_per_socket and sockets. Throws Error, which names the
/// file and the key.
Machine read_machine(const std::string& path);

}  // namespace backgrad::bench
