#include "threads/backends.hpp"
#include "threads/fork.hpp"
#include "threads/machine.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/error.hpp>
#include <backgrad/names.hpp>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace backgrad::threads {
namespace {

/// Far above any machine; it only turns a slip of the caller into a message instead of a swamped system.
constexpr int max_threads = 4096;

/// The value of an environment variable; an empty one counts as unset.
std::optional<std::string_view> environment(const char* variable) {
    const char* const value = std::getenv(variable);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

template <class Enum>
void fill(Enum& field, const char* variable) {
    if (field != Enum::automatic) return;
    if (const auto word = environment(variable)) field = parse<Enum>(variable, *word);
}

std::optional<int> parse_threads(std::string_view word) {
    int threads = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), threads);
    const bool good = error == std::errc{} && rest == word.data() + word.size() && 1 <= threads;
    return good && threads <= max_threads ? std::optional(threads) : std::nullopt;
}

const std::string& thread_range() {
    static const std::string text = "1 to " + std::to_string(max_threads) + " threads";
    return text;
}

void check_enumerator(const char* argument, int value, int last) {
    if (value < 0 || value > last) throw Error(argument, "an enumerator", std::to_string(value));
}

void check_numbers(const Strategy& asked) {
    if (asked.threads < 0 || asked.threads > max_threads) {
        throw Error("strategy.threads", thread_range() + ", or 0 for automatic", std::to_string(asked.threads));
    }
    if (asked.chunk < 0) throw Error("strategy.chunk", "at least 0", std::to_string(asked.chunk));
    check_enumerator("strategy.partition", static_cast<int>(asked.partition), static_cast<int>(Partition::spatial));
    check_enumerator("strategy.reduction", static_cast<int>(asked.reduction), static_cast<int>(Reduction::partials));
}

/// An executor names its back end, so the environment is asked only without one.
void resolve_backend(Strategy& strategy) {
    if (strategy.backend == Backend::automatic && strategy.executor != nullptr) strategy.backend = Backend::caller;
    fill(strategy.backend, "BACKGRAD_BACKEND");
    if (strategy.backend == Backend::automatic) {
        strategy.backend = find_backend(Backend::openmp) != nullptr ? Backend::openmp : Backend::std_threads;
    }
    if (find_backend(strategy.backend) == nullptr) {
        throw Error("strategy.backend", "a back end of this build", std::string(name(strategy.backend)));
    }
    if ((strategy.backend == Backend::caller) != (strategy.executor != nullptr)) {
        throw Error(
            "strategy.executor",
            strategy.executor == nullptr ? "an executor for the caller's back end" : "the caller's back end",
            strategy.executor == nullptr ? "a null pointer" : "an executor for " + std::string(name(strategy.backend)));
    }
}

std::string listed_schedules(const BackendRow& row) {
    std::string list = "auto";
    for (const ScheduleSupport& entry : row.schedules) list += ", " + std::string(name(entry.schedule));
    return list + " for the back end " + std::string(name(row.backend));
}

/// Fills schedule and chunk from the environment and returns the name to blame for them in messages. One thread or
/// the caller's pool has nothing to schedule, so there the environment is not asked.
std::string fill_schedule(Strategy& strategy, const BackendRow& row) {
    constexpr const char* variable = "BACKGRAD_SCHEDULE";
    const bool has_choice = row.schedules.size() > 1;
    if (strategy.schedule == Schedule::automatic && has_choice) {
        if (const auto text = environment(variable)) {
            const ScheduleAndChunk value = parse_schedule(variable, *text);
            strategy.schedule = value.schedule;
            if (strategy.chunk == 0) strategy.chunk = value.chunk;
            if (strategy.schedule != Schedule::automatic) return variable;
        }
    }
    if (strategy.schedule == Schedule::automatic && !row.schedules.empty()) strategy.schedule = Schedule::static_;
    return "strategy.schedule";
}

void resolve_schedule(Strategy& strategy) {
    const BackendRow& row = *find_backend(strategy.backend);
    const std::string source = fill_schedule(strategy, row);
    const ScheduleSupport* const support = find_schedule(row, strategy.schedule);
    if (support == nullptr && strategy.schedule != Schedule::automatic) {
        throw Error(source, listed_schedules(row), std::string(name(strategy.schedule)));
    }
    if (strategy.chunk != 0 && (support == nullptr || !support->takes_chunk)) {
        throw Error(source,
                    "no chunk for the schedule " + std::string(name(strategy.schedule)) + " of the back end " +
                        std::string(name(strategy.backend)),
                    "chunk " + std::to_string(strategy.chunk));
    }
}

int automatic_threads() {
    if (in_openmp_region() || in_forked_child()) return 1;
    constexpr const char* variable = "BACKGRAD_NUM_THREADS";
    if (const auto word = environment(variable)) {
        if (*word != "auto") {
            const std::optional<int> threads = parse_threads(*word);
            if (!threads) throw Error(variable, thread_range() + " or auto", '"' + std::string(*word) + '"');
            return *threads;
        }
    }
    if (const auto list = environment("OMP_NUM_THREADS")) {
        // A list gives a count per nesting level. A malformed one is for the OpenMP runtime to complain about.
        const std::string_view outermost = list->substr(0, list->find(','));
        if (const std::optional<int> threads = parse_threads(outermost)) return *threads;
    }
    return available_processors();
}

void resolve_threads(Strategy& strategy) {
    if (strategy.backend == Backend::serial || strategy.backend == Backend::caller) {
        const int workers = strategy.backend == Backend::serial ? 1 : strategy.executor->workers();
        if (strategy.threads != 0 && strategy.threads != workers) {
            throw Error("strategy.threads",
                        "0 or " + std::to_string(workers) + " for the back end " + std::string(name(strategy.backend)),
                        std::to_string(strategy.threads));
        }
        strategy.threads = workers;
    }
    if (strategy.threads == 0) strategy.threads = automatic_threads();
}

}  // namespace

Strategy resolve(const Strategy& asked) {
    Strategy strategy = asked;
    check_numbers(strategy);
    resolve_backend(strategy);
    resolve_schedule(strategy);
    resolve_threads(strategy);
    fill(strategy.partition, "BACKGRAD_PARTITION");
    fill(strategy.reduction, "BACKGRAD_REDUCTION");
    return strategy;
}

}  // namespace backgrad::threads
