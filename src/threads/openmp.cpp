#include "threads/backends.hpp"

#ifdef BACKGRAD_HAS_OPENMP

#include "threads/fork.hpp"

#include <omp.h>

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
        : threads_(resolved.threads), schedule_(resolved.schedule), chunk_(resolved.chunk) {}

    int workers() const noexcept override { return threads_; }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count <= 1 || in_forked_child()) return run_serially(task_count, body);
        switch (schedule_) {
            case Schedule::dynamic:
                return run_dynamic(task_count, body);
            case Schedule::guided:
                return run_guided(task_count, body);
            default:
                return chunk_ == 0 ? run_shares(task_count, body) : run_round_robin(task_count, body);
        }
    }

private:
    void run_shares(std::int64_t task_count, TaskBody body) const noexcept {
#pragma omp parallel num_threads(threads_)
        {
            const int worker = omp_get_thread_num();
            const TaskRange range = static_share(task_count, worker, omp_get_num_threads());
            for (std::int64_t task = range.begin; task < range.end; ++task) body(task, worker);
        }
    }

    void run_round_robin(std::int64_t task_count, TaskBody body) const noexcept {
#pragma omp parallel for num_threads(threads_) schedule(static, chunk_)
        for (std::int64_t task = 0; task < task_count; ++task) body(task, omp_get_thread_num());
    }

    void run_dynamic(std::int64_t task_count, TaskBody body) const noexcept {
        const int chunk = chunk_ == 0 ? 1 : chunk_;
#pragma omp parallel for num_threads(threads_) schedule(dynamic, chunk)
        for (std::int64_t task = 0; task < task_count; ++task) body(task, omp_get_thread_num());
    }

    void run_guided(std::int64_t task_count, TaskBody body) const noexcept {
        const int chunk = chunk_ == 0 ? 1 : chunk_;
#pragma omp parallel for num_threads(threads_) schedule(guided, chunk)
        for (std::int64_t task = 0; task < task_count; ++task) body(task, omp_get_thread_num());
    }

    int threads_;
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
