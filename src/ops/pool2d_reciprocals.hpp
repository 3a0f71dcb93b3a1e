#pragma once

#include "ops/pool2d_gather.hpp"

#include <map>
#include <vector>

namespace backgrad {

/// 1 / area of every window, with zeros before and behind each row, so that whole vectors may be read there. Rows of
/// windows that reach equally far into the input share their numbers.
template <class T>
class Pool2dReciprocals {
public:
    Pool2dReciprocals(const Pool2dShape& shape, AveragePadding padding) {
        if (pool2d_input_elements(shape) == 0 || pool2d_output_elements(shape) == 0) return;
        const plan::Pool2dAxis height = plan::height_axis(shape), width = plan::width_axis(shape);
        const bool include = padding == AveragePadding::include;
        for (std::int64_t y = 0; y < height.out; ++y) {
            const std::int64_t cells = include ? height.window : height.cells(y);
            std::vector<T>& row = by_cells_[cells];
            if (row.empty()) {
                row.assign(static_cast<std::size_t>(width.out + 2 * margin), T(0));
                for (std::int64_t x = 0; x < width.out; ++x) {
                    const std::int64_t area = cells * (include ? width.window : width.cells(x));
                    // A window without cells meets no element, so its number is never used.
                    if (area > 0)
                        row[static_cast<std::size_t>(margin + x)] = static_cast<T>(1.0 / static_cast<double>(area));
                }
            }
            rows_.push_back(row.data() + margin);
        }
    }

    /// Lays the numbers of whole planes out one behind the other, for kernels that compute several planes as one run
    /// where pixels are `channels` elements.
    void repeat(std::int64_t width, std::int64_t planes, std::int64_t channels) {
        for (std::int64_t plane = 0; plane < planes; ++plane) {
            for (const T* row : rows_) {
                for (const T* x = row; x < row + width; ++x) {
                    line_.insert(line_.end(), static_cast<std::size_t>(channels), *x);
                }
            }
        }
    }

    const T* const* rows() const { return rows_.data(); }
    const T* line() const { return line_.data(); }

private:
    static constexpr std::int64_t margin = kernels::pool2d_strip_margin;

    std::map<std::int64_t, std::vector<T>> by_cells_;
    std::vector<const T*> rows_;
    std::vector<T> line_;
};

}  // namespace backgrad
