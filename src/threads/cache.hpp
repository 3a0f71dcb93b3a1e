#pragma once

#include <cstdint>

namespace backgrad::threads {

/// Bytes of the last-level cache, 32 MiB where the system does not tell. Tensors that exceed it together are written
/// with streaming stores: their lines would be evicted before anyone reads them.
std::int64_t last_level_cache_bytes();

}  // namespace backgrad::threads
