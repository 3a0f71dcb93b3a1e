#pragma once

#include "results.hpp"

#include <chrono>
#include <cstddef>

namespace backgrad::bench {

/// One line on stderr per finished cell: k/N, the time left, what it was and what came.
class Progress {
public:
    explicit Progress(std::size_t total) : total_(total) {}

    void report(const Result& result, const std::string& message);

private:
    std::size_t total_, done_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace backgrad::bench
