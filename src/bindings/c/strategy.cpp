#include "bindings/c/strategy.hpp"

#include "bindings/c/enumerations.hpp"
#include "bindings/c/status.hpp"

#include <charconv>
#include <string_view>

namespace backgrad::c {
namespace {

int parse_threads(std::string_view word) {
    if (word == "auto") return 0;
    int threads = 0;
    const char* const end = word.data() + word.size();
    const auto [rest, error] = std::from_chars(word.data(), end, threads);
    if (error != std::errc{} || rest != end || threads < 1) {
        throw Error("threads", "a positive number or auto", '"' + std::string(word) + '"');
    }
    return threads;
}

void set_schedule(backgrad_strategy& strategy, std::string_view word) {
    const ScheduleAndChunk parsed = parse_schedule("schedule", word);
    strategy.schedule = static_cast<backgrad_schedule>(parsed.schedule);
    strategy.chunk = parsed.chunk;
}

void set_field(backgrad_strategy& strategy, std::string_view field, std::string_view word) {
    if (field == "backend") strategy.backend = static_cast<backgrad_backend>(parse<Backend>(field, word));
    else if (field == "threads") strategy.threads = parse_threads(word);
    else if (field == "partition") strategy.partition = static_cast<backgrad_partition>(parse<Partition>(field, word));
    else if (field == "schedule") set_schedule(strategy, word);
    else if (field == "reduction") strategy.reduction = static_cast<backgrad_reduction>(parse<Reduction>(field, word));
    else if (field == "isa") strategy.isa = static_cast<backgrad_isa>(parse<Isa>(field, word));
    else
        throw Error("field", "backend, threads, partition, schedule, reduction or isa", '"' + std::string(field) + '"');
}

}  // namespace

Strategy strategy_from_c(const backgrad_strategy& strategy) {
    return {.backend = enumerator<Backend>(strategy.backend, "strategy.backend"),
            .threads = strategy.threads,
            .partition = enumerator<Partition>(strategy.partition, "strategy.partition"),
            .schedule = enumerator<Schedule>(strategy.schedule, "strategy.schedule"),
            .chunk = strategy.chunk,
            .reduction = enumerator<Reduction>(strategy.reduction, "strategy.reduction"),
            .isa = enumerator<Isa>(strategy.isa, "strategy.isa"),
            .executor = strategy.executor};
}

backgrad_strategy strategy_to_c(const Strategy& strategy) noexcept {
    return {.backend = static_cast<backgrad_backend>(strategy.backend),
            .threads = strategy.threads,
            .partition = static_cast<backgrad_partition>(strategy.partition),
            .schedule = static_cast<backgrad_schedule>(strategy.schedule),
            .chunk = strategy.chunk,
            .reduction = static_cast<backgrad_reduction>(strategy.reduction),
            .isa = static_cast<backgrad_isa>(strategy.isa),
            .executor = static_cast<backgrad_executor*>(strategy.executor)};
}

}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_status backgrad_executor_create(backgrad_executor** executor, backgrad_parallel_for parallel_for, void* pool,
                                         int workers) {
    return guarded([&] {
        backgrad_executor*& result = required(executor, "executor");
        result = new backgrad_executor(parallel_for, pool, workers);
    });
}

void backgrad_executor_destroy(backgrad_executor* executor) { delete executor; }

backgrad_status backgrad_strategy_set(backgrad_strategy* strategy, const char* field, const char* word) {
    return guarded(
        [&] { set_field(required(strategy, "strategy"), &required(field, "field"), &required(word, "word")); });
}

const char* backgrad_backend_name(backgrad_backend backend) { return word<Backend>(backend); }
const char* backgrad_partition_name(backgrad_partition partition) { return word<Partition>(partition); }
const char* backgrad_schedule_name(backgrad_schedule schedule) { return word<Schedule>(schedule); }
const char* backgrad_reduction_name(backgrad_reduction reduction) { return word<Reduction>(reduction); }
const char* backgrad_isa_name(backgrad_isa isa) { return word<Isa>(isa); }
