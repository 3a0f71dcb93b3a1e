#pragma once

namespace backgrad::BACKGRAD_ISA {

namespace {

/// What a tap or column outside the image reads, a vector of any ISA.
template <class T>
alignas(64) constexpr T zeros[64 / sizeof(T)] = {};

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
