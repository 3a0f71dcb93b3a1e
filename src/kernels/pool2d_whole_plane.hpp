#pragma once

#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/span_writer.hpp"
#include "simd/index.hpp"

#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Where a run of elements has its greatest one: the first NaN, or the first of those that equal the maximum. 64
/// elements at a time are searched for it, so that no branch depends on where it is.
template <class T>
class RunMaximum {
public:
    static std::int64_t find(const T* run, std::int64_t count) {
        vec<T> greatest = nothing();
        FiniteCheck<T> check[1];
        std::int64_t k = 0;
        for (; k + lanes <= count; k += lanes) {
            const vec<T> value = vec<T>::load(run + k);
            greatest = max(greatest, value);
            check[0].look_at(value);
        }
        if (k < count) {
            greatest = max(greatest, load_some(run + k, count - k));
            check[0].look_at(vec<T>::load_first(run + k, static_cast<int>(count - k)));
        }
        if (!FiniteCheck<T>::passed(check)) {
            const std::int64_t first = first_nan(run, count);
            if (first >= 0) return first;
        }
        const vec<T> maximum = vec<T>::broadcast(greatest_lane(greatest));
        return first_where(run, count, [&](vec<T> value) { return equal(value, maximum); });
    }

private:
    /// -1 if there is none.
    [[gnu::noinline]] static std::int64_t first_nan(const T* run, std::int64_t count) {
        return first_where(run, count, [](vec<T> value) { return is_nan(value); });
    }

    static constexpr int lanes = vec<T>::lanes;
    static constexpr int word = 64;

    static vec<T> nothing() { return vec<T>::broadcast(-std::numeric_limits<T>::infinity()); }

    /// Missing lanes are -infinity, which is found behind every element that is.
    [[gnu::always_inline]] static vec<T> load_some(const T* p, std::int64_t left) {
        if (left >= lanes) return vec<T>::load(p);
        const int n = static_cast<int>(left);
        return select(vec<T>::mask_of_bits((1u << n) - 1u), vec<T>::load_first(p, n), nothing());
    }

    template <class Condition>
    [[gnu::always_inline]] static std::int64_t first_where(const T* run, std::int64_t count, const Condition& holds) {
        for (std::int64_t k = 0; k < count; k += word) {
            std::uint64_t bits = 0;
            for (std::int64_t of_word = 0; of_word < word && k + of_word < count; of_word += lanes) {
                const std::uint64_t of_vector =
                    vec<T>::bits_of(holds(load_some(run + k + of_word, count - k - of_word)));
                bits |= of_vector << of_word;
            }
            if (bits != 0) return k + __builtin_ctzll(bits);
        }
        return -1;
    }
};

/// NCHW where one window covers a whole plane: a run of elements, one of which gets the gradient, or all a share.
template <class T, PoolRule rule, class Writer>
class WholePlanes {
public:
    WholePlanes(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const std::int64_t begin = box.row_begin * problem_.in_width, end = box.row_end * problem_.in_width;
        const bool whole_planes = end - begin == plane_elements();
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            for (std::int64_t c = box.channel_begin; c < box.channel_end; ++c) {
                // What a last whole vector writes too much, the next planes of this box put right.
                may_spill_ = whole_planes && (box.channel_end - c - 1) * plane_elements() >= lanes;
                gather_plane(n * problem_.channels + c, begin, end);
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    std::int64_t plane_elements() const { return problem_.in_height * problem_.in_width; }

    void gather_plane(std::int64_t plane, std::int64_t begin, std::int64_t end) {
        writer_.seek(tensors_.grad_input + plane * plane_elements() + begin);
        const T gradient = tensors_.grad_output[plane];
        if constexpr (rule == PoolRule::average) {
            const vec<T> share = vec<T>::zero() + vec<T>::broadcast(gradient * tensors_.reciprocals[0][0]);
            put_run<T>(writer_, begin, end, may_spill_, [&](std::int64_t, int) { return share; });
        } else {
            const vec<T> value = vec<T>::broadcast(gradient);
            const Index position = number(position_of(plane));
            put_run<T>(writer_, begin, end, may_spill_, [&](std::int64_t k, int) {
                return add_where(equal(Index::iota() + number(k), position), vec<T>::zero(), value);
            });
        }
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    std::int64_t position_of(std::int64_t plane) const {
        if constexpr (rule == PoolRule::input) {
            return RunMaximum<T>::find(tensors_.input + plane * plane_elements(), plane_elements());
        } else if constexpr (rule == PoolRule::plane_indices) {
            return tensors_.plane_indices[plane];
        } else {
            const std::int64_t offset = tensors_.window_offsets[plane];
            const std::int64_t row = offset / problem_.window_width - problem_.padding_top;
            const std::int64_t column = offset % problem_.window_width - problem_.padding_left;
            return column < 0 || column >= problem_.in_width ? -1 : row * problem_.in_width + column;
        }
    }

    // No store can reach copies of them: they are not read anew for each plane.
    const kernels::Pool2dProblem problem_;
    const kernels::Pool2dTensors<T> tensors_;
    bool may_spill_ = false;
    Writer writer_;
};

template <class T, PoolRule rule>
void gather_whole_planes(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                         const kernels::Pool2dBox& box) {
    if (problem.accumulate || problem.streaming) {
        return WholePlanes<T, rule, SpanWriter<T>>(problem, tensors).gather(box);
    }
    WholePlanes<T, rule, DirectWriter<T>>(problem, tensors).gather(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
