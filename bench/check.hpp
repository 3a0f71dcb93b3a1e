#pragma once

#include "cell.hpp"
#include "problem.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// The exact value of one element of a gradient and how far a result may be from it.
struct Expectation {
    std::size_t output;  ///< number of the tensor in Problem::outputs
    std::int64_t index;  ///< in NCHW order
    double value;
    double tolerance;
};

/// What the oracle says about a problem: every output element of a small one; of a large one the first and the last
/// element and a random sample, each computed exactly.
template <class T>
std::vector<Expectation> expect(const Cell& cell, const Problem<T>& problem);

/// The first expectation that the problem's outputs miss, in words; empty if they meet all.
template <class T>
std::optional<std::string> compare(const Problem<T>& problem, const std::vector<Expectation>& expectations);

/// 64-bit hash (FNV-1a, an element at a time) of all outputs in NCHW order, as 16 hexadecimal digits.
template <class T>
std::string checksum(const Problem<T>& problem);

}  // namespace backgrad::bench
