#include "kernels/conv2d_kernels.hpp"
#include "kernels/register_file.hpp"
#include "kernels/unrolled.hpp"
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
/// accumulators hide the 4 cycles of latency where the ports share them evenly, 12 always.
constexpr int rows_limit(int vectors) {
    const int rows = (registers - 1 - vectors) / vectors;
    constexpr int most = TileKernels<float>::max_rows;
    return rows < 1 ? 1 : rows < most ? rows : most;
}

/// How the sums of a tile are written.
enum class Write { whole, stream, part, add_whole, add_part };

/// Writes the sums of a tile.
template <class T, Write write, int vectors, int rows>
[[gnu::always_inline]] inline void write_sums(const vec<T> (&sum)[rows][vectors], const TileOutput<T>& out) {
    using V = vec<T>;
    const std::ptrdiff_t row = out.row, vector = out.vector;
    const int lanes = out.lanes, last_lanes = out.last_lanes;
    T* const output = out.output;
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<vectors>([&](auto v) __attribute__((always_inline)) {
            T* to = output + r * row + v * vector;
            const int n = v < vectors - 1 ? lanes : last_lanes;
            V x = sum[r][v];
            if constexpr (write == Write::add_whole) x = V::load(to) + x;
            if constexpr (write == Write::add_part) x = V::load_first(to, n) + x;
            if constexpr (write == Write::stream) x.stream(to);
            else if constexpr (write == Write::whole || write == Write::add_whole) x.store(to);
            else x.store_first(to, n);
        });
    });
}

/// One register tile. The broadcast rows are addressed from every third row's pointer, because an x86 address holds
/// one register scaled by 1, 2, 4 or 8: row, row + stride and row + 2 * stride need no register of their own.
template <class T, int vectors, int rows, bool packing>
void tile(const TileOperands<T>& in, const TileOutput<T>& out) noexcept {
    using V = vec<T>;
    V sum[rows][vectors];
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<vectors>([&](auto v) __attribute__((always_inline)) { sum[r][v] = V::zero(); });
    });
    if (in.partial != nullptr)
        unrolled<rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<vectors>([&](auto v) __attribute__((always_inline)) {
                sum[r][v] = V::load(in.partial + r * in.partial_row + v * V::lanes);
            });
        });
    [[maybe_unused]] T* packed = in.packed;

    const std::ptrdiff_t lane_step = in.lane_step, lane_vector = in.lane_vector, step = in.broadcast_step,
                         stride = in.broadcast_row;
    for (const Run *run = in.runs, *end = run + in.run_count; run != end; ++run) {
        const T* lane = in.lane + run->lane_offset * in.lane_unit;
        constexpr int bases = (rows + 2) / 3;
        const T* base[bases];
        unrolled<bases>([&](auto i) __attribute__((always_inline)) {
            base[i] = in.broadcast + run->broadcast_offset * in.broadcast_unit + 3 * i * stride;
        });
        const auto term = [&]() __attribute__((always_inline)) {
            V l[vectors];
            unrolled<vectors>([&](auto v) __attribute__((always_inline)) {
                l[v] = V::load(lane + v * lane_vector);
                if constexpr (rows > 1) keep_in_register(l[v]);
                if constexpr (packing) l[v].store(packed + v * V::lanes);
            });
            if constexpr (packing) packed += vectors * V::lanes;
            unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                const V b = V::broadcast(base[r / 3][(r % 3) * stride]);
                unrolled<vectors>([&](auto v) __attribute__((always_inline)) { sum[r][v] = fma(l[v], b, sum[r][v]); });
            });
            lane += lane_step;
            unrolled<bases>([&](auto i) __attribute__((always_inline)) { base[i] += step; });
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

    const bool whole = out.lanes == V::lanes && out.last_lanes == V::lanes, add = out.finish == Finish::add;
    if (out.streaming) write_sums<T, Write::stream>(sum, out);
    else if (whole && !add) write_sums<T, Write::whole>(sum, out);
    else if (whole) write_sums<T, Write::add_whole>(sum, out);
    else if (!add) write_sums<T, Write::part>(sum, out);
    else write_sums<T, Write::add_part>(sum, out);
}

template <class T, int vectors, int rows, bool packing>
constexpr auto entry() {
    if constexpr (rows >= 1 && rows <= rows_limit(vectors)) return &tile<T, vectors, rows, packing>;
    else return static_cast<typename TileKernels<T>::Function>(nullptr);
}

template <class T, int vectors, int... row>
constexpr void fill_rows(TileKernels<T>& table, std::integer_sequence<int, row...>) {
    table.rows_limit[vectors] = rows_limit(vectors);
    ((table.function[vectors][row] = entry<T, vectors, row, false>()), ...);
    if constexpr (vectors <= TileKernels<T>::max_packing_vectors)
        ((table.packing[vectors][row] = entry<T, vectors, row, true>()), ...);
}

template <class T, int... vector>
constexpr TileKernels<T> make_table(std::integer_sequence<int, vector...>) {
    TileKernels<T> table{};
    table.lanes = vec<T>::lanes;
    table.fence = []() noexcept { stream_fence(); };
    (fill_rows<T, vector + 1>(table, std::make_integer_sequence<int, TileKernels<T>::max_rows + 1>{}), ...);
    return table;
}

}  // namespace

extern constinit const TileKernels<float> tile_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, TileKernels<float>::max_vectors>{});
extern constinit const TileKernels<double> tile_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, TileKernels<double>::max_vectors>{});

}  // namespace backgrad::BACKGRAD_ISA
