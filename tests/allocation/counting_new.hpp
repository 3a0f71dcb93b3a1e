#pragma once

#include <cstdint>

namespace backgrad::test {

/// Calls of the global operator new so far, by all threads of this program: linking counting_new.cpp replaces it.
std::int64_t allocation_count();

}  // namespace backgrad::test
