#include "threads/backends.hpp"

#ifdef BACKGRAD_HAS_OPENMP

#include "threads/fork.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>

namespace backgrad::threads {
namespace {

/// The chunks that tasks are handed out in, one after the other: of one size, or of a share of what is left.
class Chunks {
public:
    /// `team` is the threads that share what is left, 0 for chunks of one size; `least` is their size at least.
    Chunks(std::int64_t tasks, int least, int team) : tasks_(tasks), least_(least), team_(team) {}

    /// Goes on to chunk `number`, which is not before the present one.
    void advance_to(std::int64_t number) {
        if (team_ == 0) {
            begin_ = number < tasks_ ? number * least_ : tasks_;
        } else {
            for (; number_ < number && begin_ < tasks_; ++number_) begin_ = end();
        }
    }
    std::int64_t begin() const { return begin_; }
    std::int64_t end() const { return std::min(tasks_, begin_ + size()); }

private:
    std::int64_t size() const {
        return team_ == 0 ? least_ : std::max<std::int64_t>(least_, (tasks_ - begin_ + team_ - 1) / team_);
    }

    std::int64_t tasks_;
    std::int64_t least_;
    int team_;
    std::int64_t number_ = 0, begin_ = 0;
};

/// A parallel region per run. The OpenMP runtime owns the threads and keeps them between regions.
///
/// The region always asks for all workers, also for fewer tasks: libgomp ends the threads that a smaller team leaves
/// over and creates them anew for the next larger one, which costs more than waking them. Whatever is granted is
/// right, as tasks are shared among the threads that came.
class OpenmpExecutor final : public Executor {
public:
    explicit OpenmpExecutor(const Strategy& resolved)
        : threads_(resolved.threads),
          round_robin_(resolved.chunk > 0),
          schedule_(resolved.schedule),
          chunk_(std::max(1, resolved.chunk)) {}

    int workers() const noexcept override { return threads_; }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count <= 1 || in_forked_child()) return run_serially(task_count, body);
        switch (schedule_) {
            case Schedule::dynamic:
            case Schedule::guided:
                return run_on_demand(task_count, body);
            default:
                return round_robin_ ? run_round_robin(task_count, body) : run_shares(task_count, body);
        }
    }

private:
    // What the team needs travels as firstprivate scalars, which GCC puts by value into the region's own argument
    // block, and alignas keeps that block in one cache line. Every further line has to be fetched from the calling
    // thread: with a struct or shared variables a launch on 2 threads costs 1.35 times a bare region, with a block
    // across two lines 1.10 to 1.30, like this 1.05 (GCC 12, libgomp).

    void run_shares(std::int64_t task_count, TaskBody body) const noexcept {
        alignas(64) const auto invoke = body.invoke;
        void* const context = body.context;
#pragma omp parallel num_threads(threads_) firstprivate(task_count, invoke, context)
        {
            const int worker = omp_get_thread_num();
            const TaskRange range = static_share(task_count, worker, omp_get_num_threads());
            for (std::int64_t task = range.begin; task < range.end; ++task) invoke(context, task, worker);
        }
    }

    void run_round_robin(std::int64_t task_count, TaskBody body) const noexcept {
        alignas(64) const auto invoke = body.invoke;
        void* const context = body.context;
#pragma omp parallel for num_threads(threads_) firstprivate(invoke, context) schedule(static, chunk_)
        for (std::int64_t task = 0; task < task_count; ++task) invoke(context, task, omp_get_thread_num());
    }

    /// Dynamic and guided. libgomp's own loops keep their state in further lines, which costs 1.3 (bound threads)
    /// to 1.8 times a bare region. With a first chunk that needs no asking, and a counter that is touched only where
    /// there are more chunks than threads, it costs what static shares do.
    void run_on_demand(std::int64_t task_count, TaskBody body) const noexcept {
        alignas(64) const auto invoke = body.invoke;
        void* const context = body.context;
        alignas(64) std::atomic<std::int64_t> more_chunks{0};
        auto* const drawn = &more_chunks;
#pragma omp parallel num_threads(threads_) firstprivate(task_count, invoke, context, drawn)
        {
            const int worker = omp_get_thread_num(), team = omp_get_num_threads();
            Chunks chunks(task_count, chunk_, schedule_ == Schedule::guided ? team : 0);
            const auto run_chunk = [&] {
                for (std::int64_t task = chunks.begin(); task < chunks.end(); ++task) invoke(context, task, worker);
            };
            chunks.advance_to(worker);
            run_chunk();
            chunks.advance_to(team);
            while (chunks.begin() < task_count) {
                chunks.advance_to(team + drawn->fetch_add(1, std::memory_order_relaxed));
                run_chunk();
            }
        }
    }

    int threads_;
    bool round_robin_;  // static_ with a chunk
    Schedule schedule_;
    int chunk_;
};

std::shared_ptr<Executor> make(const Strategy& resolved) { return std::make_shared<OpenmpExecutor>(resolved); }

constexpr ScheduleSupport schedules[] = {
    {Schedule::static_, true}, {Schedule::dynamic, true}, {Schedule::guided, true}};

}  // namespace

bool in_openmp_region() noexcept { return omp_in_parallel() != 0; }
int openmp_processors() noexcept { return omp_get_num_procs(); }

constinit const BackendRow openmp_backend{Backend::openmp, schedules, make};

}  // namespace backgrad::threads

#else

namespace backgrad::threads {

bool in_openmp_region() noexcept { return false; }
int openmp_processors() noexcept { return 0; }

}  // namespace backgrad::threads

#endif
