#pragma once

#include "cell.hpp"
#include "problem.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace backgrad::bench {

/// A variant that is ready to be timed: plans, primitives, scratch memory and tensors in its own layout exist.
class Runnable {
public:
    virtual ~Runnable() = default;

    /// Computes the gradients of data set `set`.
    virtual void run(std::size_t set) = 0;

    /// Brings the gradients of data set 0 into the problem's plain tensors, if run did not write them there.
    virtual void publish() {}
};

/// Thrown by `prepare` where a variant has no such operation, option, type or strategy.
class Unsupported : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Which worker process a variant is measured in. Thread pools keep spinning for a while after a region and bind
/// threads to cores, so each threading run time has a process of its own; those on OpenMP share one and alternate.
enum class Pool { openmp, tbb, std_threads, caller };

/// Someone who computes gradients: backgrad with one back end, a peer, or plain loops.
struct Variant {
    std::string name;
    Pool pool;
    bool has_strategies;  ///< partition and reduction mean something
    bool has_schedules;

    /// Makes everything that is not timed. Each element of `sets` holds the same problem's data in buffers of its own.
    std::unique_ptr<Runnable> (*prepare_f32)(const Cell& cell, std::span<const Problem<float>> sets);
    std::unique_ptr<Runnable> (*prepare_f64)(const Cell& cell, std::span<const Problem<double>> sets);

    std::optional<Operation> only = std::nullopt;  ///< measures this operation and nothing else

    /// Whether the variant takes part in an operation; launches are for those with a back end.
    bool takes_part_in(Operation operation) const {
        if (only) return operation == *only;
        return operation != Operation::launch || has_strategies;
    }

    template <class T>
    std::unique_ptr<Runnable> prepare(const Cell& cell, std::span<const Problem<T>> sets) const {
        if constexpr (sizeof(T) == sizeof(float)) return prepare_f32(cell, sets);
        else return prepare_f64(cell, sets);
    }
};

/// The variants of this build.
const std::vector<Variant>& variants();

/// The variant of that name, which exists.
const Variant& variant_named(const std::string& name);

}  // namespace backgrad::bench
