#include "ops/conv2d_segment_tiles.hpp"

namespace backgrad::ops {

using kernels::Run;
using plan::LaneSide;
using plan::Range;

namespace {

/// Appends a run, or lengthens the last one if it goes on where that one ended: rows that nothing lies between become
/// one long run.
std::int64_t append(Run* runs, std::int64_t count, const Run& run, std::int64_t lane_step, std::int64_t row_step) {
    if (count > 0) {
        Run& last = runs[count - 1];
        if (last.lane_offset + last.count * lane_step == run.lane_offset &&
            last.broadcast_offset + last.count * row_step == run.broadcast_offset) {
            last.count += run.count;
            return count;
        }
    }
    runs[count] = run;
    return count + 1;
}

}  // namespace

std::int64_t list_runs(const plan::Conv2dProblem& p, const Place& out_place, const Place& in_place, LaneSide side,
                       std::int64_t r, std::int64_t c, Run* runs) {
    const Window &out = out_place.window, &in = in_place.window;
    const Range rows = plan::overlap(plan::valid_rows(p, r), {out.rows.begin, out.rows.begin + out.rows.count});
    const Range columns =
        plan::overlap(plan::valid_columns(p, c), {out.columns.begin, out.columns.begin + out.columns.count});
    if (rows.size() == 0 || columns.size() == 0) return 0;
    const bool lanes_out = side == LaneSide::grad_output;
    const std::int64_t in_step = p.stride_width / in.columns.step * in_place.column;
    const std::int64_t lane_step = lanes_out ? out_place.column : in_step;
    const std::int64_t row_step = lanes_out ? in_step : out_place.column;
    const std::int64_t in_row = p.stride_height / in.rows.step * in_place.row;
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < out.images; ++n) {
        const std::int64_t image = out.image_begin + n;
        std::int64_t from_out = out_place.offset(image, rows.begin, columns.begin);
        std::int64_t from_in = in_place.offset(image, p.input_row(rows.begin, r), p.input_column(columns.begin, c));
        for (std::int64_t y = rows.begin; y < rows.end; ++y, from_out += out_place.row, from_in += in_row) {
            const Run run{lanes_out ? from_out : from_in, lanes_out ? from_in : from_out, columns.size()};
            count = append(runs, count, run, lane_step, row_step);
        }
    }
    return count;
}

}  // namespace backgrad::ops
