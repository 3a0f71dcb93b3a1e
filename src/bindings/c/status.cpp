#include "bindings/c/status.hpp"

#include <cstdio>

namespace backgrad::c {
namespace {

thread_local char last_error[1024] = "";

}  // namespace

void record_error(const char* message) noexcept { std::snprintf(last_error, sizeof last_error, "%s", message); }

}  // namespace backgrad::c

const char* backgrad_last_error(void) { return backgrad::c::last_error; }
