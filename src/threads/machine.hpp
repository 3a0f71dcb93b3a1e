#pragma once

namespace backgrad::threads {

/// Processors that this process may use: its affinity mask, capped by the CPU quota of its control group (rounded
/// up). At least 1.
int available_processors();

}  // namespace backgrad::threads
