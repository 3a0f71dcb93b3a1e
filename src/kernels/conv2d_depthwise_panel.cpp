#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/load_transposed.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwisePanelKernels;
using kernels::DepthwisePanelRows;
using kernels::DepthwisePanels;

namespace {

/// The prefetchers lose sight of 16 planes, or of short pieces of pixels, at a time: asked for this far ahead, tensors
/// beyond the caches arrive up to 1.7 times as fast (Zen 5). It may reach beyond a tensor: a prefetch never faults.
template <class T>
constexpr int line = 64 / sizeof(T);
template <class T>
constexpr std::ptrdiff_t plane_ahead = 8 * line<T>;
constexpr std::ptrdiff_t pixels_ahead = 32;

/// A square block whose rows have only `columns` columns, of which there are only `rows`; the rest is zero.
template <class T>
void load_part(const T* from, std::ptrdiff_t row, int rows, int columns, vec<T> (&block)[vec<T>::lanes]) {
    using V = vec<T>;
    for (int i = 0; i < V::lanes; ++i) block[i] = i < rows ? V::load_first(from + i * row, columns) : V::zero();
    transpose(block);
}

/// Writes neighbouring pixels from the x-th on, past the margins of rows.
template <class T>
[[gnu::always_inline]] inline void store_pixels(const vec<T> (&block)[vec<T>::lanes], int count, std::int64_t x, T* to,
                                                std::ptrdiff_t to_pixel, const DepthwisePanelRows& rows) {
    const std::int64_t row = rows.margin > 0 ? x / rows.width : 0;
    std::int64_t left = rows.margin > 0 ? (row + 1) * rows.width - x : vec<T>::lanes;
    to += x * to_pixel + row * rows.margin;
    if (count == vec<T>::lanes && left >= count) {
#pragma GCC unroll 16
        for (int i = 0; i < vec<T>::lanes; ++i) block[i].store(to + i * to_pixel);
        return;
    }
    for (int i = 0; i < count; ++i, to += to_pixel) {
        if (left == 0) {
            to += rows.margin;
            left = rows.width;
        }
        --left;
        block[i].store(to);
    }
}

template <class T>
void read_planes(const T* from, std::ptrdiff_t channel, int channels, std::int64_t pixels, T* to,
                 std::ptrdiff_t to_pixel, const DepthwisePanelRows& rows) noexcept {
    using V = vec<T>;
    for (std::int64_t x = 0; x < pixels; x += V::lanes) {
        V block[V::lanes];
        int count = V::lanes;
        if (channels == V::lanes && pixels >= V::lanes) {
            // The last block overlaps the one before it: whole blocks are faster than parts.
            if (x + V::lanes > pixels) x = pixels - V::lanes;
            for (int i = 0; i < V::lanes; ++i) prefetch_to_l2(from + x + i * channel + plane_ahead<T>);
            load_transposed(from + x, channel, block);
        } else {
            if (x + count > pixels) count = static_cast<int>(pixels - x);
            load_part(from + x, channel, channels, count, block);
        }
        store_pixels(block, count, x, to, to_pixel, rows);
    }
}

template <class T>
void read_pixels(const T* from, std::ptrdiff_t pixel, std::int64_t channels, std::int64_t pixels, T* to,
                 const DepthwisePanels& panels, const DepthwisePanelRows& rows) noexcept {
    using V = vec<T>;
    std::int64_t left = rows.width;
    for (std::int64_t x = 0; x < pixels; ++x, --left, from += pixel, to += panels.unit) {
        if (left == 0) {
            to += rows.margin;
            left = rows.width;
        }
        for (std::int64_t c = 0; c < channels; c += line<T>) prefetch_to_l2(from + pixels_ahead * pixel + c);
        T* unit = to;
        for (std::int64_t begin = 0; begin < channels; begin += panels.unit, unit += panels.panel) {
            const std::int64_t end = begin + panels.unit < channels ? begin + panels.unit : channels;
            std::int64_t c = begin;
            for (; c + V::lanes <= end; c += V::lanes) V::load(from + c).store(unit + c - begin);
            if (c < end) V::load_first(from + c, static_cast<int>(end - c)).store(unit + c - begin);
        }
    }
}

/// Writes whole blocks from pixel `begin` on; returns where it ends.
template <class T, bool streaming>
std::int64_t write_blocks(const T* from, std::ptrdiff_t from_pixel, std::int64_t begin, std::int64_t pixels, T* to,
                          std::ptrdiff_t channel) {
    using V = vec<T>;
    std::int64_t x = begin;
    for (; x + V::lanes <= pixels; x += V::lanes) {
        V block[V::lanes];
        load_transposed(from + x * from_pixel, from_pixel, block);
#pragma GCC unroll 16
        for (int i = 0; i < V::lanes; ++i) {
            if constexpr (streaming) block[i].stream(to + i * channel + x);
            else block[i].store(to + i * channel + x);
        }
    }
    return x;
}

template <class T>
void write_part(const T* from, std::ptrdiff_t from_pixel, std::int64_t x, std::int64_t pixels, int channels, T* to,
                std::ptrdiff_t channel, bool accumulate) {
    using V = vec<T>;
    const int count = pixels - x < V::lanes ? static_cast<int>(pixels - x) : V::lanes;
    V block[V::lanes];
    load_part(from + x * from_pixel, from_pixel, count, V::lanes, block);
    for (int i = 0; i < channels; ++i) {
        T* p = to + i * channel + x;
        if (accumulate) block[i] = V::load_first(p, count) + block[i];
        block[i].store_first(p, count);
    }
}

/// Elements from p to the next address that a streaming store accepts, if all channels agree on it; else -1.
template <class T>
std::int64_t streaming_offset(const T* p, std::ptrdiff_t channel) {
    constexpr std::int64_t lanes = vec<T>::lanes, bytes = lanes * sizeof(T);
    const std::int64_t beyond = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p) % bytes);
    if (channel % lanes != 0 || beyond % static_cast<std::int64_t>(sizeof(T)) != 0) return -1;
    return (bytes - beyond) % bytes / static_cast<std::int64_t>(sizeof(T));
}

template <class T>
void write_planes(const T* from, std::ptrdiff_t from_pixel, int channels, std::int64_t pixels, T* to,
                  std::ptrdiff_t channel, bool accumulate, bool streaming) noexcept {
    using V = vec<T>;
    std::int64_t x = 0;
    if (channels == V::lanes && !accumulate && pixels >= V::lanes) {
        const std::int64_t offset = streaming ? streaming_offset(to, channel) : -1;
        if (offset >= 0 && pixels >= 2 * V::lanes) {
            if (offset > 0) write_blocks<T, false>(from, from_pixel, 0, V::lanes, to, channel);
            x = write_blocks<T, true>(from, from_pixel, offset, pixels, to, channel);
        } else {
            x = write_blocks<T, false>(from, from_pixel, 0, pixels, to, channel);
        }
        // The last block overlaps the one before it.
        if (x < pixels) x = write_blocks<T, false>(from, from_pixel, pixels - V::lanes, pixels, to, channel);
    }
    for (; x < pixels; x += V::lanes) write_part(from, from_pixel, x, pixels, channels, to, channel, accumulate);
}

template <class T, bool accumulate, bool streaming>
void write_pixels_as(const T* from, const DepthwisePanels& panels, std::int64_t channels, std::int64_t pixels, T* to,
                     std::ptrdiff_t pixel) {
    using V = vec<T>;
    for (std::int64_t x = 0; x < pixels; ++x, from += panels.unit, to += pixel) {
        const T* unit = from;
        for (std::int64_t begin = 0; begin < channels; begin += panels.unit, unit += panels.panel) {
            const std::int64_t end = begin + panels.unit < channels ? begin + panels.unit : channels;
            std::int64_t c = begin;
            for (; c + V::lanes <= end; c += V::lanes) {
                V value = V::load(unit + c - begin);
                if constexpr (accumulate) value = V::load(to + c) + value;
                if constexpr (streaming) value.stream(to + c);
                else value.store(to + c);
            }
            if (c < end) {
                const int n = static_cast<int>(end - c);
                V value = V::load(unit + c - begin);
                if constexpr (accumulate) value = V::load_first(to + c, n) + value;
                value.store_first(to + c, n);
            }
        }
    }
}

template <class T>
void write_pixels(const T* from, const DepthwisePanels& panels, std::int64_t channels, std::int64_t pixels, T* to,
                  std::ptrdiff_t pixel, bool accumulate, bool streaming) noexcept {
    if (accumulate) return write_pixels_as<T, true, false>(from, panels, channels, pixels, to, pixel);
    if (streaming && streaming_offset(to, pixel) == 0)
        return write_pixels_as<T, false, true>(from, panels, channels, pixels, to, pixel);
    write_pixels_as<T, false, false>(from, panels, channels, pixels, to, pixel);
}

template <class T>
bool all_finite(const T* values, std::int64_t count) noexcept {
    using V = vec<T>;
    V poison = V::zero();  // only a NaN or an infinity times zero is not zero
    for (std::int64_t i = 0; i < count; i += V::lanes) {
        const int n = count - i < V::lanes ? static_cast<int>(count - i) : V::lanes;
        poison = fma(V::load_first(values + i, n), V::zero(), poison);
    }
    return !any_nan(poison);
}

template <class T>
constexpr DepthwisePanelKernels<T> make_table() {
    return {&read_planes<T>, &read_pixels<T>, &write_planes<T>, &write_pixels<T>, &all_finite<T>};
}

}  // namespace

extern constinit const DepthwisePanelKernels<float> depthwise_panel_kernels_f32 = make_table<float>();
extern constinit const DepthwisePanelKernels<double> depthwise_panel_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
