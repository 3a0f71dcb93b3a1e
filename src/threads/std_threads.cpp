#include "threads/backends.hpp"
#include "threads/fork.hpp"
#include "threads/shared_by_size.hpp"
#include "threads/std_pool.hpp"

namespace backgrad::threads {
namespace {

class StdExecutor final : public Executor {
public:
    StdExecutor(std::shared_ptr<StdPool> pool, int chunk) : pool_(std::move(pool)), chunk_(chunk) {}

    int workers() const noexcept override { return pool_->threads(); }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count <= 1 || in_forked_child()) return run_serially(task_count, body);
        pool_->run(task_count, chunk_, body);
    }

private:
    std::shared_ptr<StdPool> pool_;
    int chunk_;  // 0: static shares
};

std::shared_ptr<Executor> make(const Strategy& resolved) {
    const int chunk = resolved.schedule == Schedule::dynamic ? std::max(1, resolved.chunk) : 0;
    return std::make_shared<StdExecutor>(shared_by_size<StdPool>(resolved.threads), chunk);
}

constexpr ScheduleSupport schedules[] = {{Schedule::static_, false}, {Schedule::dynamic, true}};

}  // namespace

constinit const BackendRow std_backend{Backend::std_threads, schedules, make};

}  // namespace backgrad::threads
