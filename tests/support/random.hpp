#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace backgrad::test {

/// A seed that follows from a name, so that every test has its own numbers, the same on every run and machine.
inline std::uint64_t seed_of(const std::string& name) {
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (const unsigned char byte : name) hash = (hash ^ byte) * 1099511628211u;
    return hash;
}

/// A number in [0, bound). std::uniform_int_distribution may differ between standard libraries; this may not.
inline std::int64_t below(std::mt19937_64& random, std::int64_t bound) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
}

/// A number in [low, high].
inline std::int64_t between(std::mt19937_64& random, std::int64_t low, std::int64_t high) {
    return low + below(random, high - low + 1);
}

/// A real in [-1, 1) with 24 random bits, exact in float.
inline double real(std::mt19937_64& random) { return static_cast<double>(below(random, 1 << 24)) / (1 << 23) - 1.0; }

/// Fills with whole numbers in [-magnitude, magnitude]. Sums of products of such numbers are exact in float as long as
/// terms * magnitude^2 stays below 2^24, in whatever order they are added.
template <class Container>
void fill_integers(Container& container, std::mt19937_64& random, int magnitude = 3) {
    using T = typename Container::value_type;
    std::generate(container.begin(), container.end(),
                  [&] { return static_cast<T>(between(random, -magnitude, magnitude)); });
}

/// Fills with reals in [-1, 1).
template <class Container>
void fill_reals(Container& container, std::mt19937_64& random) {
    using T = typename Container::value_type;
    std::generate(container.begin(), container.end(), [&] { return static_cast<T>(real(random)); });
}

}  // namespace backgrad::test
