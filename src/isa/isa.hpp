#pragma once

#include "kernels/kernel_table.hpp"

#include <backgrad/types.hpp>

namespace backgrad::isa {

/// True if this build holds the ISA's kernels and the CPU and the operating system run them.
bool available(Isa isa) noexcept;

/// automatic -> the best available one that BACKGRAD_MAX_ISA allows; a named one is checked. Throws Error.
Isa resolve(Isa asked);

/// The kernels of a resolved ISA.
const kernels::KernelTable& table(Isa resolved) noexcept;

/// "scalar", "avx2", "avx512", "auto".
const char* name(Isa isa) noexcept;

}  // namespace backgrad::isa
