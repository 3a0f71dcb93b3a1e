#include "first_touch.hpp"

#include "variants/variant.hpp"

#include <backgrad/strategy.hpp>

#include <cstring>

namespace backgrad::bench {
namespace {

Backend backend_of(Pool pool) {
    switch (pool) {
        case Pool::openmp:
            return Backend::automatic;
        case Pool::tbb:
            return Backend::tbb;
        case Pool::std_threads:
        case Pool::caller:
            break;
    }
    return Backend::std_threads;
}

struct Bytes {
    char* data;
    std::int64_t count;
    int parts;
};

void clear_part(void* context, std::int64_t part, int) noexcept {
    const Bytes& bytes = *static_cast<const Bytes*>(context);
    const TaskRange range = static_share(bytes.count, static_cast<int>(part), bytes.parts);
    std::memset(bytes.data + range.begin, 0, static_cast<std::size_t>(range.end - range.begin));
}

}  // namespace

std::shared_ptr<Executor> measured_threads(const Cell& cell) {
    if (cell.threads == 1 || cell.executor) return nullptr;
    Strategy strategy;
    strategy.backend = backend_of(variant_named(cell.variant).pool);
    strategy.threads = cell.threads;
    return make_executor(strategy);
}

void first_touch(void* data, std::size_t bytes, Executor& threads) {
    if (bytes == 0) return;
    Bytes parts{static_cast<char*>(data), static_cast<std::int64_t>(bytes), threads.workers()};
    threads.run(parts.parts, {clear_part, &parts});
}

}  // namespace backgrad::bench
