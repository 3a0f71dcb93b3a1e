#include "plan/pool2d_plan.hpp"

namespace backgrad::plan {
namespace {

/// Channels from which on a pixel fills vectors.
constexpr std::int64_t many_channels = 16;

bool meets_no_other(const Pool2dAxis& axis) { return axis.dilation == 1 && axis.window <= axis.stride; }

bool is_pair(const Pool2dAxis& axis) {
    return axis.window == 2 && axis.stride == 2 && axis.dilation == 1 && axis.padding == 0 && axis.out == axis.in / 2;
}

bool covers_all(const Pool2dAxis& axis) { return axis.out == 1 && axis.dilation == 1 && axis.cells(0) == axis.in; }

}  // namespace

Pool2dSimpleWindows simple_windows(const Pool2dShape& shape, Layout layout, Pool2dReads reads) {
    const Pool2dAxis height = height_axis(shape), width = width_axis(shape);
    if (shape.in_height == 0 || shape.in_width == 0 || height.out <= 0 || width.out <= 0) {
        return Pool2dSimpleWindows::none;
    }
    if (layout == Layout::nchw) {
        if (covers_all(height) && covers_all(width)) return Pool2dSimpleWindows::whole_plane;
        return is_pair(height) && is_pair(width) ? Pool2dSimpleWindows::pairs : Pool2dSimpleWindows::none;
    }
    const bool separate = (meets_no_other(height) || height.out == 1) && (meets_no_other(width) || width.out == 1) &&
                          height.dilation == 1 && width.dilation == 1;
    return separate && reads == Pool2dReads::input && shape.channels >= many_channels ? Pool2dSimpleWindows::separate
                                                                                      : Pool2dSimpleWindows::none;
}

}  // namespace backgrad::plan
