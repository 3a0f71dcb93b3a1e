#include "plan/segments.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {

Segments make_segments(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t terms) {
    Segments s{batch, height, width, 1, 1, 1, 0};
    const std::int64_t pixels = height * width;
    if (batch == 0 || pixels == 0) return s;
    if (pixels <= terms / 2) {
        s.images = std::min(batch, terms / pixels);
        s.count = ceil_div(batch, s.images);
        return s;
    }
    s.column_parts = std::max<std::int64_t>(1, (width + terms / 2) / terms);
    const std::int64_t rows = std::max<std::int64_t>(1, terms * s.column_parts / width);
    s.row_parts = ceil_div(height, rows);
    s.count = batch * s.row_parts * s.column_parts;
    return s;
}

PixelBox Segments::box(std::int64_t segment) const {
    if (images > 1) {
        const std::int64_t begin = segment * images;
        return {begin, std::min(batch, begin + images), 0, height, 0, width};
    }
    const std::int64_t column = segment % column_parts, row = segment / column_parts % row_parts;
    const std::int64_t image = segment / column_parts / row_parts;
    const Range rows = share(height, row_parts, row), columns = share(width, column_parts, column);
    return {image, image + 1, rows.begin, rows.end, columns.begin, columns.end};
}

std::int64_t Segments::pixels_before(std::int64_t segment) const {
    if (segment >= count) return batch * height * width;
    const PixelBox at = box(segment);
    return at.image_begin * height * width + at.row_begin * width + at.rows() * at.column_begin;
}

std::int64_t Segments::largest() const { return images * ceil_div(height, row_parts) * ceil_div(width, column_parts); }

}  // namespace backgrad::plan
