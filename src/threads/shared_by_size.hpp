#pragma once

#include <map>
#include <memory>
#include <mutex>

namespace backgrad::threads {

/// The process's one `Owner` of threads for a thread count, made by `Owner(threads)` on first use and kept until the
/// process ends, so that a plan which comes and goes never pays for thread creation again.
template <class Owner>
std::shared_ptr<Owner> shared_by_size(int threads) {
    static std::mutex mutex;
    static std::map<int, std::shared_ptr<Owner>> owners;
    const std::lock_guard lock(mutex);
    std::shared_ptr<Owner>& owner = owners[threads];
    if (!owner) owner = std::make_shared<Owner>(threads);
    return owner;
}

}  // namespace backgrad::threads
