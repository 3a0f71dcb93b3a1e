#include "kernels/channel_vectors.hpp"
#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/row_tile_range.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseRowInput;
using kernels::DepthwiseRowInputKernels;

namespace {

/// Some pixels side by side are computed together: a vector of grad_output serves all of them that it meets, and memory
/// is read and written in order. Lanes are channels. The weights of a tap row wait in registers.
template <class T, int taps, int stride, class Writer>
class RowInput {
public:
    explicit RowInput(const DepthwiseRowInput<T>& work)
        : in_(work),
          tiles_(work.columns, work.grad_output_columns, work.padding_left),
          writer_(work.accumulate, work.streaming) {}

    void compute() const {
        for (std::int64_t row = 0; row < in_.rows; ++row) {
            const Line line = line_of(row);
            add_up_parts(line, 0, tiles_.first_whole);
            const bool fetching = in_.far && line.rows > 0;
            fetching ? add_up_whole<true>(line) : add_up_whole<false>(line);
            add_up_parts(line, tiles_.end_whole, tiles_.count);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Tiles = RowTileRange<taps, stride>;
    using Tile = typename Tiles::Tile;
    static constexpr int pixels = Tiles::pixels, outputs = Tiles::before + Tiles::windows;

    /// A row of grad_output and its tap row.
    struct Source {
        const T *grad_output, *weights;
    };
    /// A row of grad_input, and what it meets, tap rows ascending.
    struct Line {
        Source sources[DepthwiseRowInputKernels<T>::max_rows];
        int rows;
        T* to;
    };

    Line line_of(std::int64_t row) const {
        Line line;
        line.rows = 0;
        line.to = in_.output + row * in_.output_row;
        for (std::int64_t r = 0; r < in_.kernel_rows; ++r) {
            const std::int64_t up = in_.first_row + row + in_.padding_top - r * in_.dilation_rows;
            if (up < 0 || up % in_.stride_rows != 0 || up / in_.stride_rows >= in_.grad_output_rows) continue;
            line.sources[line.rows++] = {in_.grad_output + up / in_.stride_rows * in_.grad_output_row,
                                         in_.weights + r * taps * lanes};
        }
        return line;
    }

    template <bool fetching>
    [[gnu::always_inline]] void add_up_whole(const Line& line) const {
        const std::int64_t channels = in_.channels;
        tiles_.for_each_whole([&](const Tile& tile) __attribute__((always_inline)) {
            for_each_vector<T>(
                channels, [&](std::int64_t c, int n)
                              __attribute__((always_inline)) { add_channels<true, fetching>(line, tile, c, n); });
        });
    }

    /// Tiles [first, end), whatever they meet.
    [[gnu::noinline]] void add_up_parts(const Line& line, std::int64_t first, std::int64_t end) const {
        for (std::int64_t k = first; k < end; ++k) {
            const Tile tile = tiles_.at(k);
            for_each_vector<T>(
                in_.channels, [&](std::int64_t c, int n)
                                  __attribute__((always_inline)) { add_channels<false, false>(line, tile, c, n); });
        }
    }

    template <bool whole, bool fetching>
    [[gnu::always_inline]] void add_channels(const Line& line, const Tile& tile, std::int64_t c, int n) const {
        const std::ptrdiff_t weights = c / lanes * in_.weight_unit, step = in_.grad_output_pixel;
        vec<T> sums[pixels];
        unrolled<pixels>([&](auto pixel) { sums[pixel] = vec<T>::zero(); });
        for (int j = 0; j < line.rows; ++j) {
            const Source& source = line.sources[j];
            add_row<whole>(source.grad_output + c, source.weights + weights, tile, step, n, sums);
        }
        const std::ptrdiff_t to_step = in_.output_pixel;
        T* const to = line.to + tile.column * to_step + c;
        if constexpr (fetching) {
            // The row below the lowest one of grad_output comes next.
            const T* const next = line.sources[0].grad_output + in_.grad_output_row + c + tile.x * step;
            unrolled<Tiles::windows>([&](auto w) { prefetch_to_l2(next + w * step); });
            if constexpr (!std::is_same_v<Writer, StreamWriter<T>>) {
                unrolled<pixels>([&](auto pixel) { prefetch_to_write(to + (pixels + pixel) * to_step); });
            }
        }
        unrolled<pixels>([&](auto pixel) __attribute__((always_inline)) {
            if (whole || (tile.first <= pixel && pixel < tile.end)) {
                write_channels<Writer, 1>(to + pixel * to_step, sums[pixel], n);
            }
        });
    }

    /// Outputs in descending order are taps in ascending order.
    template <bool whole>
    [[gnu::always_inline]] static void add_row(const T* from, const T* weights, const Tile& tile, std::ptrdiff_t step,
                                               int n, vec<T> (&sums)[pixels]) {
        vec<T> weight[taps];
        unrolled<taps>([&](auto tap) { weight[tap] = load_some(weights + tap * lanes, n); });
        unrolled<outputs>([&](auto ascending) __attribute__((always_inline)) {
            constexpr int beside = outputs - 1 - ascending;
            if (!whole && (beside < tile.first_window || beside >= tile.end_window)) return;
            vec<T> gradient = load_some(from + (tile.x + beside) * step, n);
            keep_in_register(gradient);
            unrolled<pixels>([&](auto pixel) __attribute__((always_inline)) {
                if constexpr (Tiles::meets(pixel, beside)) {
                    sums[pixel] = fma(weight[Tiles::tap(pixel, beside)], gradient, sums[pixel]);
                }
            });
        });
    }

    const DepthwiseRowInput<T>& in_;
    const Tiles tiles_;
    Writer writer_;  ///< finishes its stores when it is destroyed
};

template <class T, int stride, int taps>
void compute(const DepthwiseRowInput<T>& work) noexcept {
    const bool aligned = StreamWriter<T>::serves(work.output, work.output_pixel);
    with_unbuffered_writer<T>(work.accumulate, work.streaming && aligned, [&](auto writer) {
        RowInput<T, taps, stride, typename decltype(writer)::type>(work).compute();
    });
}

template <class T>
constexpr DepthwiseRowInputKernels<T> table{{{&compute<T, 1, 3>, &compute<T, 1, 5>, &compute<T, 1, 7>},
                                             {&compute<T, 2, 3>, &compute<T, 2, 5>, &compute<T, 2, 7>}}};

}  // namespace

extern constinit const DepthwiseRowInputKernels<float> depthwise_row_input_kernels_f32 = table<float>;
extern constinit const DepthwiseRowInputKernels<double> depthwise_row_input_kernels_f64 = table<double>;

}  // namespace backgrad::BACKGRAD_ISA
