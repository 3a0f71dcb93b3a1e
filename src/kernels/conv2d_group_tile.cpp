#include "kernels/conv2d_depthwise_tile.hpp"
#include "kernels/conv2d_group_lanes.hpp"
#include "kernels/prefetch_turns.hpp"
#include "kernels/register_file.hpp"
#include "kernels/unrolled.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::GroupTileKernels;

namespace {

/// rows * pixels accumulators, `pixels` vectors of grad_output, one of weights and the lanes to take: 3 x 6 (18 + 6 +
/// 2) with AVX-512, 3 x 3 (9 + 3 + 2) with AVX2. Of 3 x 7 GCC 12 stores a vector on the stack.
constexpr bool tile_fits(int rows, int pixels) {
    constexpr int spare = registers == 32 ? 3 : 1;
    return rows * pixels + pixels + 2 <= registers - spare;
}

/// The outputs of the tile share each vector of grad_output, and with a `window` so do that many neighbouring tap
/// columns: on AVX-512 machines whose permutes take the ports of FMAs, each permute then serves up to 9 FMAs, not 3.
template <class T, bool shared, int window>
struct GroupAdder {
    using V = vec<T>;

    template <int begin, int end, int rows, int pixels>
    static void add_row(const DepthwiseTiles<T>& in, std::int64_t row, const T* w, V (&sum)[rows][pixels]) {
        if (row < 0 || row >= in.size) return;
        const T* g = in.grad_output + row * in.row + in.first_column * in.pixel;
        const std::int32_t* order = shared ? group_order<T>(in.group) : nullptr;
        if constexpr (window > 0) {
            add_window<begin, end>(in, g, order, w, sum);
        } else {
            PrefetchTurns<T> ahead(*in.prefetch, in.group, w);
            for (std::int64_t i = 0; i < in.group; ++i, w += in.weight_channel) {
                ahead.fetch();
                const T* tap = w;
                const T* first = g;
                for (std::int64_t c = 0; c < in.kernel_columns; ++c, first += in.column_tap * in.pixel) {
                    V x[pixels];
                    unrolled<pixels>([&](auto v) __attribute__((always_inline)) {
                        x[v] = group_channel<T, shared>(first + v * in.pixel, i, order);
                    });
                    add_tap<begin, end, 0>(in, tap, x, sum);
                    tap += in.weight_column;
                }
            }
        }
    }

private:
    /// Column taps that are neighbours, in descending order.
    template <int begin, int end, int rows, int pixels>
    [[gnu::always_inline]] static void add_window(const DepthwiseTiles<T>& in, const T* g, const std::int32_t* order,
                                                  const T* w, V (&sum)[rows][pixels]) {
        constexpr int met = pixels + window - 1;
        const T* const from = g - (window - 1) * in.pixel;
        PrefetchTurns<T> ahead(*in.prefetch, in.group, w);
        for (std::int64_t i = 0; i < in.group; ++i, w += in.weight_channel) {
            ahead.fetch();
            V x[met];
            const auto load = [&](auto u) __attribute__((always_inline)) {
                x[u] = group_channel<T, shared>(from + u * in.pixel, i, order);
                keep_in_register(x[u]);
            };
            // The last pixel's vector is done with when the next tap column needs a register.
            unrolled<pixels>([&](auto v) __attribute__((always_inline)) {
                load(std::integral_constant<int, window - 1 + v>{});
            });
            unrolled<window>([&](auto c) __attribute__((always_inline)) {
                constexpr int first = window - 1 - c;
                if constexpr (c > 0) load(std::integral_constant<int, first>{});
                add_tap<begin, end, first>(in, w + c * in.weight_column, x, sum);
            });
        }
    }

    /// The products of one tap column, whose vectors begin with x[first].
    template <int begin, int end, int first, int met, int rows, int pixels>
    [[gnu::always_inline]] static void add_tap(const DepthwiseTiles<T>& in, const T* w, const V (&x)[met],
                                               V (&sum)[rows][pixels]) {
        unrolled<end - begin>([&](auto t) __attribute__((always_inline)) {
            const V k = V::load(w + t * in.weight_row);
            unrolled<pixels>([&](auto v) __attribute__((always_inline)) {
                sum[begin + t][v] = fma(k, x[first + v], sum[begin + t][v]);
            });
        });
    }
};

template <class T, bool shared, int window, int rows, int pixels>
constexpr typename GroupTileKernels<T>::Function entry() {
    if constexpr (tile_fits(rows, pixels)) return &row_tiles<GroupAdder<T, shared, window>, T, rows, pixels>;
    else return nullptr;
}

template <class T, bool shared, int window, int rows, int... pixels>
constexpr void fill_pixels(typename GroupTileKernels<T>::Table& table, std::integer_sequence<int, pixels...>) {
    ((table[window][rows][pixels + 1] = entry<T, shared, window, rows, pixels + 1>()), ...);
}

template <class T, bool shared, int window, int... row>
constexpr void fill_rows(typename GroupTileKernels<T>::Table& table, std::integer_sequence<int, row...>) {
    constexpr auto pixels = std::make_integer_sequence<int, GroupTileKernels<T>::max_pixels>{};
    (fill_pixels<T, shared, window, row + 1>(table, pixels), ...);
}

template <class T, bool shared>
constexpr void fill_table(typename GroupTileKernels<T>::Table& table) {
    constexpr auto rows = std::make_integer_sequence<int, GroupTileKernels<T>::max_rows>{};
    fill_rows<T, shared, 0>(table, rows);
    fill_rows<T, shared, 2>(table, rows);
    fill_rows<T, shared, 3>(table, rows);
}

template <class T>
constexpr GroupTileKernels<T> make_kernels() {
    GroupTileKernels<T> kernels{};
    for (int v = 1; v <= GroupTileKernels<T>::max_pixels; ++v)
        while (kernels.rows_limit[v] < GroupTileKernels<T>::max_rows && tile_fits(kernels.rows_limit[v] + 1, v))
            ++kernels.rows_limit[v];
    if constexpr (vec<T>::lanes > 1) fill_table<T, true>(kernels.shared);
    fill_table<T, false>(kernels.filled);
    return kernels;
}

}  // namespace

extern constinit const GroupTileKernels<float> group_tile_kernels_f32 = make_kernels<float>();
extern constinit const GroupTileKernels<double> group_tile_kernels_f64 = make_kernels<double>();

}  // namespace backgrad::BACKGRAD_ISA
