#include "isa/isa.hpp"

#include <backgrad/error.hpp>
#include <backgrad/names.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

// The tables, each compiled with the flags of its ISA (src/CMakeLists.txt).
namespace backgrad::scalar {
extern const kernels::KernelTable table;
}
namespace backgrad::avx2 {
extern const kernels::KernelTable table;
}
namespace backgrad::avx512 {
extern const kernels::KernelTable table;
}

namespace backgrad::isa {
namespace {

struct Row {
    Isa isa;
    bool (*runs_here)() noexcept;  // asks the CPU, and whether the operating system saves its registers
    const kernels::KernelTable* table;
};

/// In ascending order: the last row that runs here is the best one.
constexpr Row rows[] = {
    {Isa::scalar, []() noexcept { return true; }, &scalar::table},
#ifdef BACKGRAD_HAS_AVX2
    {Isa::avx2, []() noexcept { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); },
     &avx2::table},
#endif
#ifdef BACKGRAD_HAS_AVX512
    {Isa::avx512,
     []() noexcept {
         return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
     },
     &avx512::table},
#endif
};

const Row* find(Isa isa) noexcept {
    const Row* const row = std::ranges::find(rows, isa, &Row::isa);
    return row == std::end(rows) ? nullptr : row;
}

bool runs_here(const Row& row) noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();  // a plan may be made before the compiler's own start-up code has run
#endif
    return row.runs_here();
}

/// What BACKGRAD_MAX_ISA allows at most; no limit if it is unset, empty or auto.
Isa cap() {
    constexpr const char* variable = "BACKGRAD_MAX_ISA";
    const char* const word = std::getenv(variable);
    const Isa asked = word == nullptr || *word == '\0' ? Isa::automatic : parse<Isa>(variable, word);
    return asked == Isa::automatic ? std::rbegin(rows)->isa : asked;
}

Isa best() {
    const Isa limit = cap();
    Isa best = Isa::scalar;
    for (const Row& row : rows) {
        if (row.isa <= limit && runs_here(row)) best = row.isa;
    }
    return best;
}

std::string listed_available() {
    std::string list;
    for (const Row& row : rows) {
        if (!runs_here(row)) continue;
        if (!list.empty()) list += ", ";
        list += name(row.isa);
    }
    return list;
}

}  // namespace

bool available(Isa isa) noexcept {
    const Row* const row = find(isa);
    return row != nullptr && runs_here(*row);
}

Isa resolve(Isa asked) {
    if (asked == Isa::automatic) return best();
    if (!available(asked)) {
        throw Error("strategy.isa", "one that this build and this CPU have (" + listed_available() + ')', name(asked));
    }
    return asked;
}

const kernels::KernelTable& table(Isa resolved) noexcept { return *find(resolved)->table; }

const char* name(Isa isa) noexcept { return backgrad::name(isa).data(); }

}  // namespace backgrad::isa
