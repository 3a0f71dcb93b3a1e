#pragma once

#include "kernels/exponential.hpp"
#include "simd/index.hpp"

#include <cstdint>
#include <limits>

/// How the two memory orders of a softmax are read and summed. A "step" is what is loaded at once: 16 consecutive
/// elements of one row (double: 8), or one element each of several rows that lie side by side.
namespace backgrad::BACKGRAD_ISA {
namespace {

/// One row whose elements are consecutive. Element k goes to chain k mod 16 (double: 8) on every ISA; the chains are
/// joined by a fixed tree, so the bits do not depend on the ISA.
template <class T>
class ConsecutiveRow {
public:
    static constexpr int chains = 64 / static_cast<int>(sizeof(T));
    static constexpr int vectors = chains / vec<T>::lanes;
    static constexpr int lanes = vec<T>::lanes;

    struct Value {
        vec<T> part[vectors];
    };

    explicit ConsecutiveRow(std::int64_t length) : length_(length) {}

    std::int64_t steps() const { return (length_ + chains - 1) / chains; }

    /// Lanes beyond the end are `fill`.
    Value load(const T* p, std::int64_t step, T fill) const {
        Value value;
        for (int v = 0; v < vectors; ++v) {
            const std::int64_t at = step * chains + v * lanes;
            const int n = count(at);
            value.part[v] = n == lanes ? vec<T>::load(p + at) : load_filled(p + at, n, fill);
        }
        return value;
    }

    int count(std::int64_t at) const {
        const std::int64_t left = length_ - at;
        return left >= lanes ? lanes : left > 0 ? static_cast<int>(left) : 0;
    }

    /// All chains joined, in every lane.
    static Value sum(const Value& value) {
        return join(value, [](T a, T b) { return a + b; });
    }
    static Value maximum(const Value& value) {
        return join(value, [](T a, T b) { return a > b ? a : b; });
    }

private:
    static vec<T> load_filled(const T* p, int n, T fill) {
        T elements[lanes];
        for (int l = 0; l < lanes; ++l) elements[l] = l < n ? p[l] : fill;
        return vec<T>::load(elements);
    }

    template <class Operation>
    static Value join(const Value& value, Operation operation) {
        T elements[chains];
        for (int v = 0; v < vectors; ++v) value.part[v].store(elements + v * lanes);
        for (int half = chains / 2; half > 0; half /= 2) {
            for (int k = 0; k < half; ++k) elements[k] = operation(elements[k], elements[k + half]);
        }
        Value result;
        for (int v = 0; v < vectors; ++v) result.part[v] = vec<T>::broadcast(elements[0]);
        return result;
    }

    std::int64_t length_;
};

/// As many rows as a vector has lanes, side by side: their elements are `inner` apart.
template <class T>
class RowsSideBySide {
public:
    static constexpr int vectors = 1;
    static constexpr int lanes = vec<T>::lanes;

    struct Value {
        vec<T> part[1];
    };

    /// The first `rows` lanes exist.
    RowsSideBySide(std::int64_t length, std::int64_t inner, int rows) : length_(length), inner_(inner), rows_(rows) {}

    std::int64_t steps() const { return length_; }
    Value load(const T* p, std::int64_t step, T) const {
        const T* from = p + step * inner_;
        return {{rows_ == lanes ? vec<T>::load(from) : vec<T>::load_first(from, rows_)}};
    }
    static Value sum(const Value& value) { return value; }
    static Value maximum(const Value& value) { return value; }

private:
    std::int64_t length_, inner_;
    int rows_;
};

template <class Value, class Function>
Value transform(const Value& a, Function function) {
    Value result;
    for (unsigned v = 0; v < sizeof a.part / sizeof a.part[0]; ++v) result.part[v] = function(a.part[v], v);
    return result;
}

/// The largest x of each row and 1 / sum of exp(x - maximum), in one reading: the sum is rescaled whenever a block
/// brings a larger maximum (Milakov and Gimelshein 2018). The block's length is part of the result's bits.
template <class T, class Row>
struct SoftmaxStatistics {
    using Value = typename Row::Value;
    static constexpr std::int64_t steps_per_block = 64;

    SoftmaxStatistics(const Row& row, const T* x) {
        const T lowest = -std::numeric_limits<T>::infinity();
        Value sum{};
        for (int v = 0; v < Row::vectors; ++v) {
            maximum.part[v] = vec<T>::broadcast(lowest);
            sum.part[v] = vec<T>::zero();
        }
        for (std::int64_t begin = 0; begin < row.steps(); begin += steps_per_block) {
            const std::int64_t end = begin + steps_per_block < row.steps() ? begin + steps_per_block : row.steps();
            Value larger = maximum;
            for (std::int64_t step = begin; step < end; ++step) {
                const Value value = row.load(x, step, lowest);
                larger = transform(larger, [&](vec<T> a, unsigned v) { return max(value.part[v], a); });
            }
            larger = Row::maximum(larger);
            if (begin > 0) {
                sum = transform(sum, [&](vec<T> s, unsigned v) {
                    return s * exponential_of_difference(maximum.part[v], larger.part[v]);
                });
            }
            maximum = larger;
            for (std::int64_t step = begin; step < end; ++step) {
                const Value value = row.load(x, step, lowest);
                sum = transform(sum, [&](vec<T> s, unsigned v) {
                    return s + exponential_of_difference(value.part[v], maximum.part[v]);
                });
            }
        }
        sum = Row::sum(sum);
        reciprocal = transform(sum, [](vec<T> s, unsigned) { return vec<T>::broadcast(T(1)) / s; });
    }

    /// y of a step of x.
    Value probability(const Value& x) const {
        return transform(x, [&](vec<T> a, unsigned v) {
            return exponential_of_difference(a, maximum.part[v]) * reciprocal.part[v];
        });
    }

    Value maximum, reciprocal;

private:
    static vec<T> exponential_of_difference(vec<T> x, vec<T> m) { return exponential(x - m); }
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
