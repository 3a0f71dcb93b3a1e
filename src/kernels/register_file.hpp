#pragma once

#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

namespace {

/// Vector registers of the ISA, whatever the type.
constexpr int registers = vec<float>::lanes == 16 ? 32 : 16;

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
