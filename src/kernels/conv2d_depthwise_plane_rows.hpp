#pragma once

#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/halves.hpp"
#include "simd/index.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Rows of NCHW planes as vectors of their columns. Sums have `chains` lanes, in one vector or several.
template <class T>
constexpr int chains = kernels::DepthwisePlaneKernels<T>::chains;
template <class T>
constexpr int half = chains<T> / 2;
template <class T>
constexpr bool whole = vec<T>::lanes == chains<T>;  ///< whether a vector holds all chains

template <class T, bool guarded>
inline vec<T> load(const T* from, std::int64_t exist) {
    constexpr int lanes = vec<T>::lanes;
    if constexpr (!guarded) return vec<T>::load(from);
    else return vec<T>::load_first(from, exist < 0 ? 0 : exist < lanes ? static_cast<int>(exist) : lanes);
}

/// Where a row begins for the chains from `first` on, and how many of its elements exist there.
template <class T>
struct Part {
    const T* from;
    std::int64_t exist;

    Part(const T* row, std::ptrdiff_t middle, const std::int32_t (&elements)[2], int stride, int first)
        : from(row + (first < half<T> ? 0 : middle) + stride * (first % half<T>)),
          exist(elements[first / half<T>] - stride * (first % half<T>)) {}
};

/// A row of one element per lane.
template <class T, bool guarded>
inline vec<T> load_row(const T* row, std::ptrdiff_t middle, const std::int32_t (&elements)[2], int first) {
    using V = vec<T>;
    if constexpr (!whole<T>) {
        const Part<T> part(row, middle, elements, 1, first);
        return load<T, guarded>(part.from, part.exist);
    } else if constexpr (guarded) {
        const unsigned upper = ((1U << elements[1]) - 1U) << half<T>;
        return select(V::mask_of_bits((1U << half<T>)-1U), V::load_first(row, elements[0]),
                      V::load_bits(row + middle - half<T>, upper));
    } else {
        return load_halves(row, row + middle);
    }
}

/// A row of `stride` elements per lane, one in each phase.
template <class T, int stride, bool guarded>
inline void load_phases(const T* row, std::ptrdiff_t middle, const std::int32_t (&elements)[2], int first,
                        vec<T> (&x)[stride]) {
    if constexpr (stride == 1) {
        x[0] = load_row<T, guarded>(row, middle, elements, first);
    } else {
        constexpr int lanes = vec<T>::lanes;
        const Part<T> part(row, middle, elements, stride, first);
        vec<T> low, high;
        if constexpr (whole<T>) {
            low = load<T, guarded>(row, elements[0]);
            high = load<T, guarded>(row + middle, elements[1]);
        } else {
            low = load<T, guarded>(part.from, part.exist);
            high = load<T, guarded>(part.from + lanes, part.exist - lanes);
        }
        // Each serves both phases, and a load that crosses cache lines is dear.
        keep_in_register(low);
        keep_in_register(high);
        deinterleave(low, high, x[0], x[1]);
    }
}

/// How tap column c of `columns` meets the input: at the phase and lane of an output, or beside it.
template <int stride, int columns, int c>
struct Tap {
    static constexpr int offset = c - columns / 2;
    static constexpr int phase = (offset + stride * columns) % stride;
    static constexpr int shift = (offset - phase) / stride;
};

/// A row of grad_output: at<c>() is where it meets the input at tap column c.
template <class T, int stride, int columns, bool guarded>
class ShiftedRow {
    using V = vec<T>;

public:
    [[gnu::always_inline]] ShiftedRow(const T* row, std::ptrdiff_t middle, const kernels::DepthwisePlaneBlock& block,
                                      const unsigned (&bits)[columns], int first)
        : bits_(bits), first_(first), from_(row), row_{} {
        if constexpr (whole<T>) row_ = load_row<T, guarded>(row, middle, block.grad_output_elements, first);
        else from_ = Part<T>(row, middle, block.grad_output_elements, 1, first).from;
    }

    template <int c>
    [[gnu::always_inline]] V at() const {
        constexpr int shift = Tap<stride, columns, c>::shift;
        if constexpr (whole<T>) return shift_lanes<shift>(row_, V::mask_of_bits(bits_[c]));
        else return V::load_bits(from_ - shift, bits_[c] >> first_);
    }

private:
    const unsigned (&bits_)[columns];
    int first_;
    const T* from_;
    V row_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
