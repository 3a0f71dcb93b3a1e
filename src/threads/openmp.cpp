#include "threads/backends.hpp"

#ifdef BACKGRAD_HAS_OPENMP

#include "threads/fork.hpp"

#include <omp.h>

#include <algorithm>

namespace backgrad::threads {
namespace {

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
                return run_dynamic(task_count, body);
            case Schedule::guided:
                return run_guided(task_count, body);
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

    void run_dynamic(std::int64_t task_count, TaskBody body) const noexcept {
        alignas(64) const auto invoke = body.invoke;
        void* const context = body.context;
#pragma omp parallel for num_threads(threads_) firstprivate(invoke, context) schedule(dynamic, chunk_)
        for (std::int64_t task = 0; task < task_count; ++task) invoke(context, task, omp_get_thread_num());
    }

    void run_guided(std::int64_t task_count, TaskBody body) const noexcept {
        alignas(64) const auto invoke = body.invoke;
        void* const context = body.context;
#pragma omp parallel for num_threads(threads_) firstprivate(invoke, context) schedule(guided, chunk_)
        for (std::int64_t task = 0; task < task_count; ++task) invoke(context, task, omp_get_thread_num());
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
