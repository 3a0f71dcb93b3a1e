#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/span_writer.hpp"
#include "simd/index.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {

using kernels::depthwise_unit;
using kernels::DepthwisePanelKernels;
using kernels::DepthwiseResult;
using kernels::DepthwiseWindow;

namespace {

/// Whole vectors: what is too much is overwritten by what follows, or lies behind the panel.
template <class T>
T* write_zeros(T* to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += vec<T>::lanes) vec<T>::zero().store(to + i);
    return to + count;
}

template <class T>
void read_pixels(const DepthwiseWindow<T>& in) noexcept {
    using V = vec<T>;
    const std::int64_t width = in.left + in.columns + in.right;
    T* to = write_zeros(in.to, in.top * width);
    const T* from = in.from;
    for (std::int64_t y = 0; y < in.rows; ++y, from += in.from_row) {
        to = write_zeros(to, in.left);
        std::int64_t x = 0;
        for (; x + V::lanes <= in.columns; x += V::lanes) V::load(from + x).store(to + x);
        if (x < in.columns) V::load_first(from + x, static_cast<int>(in.columns - x)).store(to + x);
        to = write_zeros(to + in.columns, in.right);
    }
    write_zeros(to, in.bottom * width);
}

template <class T>
void read_channels(const DepthwiseWindow<T>& in) noexcept {
    using V = vec<T>;
    constexpr int unit = depthwise_unit<T>;
    const std::int64_t width = (in.left + in.columns + in.right) * unit;
    T* to = write_zeros(in.to, in.top * width);
    for (std::int64_t y = 0; y < in.rows; ++y) {
        const T* from = in.from + y * in.from_row;
        to = write_zeros(to, in.left * unit);
        for (std::int64_t x = 0; x < in.columns; ++x, from += in.from_pixel, to += unit) {
            if (in.channels == unit) {
                for (int i = 0; i < unit; i += V::lanes) V::load(from + i).store(to + i);
            } else {
                for (int i = 0; i < unit; i += V::lanes) {
                    const int left = in.channels - i;
                    V::load_first(from + i, left < 0 ? 0 : left < V::lanes ? left : V::lanes).store(to + i);
                }
            }
        }
        to = write_zeros(to, in.right * unit);
    }
    write_zeros(to, in.bottom * width);
}

template <class T>
void split(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t stride, std::int64_t phase_row,
           T* to) noexcept {
    using V = vec<T>;
    for (std::int64_t y = 0; y < rows; ++y, from += from_row, to += stride * phase_row) {
        if (stride == 2) {
            for (std::int64_t j = 0; j < phase_row; j += V::lanes) {
                V even, odd;
                deinterleave(V::load(from + 2 * j), V::load(from + 2 * j + V::lanes), even, odd);
                // The even phase's surplus is overwritten by the odd phase only if that begins behind it.
                if (j + V::lanes <= phase_row) {
                    even.store(to + j);
                    odd.store(to + phase_row + j);
                } else {
                    even.store_first(to + j, static_cast<int>(phase_row - j));
                    odd.store_first(to + phase_row + j, static_cast<int>(phase_row - j));
                }
            }
        } else {
            for (std::int64_t q = 0; q < stride; ++q)
                for (std::int64_t j = 0; j < phase_row; ++j) to[q * phase_row + j] = from[q + j * stride];
        }
    }
}

template <class T>
void write_pixels(const DepthwiseResult<T>& in) noexcept {
    using V = vec<T>;
    SpanWriter<T> writer(in.accumulate, in.streaming);
    const T* from = in.from;
    for (std::int64_t y = 0; y < in.rows; ++y, from += in.from_row) {
        writer.seek(in.to + y * in.to_row);
        if (in.stride == 1) {
            for (std::int64_t x = 0; x < in.columns; x += V::lanes) {
                const std::int64_t left = in.columns - x;
                writer.put(V::load(from + x), left < V::lanes ? static_cast<int>(left) : V::lanes);
            }
        } else {
            T row[V::lanes];
            for (std::int64_t x = 0; x < in.columns;) {
                int n = 0;
                for (; n < V::lanes && x < in.columns; ++n, ++x)
                    row[n] = from[x % in.stride * in.phase_row + x / in.stride];
                writer.put(V::load_first(row, n), n);
            }
        }
    }
}

template <class T>
void write_channels(const DepthwiseResult<T>& in) noexcept {
    using V = vec<T>;
    constexpr int unit = depthwise_unit<T>;
    for (std::int64_t y = 0; y < in.rows; ++y)
        for (std::int64_t q = 0; q < in.stride; ++q) {
            const T* from = in.from + y * in.from_row + q * in.phase_row;
            for (std::int64_t x = q; x < in.columns; x += in.stride, from += unit) {
                T* to = in.to + y * in.to_row + x * in.to_pixel;
                for (int i = 0; i < in.channels; i += V::lanes) {
                    const int left = in.channels - i;
                    V value = V::load(from + i);
                    if (left >= V::lanes) {
                        if (in.accumulate) value = V::load(to + i) + value;
                        value.store(to + i);
                    } else {
                        if (in.accumulate) value = V::load_first(to + i, left) + value;
                        value.store_first(to + i, left);
                    }
                }
            }
        }
}

template <class T>
constexpr DepthwisePanelKernels<T> make_table() {
    return {&read_pixels<T>, &read_channels<T>, &split<T>, &write_pixels<T>, &write_channels<T>};
}

}  // namespace

extern constinit const DepthwisePanelKernels<float> depthwise_panel_kernels_f32 = make_table<float>();
extern constinit const DepthwisePanelKernels<double> depthwise_panel_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
