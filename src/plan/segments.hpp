#pragma once

#include <cstdint>

namespace backgrad::plan {

/// A box of output pixels: images [image_begin, image_end), and in each the rows and columns given.
struct PixelBox {
    std::int64_t image_begin, image_end;
    std::int64_t row_begin, row_end;
    std::int64_t column_begin, column_end;

    std::int64_t images() const { return image_end - image_begin; }
    std::int64_t rows() const { return row_end - row_begin; }
    std::int64_t columns() const { return column_end - column_begin; }
    std::int64_t pixels() const { return images() * rows() * columns(); }
};

/// The segments of a sum over batch and pixels: several whole images each, or one part of an image each. They depend
/// on the sizes alone, because the bits of a sum do.
struct Segments {
    std::int64_t batch, height, width;
    std::int64_t images;        ///< whole images per segment
    std::int64_t row_parts;     ///< parts of an image's height; 1 where images > 1
    std::int64_t column_parts;  ///< parts of an image's width; 1 where images > 1
    std::int64_t count;

    PixelBox box(std::int64_t segment) const;
    /// The first segment that begins with this image or behind it.
    std::int64_t first_from(std::int64_t image) const {
        return images > 1 ? (image + images - 1) / images : image * row_parts * column_parts;
    }
    /// Pixels of the segments before `segment`.
    std::int64_t pixels_before(std::int64_t segment) const;
    /// An upper bound of box(s).pixels().
    std::int64_t largest() const;
};

/// The parts of a segment that are worked on one after the other.
struct Passes {
    std::int64_t images, rows, columns;

    /// Calls visit(part) for every part of the box, images outermost.
    template <class Visit>
    void for_each(const PixelBox& box, Visit visit) const {
        const auto end = [](std::int64_t begin, std::int64_t step, std::int64_t limit) {
            return begin + step < limit ? begin + step : limit;
        };
        for (std::int64_t n = box.image_begin; n < box.image_end; n += images)
            for (std::int64_t y = box.row_begin; y < box.row_end; y += rows)
                for (std::int64_t x = box.column_begin; x < box.column_end; x += columns)
                    visit(PixelBox{n, end(n, images, box.image_end), y, end(y, rows, box.row_end), x,
                                   end(x, columns, box.column_end)});
    }
};

/// Cuts batch x height x width into segments of about `terms` pixels, at least one row (or part of a long row) each.
Segments make_segments(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t terms);

}  // namespace backgrad::plan
