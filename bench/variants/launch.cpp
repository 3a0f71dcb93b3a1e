#include "variants/launch.hpp"

namespace backgrad::bench {
namespace {

class Launch : public Runnable {
public:
    Launch(const Strategy& strategy, std::unique_ptr<Executor> lent)
        : lent_(std::move(lent)), executor_(make_executor(strategy)) {}

    void run(std::size_t) override { executor_->run(executor_->workers(), {nothing, nullptr}); }

private:
    static void nothing(void*, std::int64_t, int) noexcept {}

    std::unique_ptr<Executor> lent_;
    std::shared_ptr<Executor> executor_;
};

class BareRegion : public Runnable {
public:
    explicit BareRegion(int threads) : threads_(threads) {}

    void run(std::size_t) override {
#pragma omp parallel num_threads(threads_)
        {
            asm volatile("");  // keeps the compiler from dropping the region
        }
    }

private:
    int threads_;
};

}  // namespace

std::unique_ptr<Runnable> prepare_launch(const Strategy& strategy, std::unique_ptr<Executor> lent) {
    return std::make_unique<Launch>(strategy, std::move(lent));
}

template <class T>
std::unique_ptr<Runnable> prepare_bare_region(const Cell& cell, std::span<const Problem<T>>) {
    return std::make_unique<BareRegion>(cell.threads);
}

template std::unique_ptr<Runnable> prepare_bare_region(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_bare_region(const Cell&, std::span<const Problem<double>>);

}  // namespace backgrad::bench
