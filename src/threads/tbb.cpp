#ifdef BACKGRAD_HAS_TBB

#include "threads/backends.hpp"
#include "threads/fork.hpp"
#include "threads/shared_by_size.hpp"

#include <backgrad/tbb.hpp>

#include <oneapi/tbb/global_control.h>

#include <atomic>

namespace backgrad::threads {
namespace {

using TaskBlocks = tbb::blocked_range<std::int64_t>;

/// Tasks on demand in an arena of our own, by one of oneTBB's stealing partitioners.
///
/// A worker is a slot of the arena. Slots are unique: a slot holds one thread, a task body is run by one thread from
/// begin to end and never waits, so no other body starts under its slot, be it of this run or of another host
/// thread's run in the same arena. A host thread that finds all slots taken hands its run to a thread inside.
class StealingExecutor final : public Executor {
public:
    StealingExecutor(std::shared_ptr<tbb::task_arena> arena, const Strategy& resolved)
        : arena_(std::move(arena)),
          slots_((arena_->initialize(), arena_->max_concurrency())),
          schedule_(resolved.schedule),
          grain_(resolved.chunk == 0 ? 1 : static_cast<std::size_t>(resolved.chunk)) {}

    int workers() const noexcept override { return slots_; }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count <= 1 || in_forked_child()) return run_serially(task_count, body);
        arena_->execute([&] { run_blocks(TaskBlocks(0, task_count, grain_), body); });
    }

private:
    void run_blocks(const TaskBlocks& tasks, TaskBody body) {
        const auto run_block = [body](const TaskBlocks& block) {
            const int worker = tbb::this_task_arena::current_thread_index();
            for (std::int64_t task = block.begin(); task < block.end(); ++task) body(task, worker);
        };
        if (schedule_ == Schedule::tbb_simple) {
            tbb::parallel_for(tasks, run_block, tbb::simple_partitioner{});
        } else if (schedule_ == Schedule::tbb_affinity && !affinity_busy_.test_and_set(std::memory_order_acquire)) {
            tbb::parallel_for(tasks, run_block, affinity_);
            affinity_busy_.clear(std::memory_order_release);
        } else {
            tbb::parallel_for(tasks, run_block, tbb::auto_partitioner{});
        }
    }

    std::shared_ptr<tbb::task_arena> arena_;
    int slots_;
    Schedule schedule_;
    std::size_t grain_;
    tbb::affinity_partitioner affinity_;                 // remembers where the blocks of one plan ran last time
    std::atomic_flag affinity_busy_ = ATOMIC_FLAG_INIT;  // it serves one loop at a time; a second one does without
};

/// One share per slot: what a caller's arena gets, in an arena of our own.
class StaticExecutor final : public Executor {
public:
    explicit StaticExecutor(std::shared_ptr<tbb::task_arena> arena) : arena_(std::move(arena)), shares_(*arena_) {}

    int workers() const noexcept override { return shares_.workers(); }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (in_forked_child()) return run_serially(task_count, body);
        shares_.run(task_count, body);
    }

private:
    std::shared_ptr<tbb::task_arena> arena_;
    TbbArenaExecutor shares_;
};

/// An arena has no more slots than oneTBB has threads in this process: it would not fill them and would say so on
/// stderr. We do not raise that limit, which is the host's. One slot is reserved for the host's thread.
std::shared_ptr<Executor> make(const Strategy& resolved) {
    const std::size_t limit = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
    const int slots = static_cast<int>(std::min(static_cast<std::size_t>(resolved.threads), limit));
    if (slots == 1) return serial_backend.make(resolved);
    wait_for_sleep_before_forks();
    std::shared_ptr<tbb::task_arena> arena = shared_by_size<tbb::task_arena>(slots);
    if (resolved.schedule == Schedule::static_) return std::make_shared<StaticExecutor>(std::move(arena));
    return std::make_shared<StealingExecutor>(std::move(arena), resolved);
}

constexpr ScheduleSupport schedules[] = {{Schedule::static_, false},
                                         {Schedule::tbb_auto, true},
                                         {Schedule::tbb_affinity, true},
                                         {Schedule::tbb_simple, true}};

}  // namespace

constinit const BackendRow tbb_backend{Backend::tbb, schedules, make};

}  // namespace backgrad::threads

#endif
