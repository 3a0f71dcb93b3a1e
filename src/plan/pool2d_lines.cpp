#include "plan/pool2d_lines.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>
#include <numeric>

namespace backgrad::plan {
namespace {

/// Terms of a program beyond which its tables would take too much memory and time to make.
constexpr std::int64_t most_terms = std::int64_t{1} << 20;

/// Lines of planes hold at most this many elements and terms: their programs and windows should stay close to the core.
constexpr std::int64_t most_line_elements = 16 * 1024;
constexpr std::int64_t most_line_terms = 48 * 1024;

/// Elements from which on a last vector that is not full costs nothing to speak of.
constexpr std::int64_t enough_line_elements = 512;

/// Ascending windows of one pixel: the first is the one that started longest ago. Counted in windows before the last
/// that could cover the pixel, so that neighbours share their keys.
std::int64_t window_key(std::int64_t pixel, const Pool2dAxis& axis, std::int64_t window) {
    return window - (pixel + axis.padding) / axis.stride;
}

/// One row of a plane and one row of windows.
class RowLines {
public:
    RowLines(const Pool2dShape& shape, const Pool2dCovers& columns) : axis_(width_axis(shape)), columns_(columns) {}

    std::int64_t elements() const { return axis_.in; }
    std::int64_t windows() const { return axis_.out; }
    std::int32_t position(std::int64_t element) const { return static_cast<std::int32_t>(element); }
    std::int64_t first_row(std::int64_t) const { return 0; }
    std::int64_t first_column(std::int64_t window) const { return window * axis_.stride - axis_.padding; }

    std::vector<GatherTerm> windows_of(std::int64_t element) const {
        std::vector<GatherTerm> terms;
        for (std::int64_t k = columns_.first[element]; k < columns_.first[element + 1]; ++k) {
            terms.push_back({window_key(element, axis_, columns_.windows[k]), columns_.windows[k]});
        }
        return terms;
    }

    /// The key is the distance from the beginning of the window.
    std::vector<GatherTerm> cells_of(std::int64_t window) const {
        std::vector<GatherTerm> terms;
        for (std::int64_t tap = 0; tap < axis_.window; ++tap) {
            const std::int64_t column = first_column(window) + tap * axis_.dilation;
            if (0 <= column && column < axis_.in) terms.push_back({tap * axis_.dilation, column});
        }
        return terms;
    }

private:
    Pool2dAxis axis_;
    const Pool2dCovers& columns_;
};

/// Several planes, one behind the other; `channels` elements of each pixel lie side by side.
class PlaneLines {
public:
    PlaneLines(const Pool2dShape& shape, const Pool2dCovers& rows, const Pool2dCovers& columns, std::int64_t planes,
               std::int64_t channels)
        : height_(height_axis(shape)),
          width_(width_axis(shape)),
          rows_(rows),
          columns_(columns),
          planes_(planes),
          channels_(channels) {}

    std::int64_t elements() const { return planes_ * height_.in * width_.in * channels_; }
    std::int64_t windows() const { return planes_ * height_.out * width_.out * channels_; }
    std::int32_t position(std::int64_t element) const {
        return static_cast<std::int32_t>(element / channels_ % (height_.in * width_.in));
    }
    std::int64_t first_row(std::int64_t window) const {
        return window / channels_ / width_.out % height_.out * height_.stride - height_.padding;
    }
    std::int64_t first_column(std::int64_t window) const {
        return window / channels_ % width_.out * width_.stride - width_.padding;
    }

    std::vector<GatherTerm> windows_of(std::int64_t element) const {
        const std::int64_t pixel = element / channels_, channel = element % channels_;
        const std::int64_t column = pixel % width_.in, row = pixel / width_.in % height_.in;
        const std::int64_t plane = pixel / width_.in / height_.in;
        std::vector<GatherTerm> terms;
        for (std::int64_t j = rows_.first[row]; j < rows_.first[row + 1]; ++j) {
            for (std::int64_t k = columns_.first[column]; k < columns_.first[column + 1]; ++k) {
                const std::int64_t y = rows_.windows[j], x = columns_.windows[k];
                // Keys of rows are further apart than keys of columns can be.
                const std::int64_t key = window_key(row, height_, y) * (width_.out + width_.in + 1);
                const std::int64_t window = (plane * height_.out + y) * width_.out + x;
                terms.push_back({key + window_key(column, width_, x), window * channels_ + channel});
            }
        }
        return terms;
    }

private:
    Pool2dAxis height_, width_;
    const Pool2dCovers &rows_, &columns_;
    std::int64_t planes_, channels_;
};

template <class Lines>
void fill_tables(const Lines& source, Pool2dReads reads, int lanes, Pool2dLines& lines) {
    lines.gather = make_program(source.elements(), lanes, lanes, [&](std::int64_t k) { return source.windows_of(k); });
    lines.gather.even_out();
    lines.margin = lanes;
    lines.positions.resize(static_cast<std::size_t>(source.elements() + 2 * lines.margin));
    for (std::int64_t k = 0; k < source.elements(); ++k) {
        lines.positions[static_cast<std::size_t>(lines.margin + k)] = source.position(k);
    }
    lines.scratch_pitch = round_up(source.windows() + 2 * lines.margin, lanes);
    const std::size_t windows = static_cast<std::size_t>(lines.scratch_pitch);
    if (reads == Pool2dReads::window_offsets) {
        lines.window_rows.resize(windows);
        lines.window_columns.resize(windows);
        for (std::int64_t k = 0; k < source.windows(); ++k) {
            lines.window_rows[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(source.first_row(k));
            lines.window_columns[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(source.first_column(k));
        }
    }
}

/// Maxima are searched row by row, whatever the lines are.
void fill_maxima(const RowLines& source, int lanes, Pool2dLines& lines) {
    lines.maxima = make_program(source.windows(), lanes, 2 * lanes, [&](std::int64_t k) { return source.cells_of(k); });
    lines.maxima.even_out();
    const std::size_t windows = static_cast<std::size_t>(round_up(source.windows(), lanes));
    lines.window_columns.resize(windows);
    lines.first_cells.resize(windows, -1);
    for (std::int64_t k = 0; k < source.windows(); ++k) {
        const std::vector<GatherTerm> cells = source.cells_of(k);
        lines.window_columns[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(source.first_column(k));
        if (!cells.empty()) lines.first_cells[static_cast<std::size_t>(k)] = source.position(cells.front().element);
    }
}

/// Planes of a line: as many as give whole vectors or nearly so; 0 where rows serve better.
std::int64_t planes_of_line(const Pool2dShape& shape, const Pool2dCovers& rows, const Pool2dCovers& columns,
                            const Pool2dKernelLimits& limits, std::int64_t channels) {
    const std::int64_t plane = shape.in_height * shape.in_width * channels;
    const std::int64_t windows = shape.out_height() * shape.out_width() * channels;
    const std::int64_t whole = limits.lanes / std::gcd(plane, std::int64_t{limits.lanes});
    const std::int64_t planes = std::min(whole, (enough_line_elements + plane - 1) / plane);
    if (plane > most_line_elements / planes) return 0;
    const std::int64_t row_terms = planes * channels * std::max<std::int64_t>(1, columns.first.back());
    if (rows.first.back() > most_line_terms / row_terms) return 0;
    // Two lines of windows stand in the scratch.
    return 2 * (planes * windows + 3 * limits.lanes) <= limits.scratch_elements ? planes : 0;
}

}  // namespace

Pool2dLines make_lines(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                       const Pool2dCovers& columns, const Pool2dKernelLimits& limits, bool whole_planes,
                       std::int64_t channels) {
    Pool2dLines lines;
    lines.channels = channels;
    lines.planes = whole_planes ? planes_of_line(shape, rows, columns, limits, channels) : 0;
    if (lines.planes == 0 && channels > 1) return lines;
    const std::int64_t rows_of_line = lines.planes == 0 ? 1 : lines.planes * channels * rows.first.back();
    if (columns.first.back() > most_terms / std::max<std::int64_t>(1, rows_of_line)) return lines;
    if (lines.planes == 0) {
        fill_tables(RowLines(shape, columns), reads, limits.lanes, lines);
    } else {
        fill_tables(PlaneLines(shape, rows, columns, lines.planes, channels), reads, limits.lanes, lines);
    }
    if (reads == Pool2dReads::input) fill_maxima(RowLines(shape, columns), limits.lanes, lines);
    // The next line is brought into scratch before the current one is computed.
    lines.scratch_rows = lines.planes == 0 ? std::max<std::int64_t>(1, rows.span(2)) : 2;
    lines.fits =
        lines.scratch_rows <= limits.max_rows && lines.scratch_rows * lines.scratch_pitch <= limits.scratch_elements;
    return lines;
}

}  // namespace backgrad::plan
