#pragma once

#include <cstdint>

namespace backgrad::threads {

/// Bytes of the last-level cache, 32 MiB where the system does not tell.
std::int64_t last_level_cache_bytes();

/// Whether tensors of so many bytes, some read and some written, exceed three quarters of the last-level cache, of
/// which others have a share. What convolutions and poolings write then goes past it: its lines would be evicted before
/// anyone reads them. Activations and softmax go by the whole cache.
inline bool exceeds_last_level_cache(std::int64_t bytes) { return bytes > last_level_cache_bytes() / 4 * 3; }

/// Whether tensors of so many bytes come from the last-level cache or from memory: kernels ask for what they need next.
inline bool exceeds_near_caches(std::int64_t bytes) { return bytes > last_level_cache_bytes() / 4; }

}  // namespace backgrad::threads
