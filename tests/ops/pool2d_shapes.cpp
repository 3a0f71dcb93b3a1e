#include "ops/pool2d_shapes.hpp"

#include "support/random.hpp"
#include "support/strategies.hpp"

#include <sstream>

namespace backgrad::test {

Pool2dShape square(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width,
                   std::int64_t window, std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
    return {batch,  channels, height,  width,   window,  window,   stride,
            stride, padding,  padding, padding, padding, dilation, dilation};
}

namespace {

/// Random legal shapes, the same on every machine.
void add_random(std::vector<Pool2dShape>& shapes, int count) {
    std::mt19937_64 random(2);
    while (count > 0) {
        const std::int64_t window_height = between(random, 1, 5), window_width = between(random, 1, 7);
        const std::int64_t dilation_height = below(random, 4) == 0 ? between(random, 1, 3) : 1;
        const std::int64_t dilation_width = below(random, 4) == 0 ? between(random, 1, 3) : 1;
        const std::int64_t reach_height = (window_height - 1) * dilation_height;
        const std::int64_t reach_width = (window_width - 1) * dilation_width;
        shapes.push_back({.batch = between(random, 1, 2),
                          .channels = between(random, 1, 35),
                          .in_height = between(random, 1, 12),
                          .in_width = between(random, 1, 40),
                          .window_height = window_height,
                          .window_width = window_width,
                          .stride_height = between(random, 1, 4),
                          .stride_width = between(random, 1, 4),
                          .padding_top = between(random, 0, reach_height),
                          .padding_bottom = between(random, 0, reach_height),
                          .padding_left = between(random, 0, reach_width),
                          .padding_right = between(random, 0, reach_width),
                          .dilation_height = dilation_height,
                          .dilation_width = dilation_width});
        --count;
    }
}

}  // namespace

std::vector<Pool2dShape> pool2d_shapes() {
    std::vector<Pool2dShape> shapes{
        square(2, 6, 28, 28, 2, 2, 0),    // LeNet
        square(1, 3, 112, 112, 3, 2, 1),  // ResNet stem
        square(2, 2, 15, 67, 2, 2, 0),    // pairs, and a row and a column without a window
        square(2, 3, 10, 10, 2, 2, 0),
        square(2, 37, 9, 12, 2, 2, 0),
        square(5, 3, 10, 15, 2, 2, 0),   // two images at once, and one left
        square(1, 3, 13, 13, 13, 1, 0),  // one window
        square(1, 66, 5, 5, 5, 1, 0),
        square(1, 83, 29, 6, 3, 1, 1),  // bands of rows, blocks of channels
        square(1, 200, 30, 30, 3, 2, 1),
        square(2, 35, 17, 13, 4, 5, 1),  // windows that do not meet, and gaps
        square(1, 3, 56, 56, 2, 2, 0),   // VGG
        square(1, 64, 6, 18, 2, 2, 0),   // whole tiles of long pixels
        square(1, 128, 5, 17, 2, 1, 0),
        square(1, 64, 7, 19, 3, 1, 1),
        square(1, 128, 7, 18, 3, 3, 0),
        square(1, 20, 9, 22, 5, 1, 2),
        square(1, 33, 11, 23, 5, 2, 2),
        square(1, 17, 10, 21, 4, 2, 1),
        {.channels = 1,
         .in_height = 8,
         .in_width = 2400,  // a step exceeds the room of writers that collect rows
         .window_height = 3,
         .window_width = 3,
         .stride_height = 2,
         .stride_width = 2,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
        square(1, 5, 28, 28, 3, 1, 1),   // GoogLeNet
        square(1, 2, 55, 55, 3, 2, 0),   // AlexNet
        square(1, 12, 30, 70, 3, 1, 1),  // several blocks of rows
        square(1, 2, 30, 300, 3, 1, 1),
        square(1, 2, 30, 300, 3, 2, 1),
        square(3, 2, 21, 40, 3, 1, 2),  // strips: padding of all but one cell, either column phase first
        square(3, 2, 21, 41, 3, 2, 2),
        square(2, 3, 13, 50, 2, 1, 1),
        square(2, 17, 7, 7, 7, 1, 0),  // the whole plane
        square(1, 16, 14, 14, 3, 2, 0),
        square(1, 15, 9, 9, 2, 1, 0),
        square(1, 3, 5, 5, 2, 3, 0),  // elements that no window covers
        square(2, 5, 7, 7, 3, 1, 1),  // planes that share strips in pairs, and one left
        square(1, 4, 30, 8, 3, 1, 0),
        square(1, 3, 8, 8, 2, 1, 1),
        square(2, 3, 13, 13, 3, 2, 0),
        square(1, 5, 14, 16, 3, 2, 1),
        square(1, 2, 300, 7, 3, 1, 1),  // too high for that
        square(2, 5, 20, 20, 5, 1, 2),  // windows that are scattered in pairs of planes, and one left
        square(1, 3, 13, 13, 13, 1, 6),
        square(1, 2, 64, 64, 4, 2, 1),    // in one plane
        square(1, 2, 90, 83, 5, 2, 2),    // in blocks of rows
        square(1, 1, 60, 300, 4, 2, 1),   // in blocks of few rows
        square(1, 3, 9, 9, 3, 1, 2, 2),   // dilation
        square(1, 3, 9, 40, 2, 2, 1, 3),  // dilation with stride
        square(1, 1, 1, 1, 1, 1, 0),
        square(1, 2, 3, 3, 5, 1, 4),     // the window is larger than the input
        square(1, 2, 3, 3, 5, 1, 0),     // no window fits
        square(1, 2, 1, 1, 2, 1, 2, 2),  // windows of padding alone
        {.channels = 2, .in_height = 3, .in_width = 5000, .window_height = 2, .window_width = 2, .stride_width = 2},
        {.channels = 1, .in_height = 4, .in_width = 3000, .window_height = 3, .window_width = 3, .padding_left = 1},
        {.in_height = 2, .in_width = 12510, .window_width = 2, .dilation_width = 12500},  // too far for the scratch
        {.channels = 2, .in_height = 80, .in_width = 6, .window_height = 50, .window_width = 2},
        {.channels = 33, .in_height = 5, .in_width = 700, .window_height = 3, .window_width = 3, .stride_width = 2},
        square(2, 20, 9, 13, 4, 4, 0),      // pixels side by side under one window
        square(1, 1, 128, 128, 128, 1, 0),  // a whole plane that several tasks share
    };
    for (const std::int64_t channels : {1, 3, 15, 16, 17})
        for (const std::int64_t width : {1, 7, 8, 9, 15, 16, 17, 31, 33})
            shapes.push_back(square(1, channels, 6, width, 2 + channels % 2, 1 + width % 2, 1));
    add_random(shapes, small_scale() ? 40 : 300);
    return shapes;
}

std::string describe(const Pool2dShape& s) {
    std::ostringstream text;
    text << "n" << s.batch << " c" << s.channels << " " << s.in_height << "x" << s.in_width << " w" << s.window_height
         << "x" << s.window_width << " s" << s.stride_height << "x" << s.stride_width << " p" << s.padding_top << ","
         << s.padding_bottom << "x" << s.padding_left << "," << s.padding_right << " d" << s.dilation_height << "x"
         << s.dilation_width;
    return text.str();
}

}  // namespace backgrad::test
