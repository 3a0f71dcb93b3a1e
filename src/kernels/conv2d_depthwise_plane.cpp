#include "kernels/conv2d_depthwise_plane_rows.hpp"
#include "kernels/unrolled.hpp"
#include "simd/load_transposed.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwisePlaneBlock;
using kernels::DepthwisePlaneKernels;
using kernels::DepthwisePlanes;

namespace {

/// rows * columns accumulators, the rows of input and a shifted row of grad_output: 9 + 3 + 1 and the bias with a
/// stride of 1 nearly fill the registers of AVX2. Two rows are loaded for all taps of a row, 4 cycles where they cross
/// cache lines as they mostly do (Zen 5), behind 9 FMAs; shifts have ports of their own.
constexpr bool sums_fit(int rows, int columns) { return rows * columns <= 9; }

/// Which rows of input exist: of those under the first row of grad_output, the ones from tap row `top` on; of the fresh
/// ones of all rows, `below`; and all under the rows of grad_output before `full`. The next row meets `kept` rows
/// again.
template <int stride, int rows>
struct RowsInside {
    static constexpr int kept = rows > stride ? rows - stride : 0;
    std::int64_t top, below, full;

    template <class T>
    explicit RowsInside(const DepthwisePlanes<T>& in)
        : top(rows / 2 - in.first_input_row), below(in.input_rows + top - kept) {
        const std::int64_t rows_below = below < 0 ? 0 : below / stride;
        full = rows_below < in.rows ? rows_below : in.rows;
    }
};

/// One block of columns of all images. x[r] is the row of input at tap row r; rows outside the image are zero.
template <class T, int stride, int rows, int columns, bool guarded>
inline void add_block(const DepthwisePlanes<T>& in, const DepthwisePlaneBlock& block, int first,
                      vec<T> (&sum)[rows][columns], vec<T>& total) {
    using V = vec<T>;
    constexpr int kept = RowsInside<stride, rows>::kept, fresh = rows - kept;
    const std::ptrdiff_t input_row = in.input_row, input_ahead = in.input_ahead, input_half = in.input_half;
    const std::ptrdiff_t grad_output_row = in.grad_output_row, grad_output_half = in.grad_output_half;
    const std::ptrdiff_t grad_output_ahead = in.grad_output_ahead;
    const std::int64_t row_count = in.rows;
    const RowsInside<stride, rows> inside(in);
    const std::int64_t top = inside.top, below = inside.below, full = inside.full;
    unsigned bits[columns];
    unrolled<columns>([&](auto c) { bits[c] = block.taps[c] & in.lanes; });

    for (std::int64_t n = 0; n < in.images; ++n) {
        const T* grad_output = in.grad_output + n * in.grad_output_image + block.origin;
        const T* input = in.input + n * in.input_image + block.origin * stride - rows / 2 * input_row;
        V x[rows][stride];
        const auto load_input = [&](auto r, auto i) __attribute__((always_inline)) {
            const T* from = input + i * input_row;
            prefetch_to_l1(from + input_ahead);
            if constexpr (stride > 1) prefetch_to_l1(from + input_ahead + input_half);
            load_phases<T, stride, guarded>(from, input_half, block.input_elements, first, x[r]);
        };
        const auto clear_input = [&](auto r) __attribute__((always_inline)) {
            unrolled<stride>([&](auto f) __attribute__((always_inline)) { x[r][f] = V::zero(); });
        };
        const auto add_row = [&]() __attribute__((always_inline)) {
            V a[columns];
            prefetch_to_l1(grad_output + grad_output_ahead);
            const ShiftedRow<T, stride, columns, guarded> row(grad_output, grad_output_half, block, bits, first);
            unrolled<columns>([&](auto c) __attribute__((always_inline)) { a[c] = row.template at<c>(); });
            total = total + a[columns / 2];
            unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                    sum[r][c] = fma(a[c], x[r][Tap<stride, columns, c>::phase], sum[r][c]);
                });
            });
            unrolled<kept>([&](auto r) __attribute__((always_inline)) {
                unrolled<stride>([&](auto f) __attribute__((always_inline)) { x[r][f] = x[r + stride][f]; });
            });
            grad_output += grad_output_row;
            input += stride * input_row;
        };

        unrolled<kept>([&](auto r) __attribute__((always_inline)) {
            if (r >= top && r < below + kept) load_input(r, r);
            else clear_input(r);
        });
        input += kept * input_row;
        std::int64_t y = 0;
        const auto edge_row = [&]() __attribute__((always_inline)) {
            unrolled<fresh>([&](auto i) __attribute__((always_inline)) {
                constexpr std::integral_constant<int, kept + i> r;
                if (y * stride + r >= top && y * stride + i < below) load_input(r, i);
                else clear_input(r);
            });
            add_row();
        };
        for (; y < row_count && y * stride + kept < top; ++y) edge_row();
        for (; y < full; ++y) {
            unrolled<fresh>([&](auto i) __attribute__((always_inline)) {
                load_input(std::integral_constant<int, kept + i>{}, i);
            });
            add_row();
        }
        for (; y < row_count; ++y) edge_row();
    }
}

/// What stands for a row of input beyond the image: what two vectors, half of the chains apart, read of it.
template <class T>
[[maybe_unused]] alignas(64) constexpr T zero_row[4 * chains<T>] = {};

/// The same with vectors of fewer lanes, which come with fewer registers: they hold one tap column at a time and all
/// rows of input; or, where rows have two phases, one row of these and all tap columns. A sum without a register waits
/// for its store in every row.
template <class T, int stride, int rows, int columns, bool guarded>
inline void add_block_of_parts(const DepthwisePlanes<T>& in, const DepthwisePlaneBlock& block, int first,
                               vec<T> (&sum)[rows][columns], vec<T>& total) {
    using V = vec<T>;
    constexpr int kept = RowsInside<stride, rows>::kept, fresh = rows - kept;
    const std::ptrdiff_t input_row = in.input_row, input_ahead = in.input_ahead, input_half = in.input_half;
    const std::ptrdiff_t grad_output_row = in.grad_output_row, grad_output_half = in.grad_output_half;
    const std::ptrdiff_t grad_output_ahead = in.grad_output_ahead;
    const std::int64_t row_count = in.rows;
    const RowsInside<stride, rows> inside(in);
    const std::int64_t top = inside.top, below = inside.below, full = inside.full;
    unsigned bits[columns];
    unrolled<columns>([&](auto c) { bits[c] = block.taps[c] & in.lanes; });

    for (std::int64_t n = 0; n < in.images; ++n) {
        const T* grad_output = in.grad_output + n * in.grad_output_image + block.origin;
        const T* input = in.input + n * in.input_image + block.origin * stride - rows / 2 * input_row;
        V x[rows][stride];
        const T* fresh_rows[fresh];
        std::ptrdiff_t fresh_halves[fresh];
        const auto find_fresh = [&](auto i, bool exists) __attribute__((always_inline)) {
            const T* from = input + i * input_row;
            prefetch_to_l1(from + input_ahead);
            if constexpr (stride > 1) prefetch_to_l1(from + input_ahead + input_half);
            fresh_rows[i] = exists ? from : zero_row<T>;
            fresh_halves[i] = exists ? input_half : half<T>;
        };
        const auto add_row = [&]() __attribute__((always_inline)) {
            prefetch_to_l1(grad_output + grad_output_ahead);
            const ShiftedRow<T, stride, columns, guarded> row(grad_output, grad_output_half, block, bits, first);
            V a[columns];
            if constexpr (stride == 1) {
                unrolled<fresh>([&](auto i) __attribute__((always_inline)) {
                    load_phases<T, stride, guarded>(fresh_rows[i], fresh_halves[i], block.input_elements, first,
                                                    x[kept + i]);
                });
                unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                    a[c] = row.template at<c>();
                    if constexpr (c == columns / 2) total = total + a[c];
                    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                        sum[r][c] = fma(a[c], x[r][Tap<stride, columns, c>::phase], sum[r][c]);
                    });
                });
            } else {
                unrolled<columns>([&](auto c) __attribute__((always_inline)) { a[c] = row.template at<c>(); });
                unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                    if constexpr (r >= kept) {
                        load_phases<T, stride, guarded>(fresh_rows[r - kept], fresh_halves[r - kept],
                                                        block.input_elements, first, x[r]);
                    }
                    unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                        sum[r][c] = fma(a[c], x[r][Tap<stride, columns, c>::phase], sum[r][c]);
                    });
                });
            }
            unrolled<kept>([&](auto r) __attribute__((always_inline)) {
                unrolled<stride>([&](auto f) __attribute__((always_inline)) { x[r][f] = x[r + stride][f]; });
            });
            grad_output += grad_output_row;
            input += stride * input_row;
        };

        unrolled<kept>([&](auto r) __attribute__((always_inline)) {
            const T* from = input + r * input_row;
            prefetch_to_l1(from + input_ahead);
            if constexpr (stride > 1) prefetch_to_l1(from + input_ahead + input_half);
            if (r >= top && r < below + kept) {
                load_phases<T, stride, guarded>(from, input_half, block.input_elements, first, x[r]);
            } else {
                unrolled<stride>([&](auto f) __attribute__((always_inline)) { x[r][f] = V::zero(); });
            }
        });
        input += kept * input_row;
        std::int64_t y = 0;
        const auto edge_row = [&]() __attribute__((always_inline)) {
            unrolled<fresh>([&](auto i) __attribute__((always_inline)) {
                find_fresh(i, y * stride + kept + i >= top && y * stride + i < below);
            });
            add_row();
        };
        for (; y < row_count && y * stride + kept < top; ++y) edge_row();
        for (; y < full; ++y) {
            unrolled<fresh>([&](auto i) __attribute__((always_inline)) { find_fresh(i, true); });
            add_row();
        }
        for (; y < row_count; ++y) edge_row();
        if constexpr (stride > 1) {
            for (; y > 0; --y) {
                const T* const row = grad_output - y * grad_output_row;
                const ShiftedRow<T, stride, columns, guarded> shifted(row, grad_output_half, block, bits, first);
                total = total + shifted.template at<columns / 2>();
            }
        }
    }
}

template <class T, int stride, int rows, int columns, bool guarded>
void sum_planes(const DepthwisePlanes<T>& in, T* state) noexcept {
    using V = vec<T>;
    for (int first = 0; first < chains<T>; first += V::lanes) {
        T* const own = state + first;
        V sum[rows][columns];
        unrolled<rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                sum[r][c] = V::load(own + (r * columns + c) * chains<T>);
            });
        });
        V total = V::load(own + rows * columns * chains<T>);
        for (std::int64_t b = 0; b < in.block_count; ++b) {
            if constexpr (whole<T>) add_block<T, stride, rows, columns, guarded>(in, in.blocks[b], first, sum, total);
            else add_block_of_parts<T, stride, rows, columns, guarded>(in, in.blocks[b], first, sum, total);
        }
        unrolled<rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                sum[r][c].store(own + (r * columns + c) * chains<T>);
            });
        });
        total.store(own + rows * columns * chains<T>);
    }
}

template <class T, bool guarded>
void sum_bias(const DepthwisePlanes<T>& in, T* state) noexcept {
    using V = vec<T>;
    for (int first = 0; first < chains<T>; first += V::lanes) {
        V total = V::load(state + first);
        for (std::int64_t b = 0; b < in.block_count; ++b)
            for (std::int64_t n = 0; n < in.images; ++n) {
                const DepthwisePlaneBlock& block = in.blocks[b];
                const unsigned bits[1] = {block.own & in.lanes};
                const T* row = in.grad_output + n * in.grad_output_image + block.origin;
                for (std::int64_t y = 0; y < in.rows; ++y, row += in.grad_output_row) {
                    prefetch_to_l1(row + in.grad_output_ahead);
                    const ShiftedRow<T, 1, 1, guarded> shifted(row, in.grad_output_half, block, bits, first);
                    total = total + shifted.template at<0>();
                }
            }
        total.store(state + first);
    }
}

/// Lane k of every vector is channel k.
template <class T>
void join(const T* state, std::int64_t count, T* sums) noexcept {
    using V = vec<T>;
    for (std::int64_t i = 0; i < count; ++i, state += chains<T>, sums += V::lanes) {
        V chain[chains<T> / V::lanes][V::lanes];
        for (int part = 0; part < chains<T> / V::lanes; ++part)
            load_transposed(state + part * V::lanes, count * chains<T>, chain[part]);
        V sum[half<T>];
        for (int q = 0; q < half<T>; ++q) {
            const int other = q + half<T>;
            sum[q] = chain[q / V::lanes][q % V::lanes] + chain[other / V::lanes][other % V::lanes];
        }
        for (int distance = half<T> / 2; distance > 0; distance /= 2)
            for (int q = 0; q < distance; ++q) sum[q] = sum[q] + sum[q + distance];
        sum[0].store(sums);
    }
}

template <class T, int stride, int rows, int columns, bool guarded>
constexpr typename DepthwisePlaneKernels<T>::Function entry() {
    if constexpr (sums_fit(rows, columns)) return &sum_planes<T, stride, rows, columns, guarded>;
    else return nullptr;
}

template <class T, int stride, int row, int... column>
constexpr void fill_columns(DepthwisePlaneKernels<T>& table, std::integer_sequence<int, column...>) {
    ((table.function[stride - 1][row][column][0] = entry<T, stride, 2 * row + 1, 2 * column + 1, false>()), ...);
    ((table.function[stride - 1][row][column][1] = entry<T, stride, 2 * row + 1, 2 * column + 1, true>()), ...);
}

template <class T, int... row>
constexpr DepthwisePlaneKernels<T> make_table(std::integer_sequence<int, row...> extents) {
    DepthwisePlaneKernels<T> table{};
    (fill_columns<T, 1, row>(table, extents), ...);
    (fill_columns<T, 2, row>(table, extents), ...);
    table.bias[0] = &sum_bias<T, false>;
    table.bias[1] = &sum_bias<T, true>;
    table.join = &join<T>;
    return table;
}

}  // namespace

extern constinit const DepthwisePlaneKernels<float> depthwise_plane_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DepthwisePlaneKernels<float>::max_extent / 2 + 1>{});
extern constinit const DepthwisePlaneKernels<double> depthwise_plane_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DepthwisePlaneKernels<double>::max_extent / 2 + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
