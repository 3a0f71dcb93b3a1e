#pragma once

#include <map>
#include <memory>
#include <mutex>

namespace backgrad::threads {

/// The process's one `Owner` of threads for a thread count, made by `Owner(threads)` on first use, so that a plan which
/// comes and goes never pays for thread creation again. Owners are never destroyed: sleeping threads need no goodbye at
/// exit, where a forked child would wait in vain for those of its parent and static objects may still run plans.
template <class Owner>
std::shared_ptr<Owner> shared_by_size(int threads) {
    static std::mutex mutex;
    static auto& owners = *new std::map<int, std::shared_ptr<Owner>>;
    const std::lock_guard lock(mutex);
    std::shared_ptr<Owner>& owner = owners[threads];
    if (!owner) owner = std::make_shared<Owner>(threads);
    return owner;
}

}  // namespace backgrad::threads
