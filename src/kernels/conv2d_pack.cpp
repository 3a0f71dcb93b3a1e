#include "kernels/conv2d_fold.hpp"
#include "kernels/conv2d_kernels.hpp"
#include "kernels/conv2d_split_taps.hpp"
#include "kernels/conv2d_spread.hpp"
#include "kernels/conv2d_vectors.hpp"
#include "kernels/interleave.hpp"
#include "kernels/unrolled.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

using kernels::DotKernels;
using kernels::Finish;
using kernels::PackKernels;

namespace {

/// Remembers whether a NaN or an infinity has passed: only their difference with themselves is not zero. A chain of
/// one cycle; a chain of FMAs took four and made transposes half as fast.
template <class T>
class FiniteCheck {
public:
    void see(vec<T> x) { poison_ = merge_nans(poison_, x - x); }
    bool all_finite() const { return !any_nan(poison_); }

private:
    vec<T> poison_ = vec<T>::zero();
};

/// The first n of p[0], p[2], ...; reads nothing behind them.
template <class T>
vec<T> load_even_first(const T* p, int n) {
    using V = vec<T>;
    const int behind = 2 * n - 1 - V::lanes;
    return even(V::load_first(p, limited(2 * n - 1, V::lanes)),
                behind > 0 ? V::load_first(p + V::lanes, behind) : V::zero());
}

template <class T>
bool copy(const T* from, std::ptrdiff_t from_row, std::ptrdiff_t from_step, std::int64_t rows, std::int64_t columns,
          T* to, std::ptrdiff_t to_row) noexcept {
    using V = vec<T>;
    FiniteCheck<T> check;
    // Whole rows ahead, past the last into what lies behind, mostly the next plane.
    constexpr std::int64_t distance = 4096 / sizeof(T);
    const std::ptrdiff_t ahead = from_row > 0 ? (distance + from_row - 1) / from_row * from_row : distance;
    for (std::int64_t r = 0; r < rows; ++r, from += from_row, to += to_row) {
        std::int64_t c = 0;
        if (from_step == 1) {
            for (; c + V::lanes <= columns; c += V::lanes) {
                prefetch_to_l1(from + c + ahead);
                const V x = V::load(from + c);
                check.see(x);
                x.store(to + c);
            }
            if (c < columns) {
                const int n = static_cast<int>(columns - c);
                const V x = V::load_first(from + c, n);
                check.see(x);
                x.store_first(to + c, n);
            }
        } else {
            for (; from_step == 2 && c < columns; c += V::lanes) {
                const int n = limited(columns - c, V::lanes);
                prefetch_to_l1(from + 2 * c + ahead);
                prefetch_to_l1(from + 2 * c + V::lanes + ahead);
                const V x = load_even_first(from + 2 * c, n);
                check.see(x);
                x.store_first(to + c, n);
            }
            T poison = 0;
            for (; c < columns; ++c) {
                const T x = from[c * from_step];
                poison += x * T(0);
                to[c] = x;
            }
            check.see(V::broadcast(poison));
        }
    }
    return check.all_finite();
}

/// Loads a square block of `from`; rows and columns beyond the given counts are zero.
template <class T>
[[gnu::always_inline]] inline void load_block(const T* from, std::ptrdiff_t from_row, int rows, int columns,
                                              vec<T> (&block)[vec<T>::lanes]) {
    using V = vec<T>;
    if (rows == V::lanes && columns == V::lanes) {
        for (int i = 0; i < V::lanes; ++i) block[i] = V::load(from + i * from_row);
    } else {
        for (int i = 0; i < V::lanes; ++i)
            block[i] = i < rows ? V::load_first(from + i * from_row, columns) : V::zero();
    }
}

/// Writes the transposed block: `width` rows of `height` elements, or of whole vectors unless `tight`.
template <class T, bool tight>
[[gnu::always_inline]] inline void store_columns(vec<T> (&block)[vec<T>::lanes], int width, int height, T* to,
                                                 std::ptrdiff_t to_row) {
    using V = vec<T>;
    transpose(block);
    if (tight && height < V::lanes) {
        for (int i = 0; i < width; ++i) block[i].store_first(to + i * to_row, height);
    } else if (width == V::lanes) {
        for (int i = 0; i < V::lanes; ++i) block[i].store(to + i * to_row);
    } else {
        for (int i = 0; i < width; ++i) block[i].store(to + i * to_row);
    }
}

/// Calls see(block, row, column, height) for every block on its way, along the rows. Where they are long, they are as
/// many streams as a vector has lanes, more than the hardware fetches ahead.
template <class T, bool tight, class See>
[[gnu::always_inline]] inline void transpose_blocks(const T* from, std::ptrdiff_t from_row, std::int64_t rows,
                                                    std::int64_t columns, T* to, std::ptrdiff_t to_row, See see) {
    using V = vec<T>;
    constexpr std::int64_t ahead = 256 / sizeof(T);
    const auto turn = [&](std::int64_t r, std::int64_t c, int height, int width) __attribute__((always_inline)) {
        V block[V::lanes];
        for (int i = 0; !tight && i < height; ++i) prefetch_to_l1(from + (r + i) * from_row + c + ahead);
        load_block(from + r * from_row + c, from_row, height, width, block);
        see(block, r, c, height);
        store_columns<T, tight>(block, width, height, to + c * to_row + r, to_row);
    };
    if (columns <= V::lanes) {
        const int width = static_cast<int>(columns);
        for (std::int64_t r = 0; r < rows; r += V::lanes) turn(r, 0, limited(rows - r, V::lanes), width);
    } else {
        for (std::int64_t r = 0; r < rows; r += V::lanes) {
            const int height = limited(rows - r, V::lanes);
            for (std::int64_t c = 0; c < columns; c += V::lanes) turn(r, c, height, limited(columns - c, V::lanes));
        }
    }
}

template <class T, bool tight>
bool transpose_in(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                  std::ptrdiff_t to_row) noexcept {
    FiniteCheck<T> check;
    transpose_blocks<T, tight>(
        from, from_row, rows, columns, to,
        to_row, [&](const auto& block, std::int64_t, std::int64_t, int) __attribute__((always_inline)) {
            for (const vec<T>& x : block) check.see(x);
        });
    return check.all_finite();
}

template <class T>
void transpose_and_sum(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                       std::ptrdiff_t to_row, T* state) noexcept {
    using V = vec<T>;
    constexpr int chains = DotKernels<T>::chains;
    const auto add = [](V x, T * sum) __attribute__((always_inline)) { (V::load(sum) + x).store(sum); };
    transpose_blocks<T, false>(
        from, from_row, rows, columns, to,
        to_row, [&](const auto& block, std::int64_t r, std::int64_t c, int height) __attribute__((always_inline)) {
            T* sum = state + r * chains + c % chains;
            if (height == V::lanes)
                for (int i = 0; i < V::lanes; ++i) add(block[i], sum + i * chains);
            else
                for (int i = 0; i < height; ++i) add(block[i], sum + i * chains);
        });
}

/// `count` rows by permutations of registers.
template <class T, int count>
void interleave_few(const T* from, std::ptrdiff_t from_row, std::int64_t columns, T* to) {
    using V = vec<T>;
    V in[count], out[count];
    for (; columns >= V::lanes; columns -= V::lanes, from += V::lanes, to += count * V::lanes) {
        unrolled<count>([&](auto r) __attribute__((always_inline)) { in[r] = V::load(from + r * from_row); });
        interleave(in, out);
        unrolled<count>([&](auto v) __attribute__((always_inline)) { out[v].store(to + v * V::lanes); });
    }
    if (columns == 0) return;
    const int left = static_cast<int>(columns);
    unrolled<count>([&](auto r) __attribute__((always_inline)) { in[r] = V::load_first(from + r * from_row, left); });
    interleave(in, out);
    unrolled<count>([&](auto v) __attribute__((always_inline)) {
        const int n = left * count - v * V::lanes;
        if (n > 0) out[v].store_first(to + v * V::lanes, limited(n, V::lanes));
    });
}

template <class T>
void interleave_rows(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to) noexcept {
    switch (rows) {
        case 1:
            copy(from, from_row, 1, 1, columns, to, columns);
            return;
        case 2:
            return interleave_few<T, 2>(from, from_row, columns, to);
        case 3:
            return interleave_few<T, 3>(from, from_row, columns, to);
        case 4:
            return interleave_few<T, 4>(from, from_row, columns, to);
        case 5:
            return interleave_few<T, 5>(from, from_row, columns, to);
        case 6:
            return interleave_few<T, 6>(from, from_row, columns, to);
        default:
            transpose_in<T, true>(from, from_row, rows, columns, to, rows);
    }
}

template <class T>
bool split_taps(const T* from, std::int64_t channels, std::int64_t taps, T* to, std::ptrdiff_t to_row) noexcept {
    const auto split = split_function<T>(taps);
    const std::int64_t whole = split ? channels / vec<T>::lanes * vec<T>::lanes : 0;
    const bool finite = whole == 0 || split(from, whole, to, to_row);
    return transpose_in<T, true>(from + whole * taps, taps, channels - whole, taps, to + whole, to_row) && finite;
}

template <class T>
void gather_rows(const T* from, const std::ptrdiff_t* offsets, std::int64_t rows, std::int64_t columns, T* to,
                 std::ptrdiff_t to_row) noexcept {
    using V = vec<T>;
    for (std::int64_t r = 0; r < rows; r += V::lanes) {
        const int height = limited(rows - r, V::lanes);
        for (std::int64_t c = 0; c < columns; c += V::lanes) {
            V block[V::lanes];
            if (height == V::lanes)
                for (int i = 0; i < V::lanes; ++i) block[i] = V::load(from + offsets[r + i] + c);
            else
                for (int i = 0; i < V::lanes; ++i)
                    block[i] = i < height ? V::load(from + offsets[r + i] + c) : V::zero();
            transpose(block);
            T* out = to + c * to_row + r;
            if (columns - c >= V::lanes)
                for (int i = 0; i < V::lanes; ++i) block[i].store(out + i * to_row);
            else
                for (int i = 0; i < columns - c; ++i) block[i].store(out + i * to_row);
        }
    }
}

template <class T>
void transpose_out(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                   std::ptrdiff_t to_row, Finish finish) noexcept {
    using V = vec<T>;
    for (std::int64_t c = 0; c < columns; c += V::lanes) {
        const int width = limited(columns - c, V::lanes);
        for (std::int64_t r = 0; r < rows; r += V::lanes) {
            const int height = limited(rows - r, V::lanes);
            V block[V::lanes];
            load_block(from + r * from_row + c, from_row, height, width, block);
            transpose(block);
            T* out = to + c * to_row + r;
            if (height == V::lanes && width == V::lanes && finish == Finish::store) {
                for (int i = 0; i < V::lanes; ++i) block[i].store(out + i * to_row);
            } else {
                for (int i = 0; i < width; ++i) write_first(block[i], out + i * to_row, height, finish);
            }
        }
    }
}

template <class T>
void copy_out(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
              std::ptrdiff_t to_row, std::ptrdiff_t to_step, Finish finish) noexcept {
    using V = vec<T>;
    for (std::int64_t r = 0; r < rows; ++r, from += from_row, to += to_row) {
        if (to_step == 1) {
            for (std::int64_t c = 0; c < columns; c += V::lanes) {
                const int n = limited(columns - c, V::lanes);
                write_first(n == V::lanes ? V::load(from + c) : V::load_first(from + c, n), to + c, n, finish);
            }
        } else {
            for (std::int64_t c = 0; c < columns; ++c)
                to[c * to_step] = finish == Finish::add ? to[c * to_step] + from[c] : from[c];
        }
    }
}

template <class T>
void clear_columns(T* to, std::ptrdiff_t to_row, std::int64_t rows, std::int64_t columns) noexcept {
    for (std::int64_t r = 0; r < rows; ++r, to += to_row) clear(to, columns);
}

/// `rows` rows at once: independent chains hide the latency of the additions.
template <class T, int rows>
void sum_row_block(const T* from, std::ptrdiff_t from_row, std::int64_t columns, T* state) {
    using V = vec<T>;
    constexpr int chains = DotKernels<T>::chains, parts = chains / V::lanes;
    V sum[rows][parts];
    const auto each = [](auto f) __attribute__((always_inline)) {
        unrolled<rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<parts>([&](auto p) __attribute__((always_inline)) { f(r, p); });
        });
    };
    each([&](auto r, auto p)
             __attribute__((always_inline)) { sum[r][p] = V::load(state + r * chains + p * V::lanes); });
    std::int64_t c = 0;
    for (; c + chains <= columns; c += chains)
        each([&](auto r, auto p) __attribute__((always_inline)) {
            sum[r][p] = sum[r][p] + V::load(from + r * from_row + c + p * V::lanes);
        });
    if (c < columns)
        each([&](auto r, auto p) __attribute__((always_inline)) {
            const int n = limited(columns - c - p * V::lanes, V::lanes);
            if (n > 0) sum[r][p] = sum[r][p] + V::load_first(from + r * from_row + c + p * V::lanes, n);
        });
    each([&](auto r, auto p) __attribute__((always_inline)) { sum[r][p].store(state + r * chains + p * V::lanes); });
}

template <class T>
void sum_rows(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* state) noexcept {
    constexpr int chains = DotKernels<T>::chains,
                  many = 8 * vec<T>::lanes / chains > 1 ? 8 * vec<T>::lanes / chains : 1;
    std::int64_t r = 0;
    for (; r + many <= rows; r += many)
        sum_row_block<T, many>(from + r * from_row, from_row, columns, state + r * chains);
    for (; r < rows; ++r) sum_row_block<T, 1>(from + r * from_row, from_row, columns, state + r * chains);
}

/// `vectors` columns of vectors at once: independent chains hide the latency of the additions.
template <class T, int vectors>
void sum_column_block(const T* from, std::ptrdiff_t from_row, std::int64_t rows, T* state, int last_lanes) {
    using V = vec<T>;
    const auto load = [last_lanes](const T* p, int v) {
        return v < vectors - 1 || last_lanes == V::lanes ? V::load(p + v * V::lanes)
                                                         : V::load_first(p + v * V::lanes, last_lanes);
    };
    V sum[vectors];
    for (int v = 0; v < vectors; ++v) sum[v] = load(state, v);
    for (std::int64_t r = 0; r < rows; ++r, from += from_row)
        for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + load(from, v);
    for (int v = 0; v < vectors; ++v) sum[v].store_first(state + v * V::lanes, v < vectors - 1 ? V::lanes : last_lanes);
}

template <class T>
void sum_columns(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* state) noexcept {
    constexpr int lanes = vec<T>::lanes;
    std::int64_t c = 0;
    for (; c + 4 * lanes <= columns; c += 4 * lanes) sum_column_block<T, 4>(from + c, from_row, rows, state + c, lanes);
    for (; c < columns; c += lanes)
        sum_column_block<T, 1>(from + c, from_row, rows, state + c, limited(columns - c, lanes));
}

template <class T>
constexpr PackKernels<T> make_table() {
    return {&copy<T>,
            &transpose_in<T, false>,
            &transpose_in<T, true>,
            &transpose_and_sum<T>,
            &split_taps<T>,
            &interleave_rows<T>,
            &gather_rows<T>,
            &transpose_out<T>,
            &copy_out<T>,
            &spread<T>,
            &fold<T>,
            &clear<T>,
            &clear_columns<T>,
            &sum_rows<T>,
            &sum_columns<T>};
}

}  // namespace

extern constinit const PackKernels<float> pack_kernels_f32 = make_table<float>();
extern constinit const PackKernels<double> pack_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
