#pragma once

#include <backgrad/backgrad.h>

#include <cstddef>
#include <memory>
#include <ostream>
#include <vector>

/// For GoogleTest's messages.
inline std::ostream& operator<<(std::ostream& out, backgrad_status status) {
    return out << "status " << static_cast<int>(status) << " (" << backgrad_last_error() << ')';
}

namespace backgrad::test {

template <class T>
constexpr backgrad_dtype dtype_of = sizeof(T) == sizeof(float) ? BACKGRAD_F32 : BACKGRAD_F64;

/// A plan that is destroyed with its scope.
struct OwnedPlan {
    OwnedPlan() = default;
    OwnedPlan(const OwnedPlan&) = delete;
    OwnedPlan& operator=(const OwnedPlan&) = delete;
    ~OwnedPlan() { backgrad_plan_destroy(plan); }

    backgrad_plan* plan = nullptr;
};

/// `count` small numbers that differ from element to element and from seed to seed.
template <class T>
std::vector<T> numbers(std::size_t count, int seed) {
    std::vector<T> values(count);
    unsigned state = 2654435761U * static_cast<unsigned>(seed + 1);
    for (T& value : values) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<T>(static_cast<int>(state >> 16) % 1000 - 500) / 64;
    }
    return values;
}

}  // namespace backgrad::test
