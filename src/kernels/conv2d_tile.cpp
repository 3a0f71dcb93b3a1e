#include "kernels/conv2d_kernels.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::Finish;
using kernels::PrefetchJob;
using kernels::PrefetchQueue;
using kernels::Run;
using kernels::TileKernels;
using kernels::TileOperands;
using kernels::TileOutput;

namespace {

/// Accumulators that the register file holds beside `vectors` lane operands and one broadcast. 32 registers with
/// AVX-512: 2 x 14 (28 + 2 + 1 = 31), 3 x 9 (27 + 3 + 1 = 31), 4 x 6 (24 + 4 + 1 = 29); 16 otherwise: 2 x 6
/// (12 + 2 + 1 = 15), 3 x 4 (12 + 3 + 1 = 16). Each term costs vectors + rows loads for vectors * rows FMAs; two
/// loads and two FMAs start per cycle, so any tile with vectors + rows <= vectors * rows is bound by its FMAs, and 8
/// accumulators or more hide the 4 cycles of latency.
constexpr int registers = vec<float>::lanes == 16 ? 32 : 16;

/// One vector gets 12 rows at most: at 13 GCC 12 stops keeping the arrays below in registers, and stores the lane
/// operand to the stack in every term.
constexpr int rows_limit(int vectors) {
    const int rows = (registers - 1 - vectors) / vectors;
    const int limit = vectors == 1 ? 12 : TileKernels<float>::max_rows;
    return rows < 1 ? 1 : rows < limit ? rows : limit;
}

/// One register tile. The broadcast rows are addressed from every third row's pointer, because an x86 address holds
/// one register scaled by 1, 2, 4 or 8: row, row + stride and row + 2 * stride need no register of their own.
template <class T, int vectors, int rows>
void tile(const TileOperands<T>& in, const TileOutput<T>& out) noexcept {
    using V = vec<T>;
    V sum[rows][vectors];
    for (auto& row : sum)
        for (V& s : row) s = V::zero();

    const std::ptrdiff_t lane_step = in.lane_step, lane_vector = in.lane_vector, step = in.broadcast_step,
                         stride = in.broadcast_row;
    for (const Run *run = in.runs, *end = run + in.run_count; run != end; ++run) {
        const T* lane = in.lane + run->lane_offset * in.lane_unit;
        constexpr int bases = (rows + 2) / 3;
        const T* base[bases];
        for (int i = 0; i < bases; ++i)
            base[i] = in.broadcast + run->broadcast_offset * in.broadcast_unit + 3 * i * stride;
        const auto term = [&]() __attribute__((always_inline)) {
            V l[vectors];
            for (int v = 0; v < vectors; ++v) l[v] = V::load(lane + v * lane_vector);
            if constexpr (rows > 1)
                for (V& x : l) keep_in_register(x);
            for (int r = 0; r < rows; ++r) {
                const V b = V::broadcast(base[r / 3][(r % 3) * stride]);
                for (int v = 0; v < vectors; ++v) sum[r][v] = fma(l[v], b, sum[r][v]);
            }
            lane += lane_step;
            for (int i = 0; i < bases; ++i) base[i] += step;
        };
        std::int64_t left = run->count;
        PrefetchQueue<T>& queue = *in.prefetch;
        while (left > 0 && queue.begin != queue.end) {
            PrefetchJob<T>& job = *queue.begin;
            const std::int64_t count = left < job.count ? left : job.count;
            const T* line = job.line;
            const std::ptrdiff_t line_step = job.step;
            for (std::int64_t k = count; k > 0; --k, line += line_step) {
                prefetch_to_l2(line);
                term();
            }
            left -= count;
            job.line = line;
            job.count -= count;
            if (job.count == 0) ++queue.begin;
        }
        for (; left > 0; --left) term();
    }

#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) {
            T* to = out.output + r * out.row + v * out.vector;
            const int lanes = v < vectors - 1 ? out.lanes : out.last_lanes;
            const bool whole = lanes == V::lanes;
            if (out.finish == Finish::add) sum[r][v] = (whole ? V::load(to) : V::load_first(to, lanes)) + sum[r][v];
            if (whole) sum[r][v].store(to);
            else sum[r][v].store_first(to, lanes);
        }
    }
}

template <class T, int vectors, int rows>
constexpr auto entry() {
    if constexpr (rows >= 1 && rows <= rows_limit(vectors)) return &tile<T, vectors, rows>;
    else return static_cast<typename TileKernels<T>::Function>(nullptr);
}

template <class T, int vectors, int... row>
constexpr void fill_rows(TileKernels<T>& table, std::integer_sequence<int, row...>) {
    table.rows_limit[vectors] = rows_limit(vectors);
    ((table.function[vectors][row] = entry<T, vectors, row>()), ...);
}

template <class T, int... vector>
constexpr TileKernels<T> make_table(std::integer_sequence<int, vector...>) {
    TileKernels<T> table{};
    table.lanes = vec<T>::lanes;
    (fill_rows<T, vector + 1>(table, std::make_integer_sequence<int, TileKernels<T>::max_rows + 1>{}), ...);
    return table;
}

}  // namespace

extern constinit const TileKernels<float> tile_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, TileKernels<float>::max_vectors>{});
extern constinit const TileKernels<double> tile_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, TileKernels<double>::max_vectors>{});

}  // namespace backgrad::BACKGRAD_ISA
