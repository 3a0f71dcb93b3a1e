#include "ops/conv2d_shapes.hpp"

#include "support/random.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>

namespace backgrad::test {
namespace {

using Sizes = std::initializer_list<std::int64_t>;

/// Channels and pixels with everything else at its default.
Conv2dShape image(std::int64_t batch, std::int64_t in, std::int64_t height, std::int64_t width, std::int64_t out) {
    return {.batch = batch, .in_channels = in, .in_height = height, .in_width = width, .out_channels = out};
}

Conv2dShape kernel(Conv2dShape shape, std::int64_t height, std::int64_t width) {
    shape.kernel_height = height;
    shape.kernel_width = width;
    return shape;
}

Conv2dShape stride(Conv2dShape shape, std::int64_t height, std::int64_t width) {
    shape.stride_height = height;
    shape.stride_width = width;
    return shape;
}

Conv2dShape padding(Conv2dShape shape, std::int64_t top, std::int64_t bottom, std::int64_t left, std::int64_t right) {
    shape.padding_top = top;
    shape.padding_bottom = bottom;
    shape.padding_left = left;
    shape.padding_right = right;
    return shape;
}

Conv2dShape padding(const Conv2dShape& shape, std::int64_t all) { return padding(shape, all, all, all, all); }

Conv2dShape dilation(Conv2dShape shape, std::int64_t height, std::int64_t width) {
    shape.dilation_height = height;
    shape.dilation_width = width;
    return shape;
}

Conv2dShape groups(Conv2dShape shape, std::int64_t count) {
    shape.groups = count;
    return shape;
}

Conv2dShape output(Conv2dShape shape, std::int64_t height, std::int64_t width) {
    shape.out_height = height;
    shape.out_width = width;
    return shape;
}

/// Channel counts around the vector widths, with and without reuse by a kernel.
ShapeFamily channel_tails(const std::string& name, std::int64_t size, std::int64_t height, std::int64_t width) {
    ShapeFamily family{name, {}};
    for (const std::int64_t in : Sizes{1, 3, 15, 16, 17})
        for (const std::int64_t out : Sizes{1, 3, 15, 16, 17})
            family.shapes.push_back(padding(kernel(image(2, in, height, width, out), size, size), size / 2));
    return family;
}

ShapeFamily many_channels() {
    // 184 channels are 23 vectors of 8, which fall into unequal blocks.
    ShapeFamily family{"many_channels", {padding(stride(kernel(image(3, 184, 29, 28, 1), 2, 3), 4, 4), 20, 1, 0, 20)}};
    for (const std::int64_t in : Sizes{31, 33, 64})
        for (const std::int64_t out : Sizes{32, 47, 65}) family.shapes.push_back(kernel(image(1, in, 5, 4, out), 3, 3));
    for (const std::int64_t in : Sizes{48, 130, 257}) {
        family.shapes.push_back(image(2, in, 4, 7, 96));
        family.shapes.push_back(image(1, 24, 7, 5, in));
        family.shapes.push_back(padding(kernel(image(1, in, 3, 3, 33), 3, 3), 1));
    }
    // Several blocks of output channels, whose weights are packed for one block of pixels or for several.
    family.shapes.push_back(padding(kernel(image(3, 64, 5, 6, 130), 3, 3), 1));
    family.shapes.push_back(padding(stride(kernel(image(2, 40, 7, 6, 150), 3, 3), 2, 2), 1));
    family.shapes.push_back(groups(padding(kernel(image(2, 96, 5, 5, 140), 3, 3), 1), 2));
    family.shapes.push_back(padding(kernel(image(5, 47, 4, 4, 129), 2, 4), 0, 1, 2, 0));
    // Pixels of a multiple of 256 channels lie further apart in panels.
    family.shapes.push_back(padding(kernel(image(2, 33, 5, 6, 256), 3, 3), 1));
    family.shapes.push_back(padding(kernel(image(1, 9, 2, 131, 244), 1, 3), 1));
    return family;
}

/// Batches of images that are small beside their kernels: the same pixel of several images shares register tiles.
ShapeFamily small_images() {
    const auto padded = [](Conv2dShape shape, std::int64_t size) {
        return padding(kernel(shape, size, size), size / 2);
    };
    ShapeFamily family{
        "small_images",
        {padded(image(9, 33, 4, 5, 70), 3), padded(image(33, 17, 3, 3, 9), 3), padded(image(5, 24, 7, 6, 20), 7),
         padded(image(16, 130, 2, 2, 40), 3), padded(image(4, 20, 5, 4, 1), 3), padded(image(7, 16, 1, 6, 64), 5),
         stride(padded(image(11, 40, 6, 7, 33), 3), 2, 2), stride(padded(image(6, 18, 5, 5, 65), 5), 3, 2),
         groups(padded(image(8, 48, 4, 4, 96), 3), 2), groups(padded(image(19, 60, 3, 4, 40), 3), 4),
         padding(kernel(image(13, 31, 5, 3, 47), 2, 4), 0, 1, 2, 0),
         padding(dilation(kernel(image(10, 34, 6, 5, 35), 3, 3), 3, 4), 3, 3, 4, 4),
         padding(kernel(image(6, 36, 4, 4, 300), 4, 4), 3)}};
    return family;
}

ShapeFamily kernels() {
    ShapeFamily family{"kernels", {}};
    const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{{1, 7}, {7, 1}, {2, 3}, {5, 5}, {7, 7},   {4, 4},
                                                                   {1, 3}, {3, 1}, {6, 2}, {2, 2}, {11, 11}, {1, 2}};
    for (const auto& [height, width] : sizes) {
        const Conv2dShape one = kernel(image(1, 5, 12, 13, 6), height, width);
        family.shapes.push_back(one);
        family.shapes.push_back(padding(stride(one, 2, 2), height / 2, height / 2, width / 2, width / 2));
    }
    return family;
}

/// Kernels that only fit, or do not even fit, with padding.
ShapeFamily large_kernels() {
    ShapeFamily family{"large_kernels", {}};
    for (const std::int64_t size : Sizes{3, 4, 5, 7, 9})
        for (const std::int64_t pixels : Sizes{1, 2, 3}) {
            const Conv2dShape one = kernel(image(2, 3, pixels, pixels + 1, 4), size, size);
            family.shapes.push_back(padding(one, size / 2));
            family.shapes.push_back(padding(one, size - 1));
        }
    family.shapes.push_back(padding(kernel(image(1, 17, 2, 2, 18), 5, 5), 4));
    family.shapes.push_back(padding(kernel(image(1, 16, 1, 1, 16), 3, 3), 1));
    return family;
}

/// Begin and end differ, also where one side alone reaches past the kernel.
ShapeFamily paddings() {
    ShapeFamily family{"paddings", {}};
    for (const std::int64_t top : Sizes{0, 1, 3})
        for (const std::int64_t bottom : Sizes{0, 2})
            for (const std::int64_t left : Sizes{0, 1, 4})
                for (const std::int64_t right : Sizes{0, 3})
                    family.shapes.push_back(padding(kernel(image(1, 3, 5, 6, 5), 3, 3), top, bottom, left, right));
    family.shapes.push_back(padding(image(1, 4, 3, 3, 4), 2));
    family.shapes.push_back(padding(stride(image(1, 4, 3, 3, 4), 2, 2), 1, 2, 2, 1));
    return family;
}

/// More padding than the kernel reaches over: windows that see nothing, and rows that lie far from their windows.
ShapeFamily deep_padding() {
    return {"deep_padding",
            {padding(image(1, 1, 1, 294, 1), 20, 0, 0, 3), padding(image(2, 5, 3, 40, 7), 9, 11, 10, 13),
             groups(padding(dilation(kernel(image(1, 16, 10, 163, 16), 5, 1), 1, 2), 20, 1, 20, 3), 16),
             groups(padding(stride(image(1, 17, 26, 163, 17), 1, 4), 3, 1, 3, 1), 17),
             groups(padding(stride(image(3, 17, 16, 243, 17), 7, 1), 20, 2, 20, 0), 17),
             groups(padding(stride(kernel(image(2, 9, 7, 30, 9), 3, 3), 2, 2), 15, 14, 13, 12), 9),
             padding(kernel(image(1, 17, 6, 7, 16), 3, 3), 12), padding(kernel(image(1, 2, 4, 60, 3), 2, 5), 8)}};
}

ShapeFamily strides() {
    ShapeFamily family{"strides", {}};
    for (const std::int64_t step : Sizes{2, 3, 4, 5})
        for (const std::int64_t size : Sizes{1, 2, 3, 5}) {
            family.shapes.push_back(stride(kernel(image(2, 4, 13, 14, 5), size, size), step, step));
            family.shapes.push_back(padding(stride(kernel(image(1, 17, 11, 10, 16), size, size), step, 1), size / 2));
        }
    for (const std::int64_t step : Sizes{2, 3}) family.shapes.push_back(stride(image(1, 64, 9, 9, 33), step, step));
    // Pixels of several images fill a vector together; more output channels than are packed at once.
    family.shapes.push_back(stride(image(9, 140, 7, 7, 150), 2, 2));
    family.shapes.push_back(stride(image(3, 20, 30, 31, 270), 2, 2));
    family.shapes.push_back(groups(stride(image(5, 32, 10, 9, 280), 2, 3), 2));
    return family;
}

/// Few input channels and many output channels, whose input gradients are summed per tap and folded.
ShapeFamily few_inputs() {
    ShapeFamily family{"few_inputs",
                       {padding(stride(kernel(image(2, 3, 47, 50, 64), 7, 7), 2, 2), 3),
                        stride(kernel(image(1, 2, 79, 83, 40), 11, 11), 4, 4),
                        padding(stride(kernel(image(1, 3, 40, 61, 33), 5, 4), 3, 3), 2, 1, 0, 3),
                        padding(dilation(kernel(image(1, 2, 30, 70, 48), 3, 3), 2, 3), 1, 2, 3, 0),
                        padding(stride(dilation(kernel(image(1, 1, 40, 90, 70), 3, 5), 3, 2), 2, 1), 4),
                        groups(padding(kernel(image(2, 4, 25, 70, 80), 3, 3), 1), 2),
                        padding(kernel(image(1, 1, 6, 120, 150), 3, 3), 9)}};
    for (const std::int64_t size : Sizes{2, 3, 5})
        for (const std::int64_t step : Sizes{1, 2})
            family.shapes.push_back(padding(stride(kernel(image(2, 3, 33, 48, 64), size, size), step, step), size / 2));
    return family;
}

/// Windows that do not overlap: patches, with or without rows and columns that none of them meets.
ShapeFamily windows_apart() {
    return {"windows_apart",
            {stride(kernel(image(2, 3, 32, 48, 20), 16, 16), 16, 16),
             stride(kernel(image(1, 3, 28, 224, 300), 14, 14), 14, 14),
             stride(kernel(image(1, 1, 66, 64, 9), 32, 32), 32, 32),
             stride(kernel(image(2, 5, 26, 24, 130), 13, 12), 13, 12),
             padding(stride(kernel(image(1, 3, 29, 32, 7), 4, 4), 4, 4), 2, 1, 0, 0),
             padding(stride(kernel(image(1, 2, 48, 47, 6), 17, 16), 17, 16), 3, 0, 1, 0),
             stride(kernel(image(2, 17, 8, 10, 18), 2, 2), 3, 2), stride(kernel(image(2, 6, 1, 30, 5), 1, 3), 1, 3),
             stride(dilation(kernel(image(1, 4, 40, 42, 3), 8, 7), 1, 2), 8, 14),
             groups(stride(kernel(image(1, 6, 16, 16, 4), 4, 4), 4, 4), 2)}};
}

ShapeFamily dilations() {
    ShapeFamily family{"dilations", {}};
    for (const std::int64_t rate : Sizes{2, 3, 4})
        for (const std::int64_t step : Sizes{1, 2, 3}) {
            family.shapes.push_back(
                padding(stride(dilation(kernel(image(1, 6, 13, 12, 7), 3, 3), rate, rate), step, step), rate));
            family.shapes.push_back(
                padding(stride(dilation(kernel(image(2, 3, 15, 17, 2), 2, 4), rate, 2), 1, step), 1));
        }
    return family;
}

ShapeFamily grouped() {
    ShapeFamily family{"groups", {}};
    for (const std::int64_t count : Sizes{2, 3, 4, 8})
        for (const std::int64_t in : Sizes{1, 2, 4, 17})
            for (const std::int64_t out : Sizes{1, 3, 16})
                family.shapes.push_back(
                    groups(padding(kernel(image(1, count * in, 5, 6, count * out), 3, 3), 1), count));
    family.shapes.push_back(groups(image(2, 32, 6, 6, 64), 4));
    family.shapes.push_back(groups(stride(image(2, 30, 6, 6, 20), 2, 2), 10));
    return family;
}

ShapeFamily depthwise() {
    ShapeFamily family{"depthwise", {}};
    for (const std::int64_t channels : Sizes{1, 3, 8, 15, 16, 17, 33, 48})
        for (const std::int64_t size : Sizes{3, 5, 7})
            for (const std::int64_t step : Sizes{1, 2})
                family.shapes.push_back(groups(
                    padding(stride(kernel(image(2, channels, 9, 11, channels), size, size), step, step), size / 2),
                    channels));
    // Rows around one vector of 16 or 8 columns, its half and several vectors; images that are paired or left over.
    for (const std::int64_t width : Sizes{1, 4, 7, 8, 9, 14, 16, 17, 29, 33, 61})
        for (const std::int64_t step : Sizes{1, 2})
            family.shapes.push_back(groups(padding(stride(kernel(image(3, 5, 6, width, 5), 3, 3), step, step), 1), 5));
    family.shapes.push_back(groups(padding(kernel(image(3, 2, 1, 5, 2), 1, 7), 0, 0, 3, 3), 2));
    family.shapes.push_back(groups(padding(stride(kernel(image(4, 3, 40, 6, 3), 5, 1), 2, 2), 2, 2, 0, 0), 3));
    family.shapes.push_back(groups(stride(image(2, 17, 7, 20, 17), 2, 2), 17));
    family.shapes.push_back(groups(padding(kernel(image(2, 1, 120, 40, 1), 3, 3), 1), 1));
    family.shapes.push_back(groups(padding(kernel(image(1, 16, 20, 40, 16), 5, 5), 2), 16));
    family.shapes.push_back(groups(padding(dilation(kernel(image(1, 9, 14, 14, 9), 3, 3), 2, 3), 1, 2, 3, 0), 9));
    family.shapes.push_back(groups(padding(kernel(image(1, 6, 8, 8, 12), 3, 3), 1), 6));
    family.shapes.push_back(groups(padding(stride(kernel(image(1, 5, 8, 9, 15), 5, 5), 2, 1), 2), 5));
    return family;
}

/// Groups of few channels, which share a vector or fill one, depending on the ISA and the type, and of more: whole and
/// partial vectors of them, kernels whose sums are taken in one part or in several, and segments of many pixels.
ShapeFamily narrow_groups() {
    ShapeFamily family{"narrow_groups", {}};
    for (const std::int64_t channels : Sizes{2, 4, 8, 16})
        for (const std::int64_t count : Sizes{1, 3, 8, 13}) {
            const std::int64_t all = channels * count;
            const Conv2dShape one = groups(padding(kernel(image(2, all, 7, 9, all), 3, 3), 1), count);
            family.shapes.push_back(one);
            family.shapes.push_back(stride(one, 2, 2));
        }
    for (const std::int64_t channels : Sizes{4, 8}) {
        const Conv2dShape one = groups(image(1, 24, 12, 11, 24), 24 / channels);
        family.shapes.push_back(padding(kernel(one, 5, 5), 2));
        family.shapes.push_back(padding(kernel(one, 1, 7), 0, 0, 3, 2));
        family.shapes.push_back(kernel(one, 7, 1));
        family.shapes.push_back(padding(stride(dilation(kernel(one, 3, 4), 2, 3), 3, 2), 4));
        family.shapes.push_back(padding(kernel(one, 2, 2), 7));
        family.shapes.push_back(stride(kernel(one, 2, 2), 3, 3));
    }
    family.shapes.push_back(groups(padding(kernel(image(2, 32, 40, 33, 32), 3, 3), 1), 8));
    family.shapes.push_back(groups(padding(kernel(image(70, 16, 5, 5, 16), 3, 3), 1), 4));
    return family;
}

/// Nothing to do, or hardly anything.
ShapeFamily tiny() {
    ShapeFamily family{
        "tiny",
        {image(1, 1, 1, 1, 1), image(3, 16, 1, 1, 17), image(33, 20, 1, 1, 10), image(0, 3, 4, 4, 5),
         image(2, 0, 4, 4, 5), image(2, 3, 4, 4, 0), image(2, 3, 0, 4, 5), image(2, 3, 4, 0, 5), image(0, 0, 0, 0, 0),
         kernel(image(1, 3, 2, 2, 4), 3, 3), kernel(image(2, 16, 2, 9, 16), 3, 3), kernel(image(1, 2, 3, 3, 2), 3, 3),
         padding(image(1, 2, 0, 0, 3), 1), padding(kernel(image(2, 3, 0, 5, 4), 3, 3), 1),
         stride(image(1, 4, 2, 2, 4), 7, 7), groups(padding(kernel(image(1, 2, 3, 0, 2), 3, 3), 2), 2),
         groups(padding(kernel(image(1, 32, 3, 0, 32), 5, 5), 3), 32)}};
    return family;
}

/// Long rows, single rows and columns, and sums of more than one segment.
ShapeFamily wide() {
    return {"wide",
            {image(1, 3, 1, 300, 4), kernel(image(1, 2, 1, 517, 3), 1, 5), kernel(image(1, 2, 413, 1, 3), 4, 1),
             padding(kernel(image(1, 1, 3, 1100, 2), 3, 3), 1), padding(kernel(image(1, 9, 3, 510, 10), 3, 3), 1),
             padding(stride(kernel(image(1, 5, 4, 1013, 6), 3, 3), 2, 2), 1),
             padding(stride(kernel(image(1, 3, 40, 41, 6), 7, 7), 2, 2), 3),
             padding(kernel(image(1, 1, 64, 65, 2), 3, 3), 1), padding(kernel(image(1, 16, 33, 35, 17), 3, 3), 1),
             image(5, 16, 23, 19, 16), image(70, 3, 5, 5, 4), padding(kernel(image(9, 4, 16, 16, 3), 3, 3), 1),
             groups(padding(kernel(image(3, 8, 40, 30, 8), 3, 3), 1), 8),
             groups(padding(kernel(image(2, 20, 40, 41, 20), 3, 3), 1), 20), stride(image(2, 5, 50, 49, 7), 2, 3),
             padding(kernel(image(1, 3, 100, 100, 1), 5, 5), 2), kernel(image(1, 1, 28, 28, 6), 5, 5),
             stride(kernel(image(1, 3, 63, 63, 8), 11, 11), 4, 4)}};
}

/// Kernels of one row or column, whose borders meet only one axis, and strided ones of one tap beside many channels.
ShapeFamily flat_kernels() {
    const Conv2dShape wide = image(2, 40, 17, 23, 36), tall = image(2, 40, 23, 17, 36);
    return {
        "flat_kernels",
        {kernel(wide, 1, 7), kernel(tall, 7, 1), padding(kernel(wide, 1, 7), 0, 0, 3, 2), kernel(tall, 1, 5),
         stride(kernel(wide, 1, 7), 2, 1), stride(kernel(wide, 1, 7), 1, 3), dilation(kernel(wide, 1, 5), 1, 2),
         padding(kernel(wide, 2, 6), 1, 0, 0, 1), groups(kernel(wide, 1, 7), 2), kernel(image(1, 17, 1, 19, 20), 1, 7),
         kernel(image(1, 40, 120, 12, 40), 2, 5), kernel(image(1, 33, 40, 9, 130), 1, 4),
         stride(image(3, 20, 15, 14, 130), 2, 2), stride(image(7, 37, 8, 13, 260), 1, 3)}};
}

/// Few output channels of many input channels, where the operands of the weight gradient may change places.
ShapeFamily few_outputs() {
    return {
        "few_outputs",
        {padding(kernel(image(2, 24, 20, 33, 1), 5, 5), 2), padding(kernel(image(2, 17, 30, 64, 2), 3, 3), 1),
         kernel(image(1, 20, 19, 50, 1), 3, 3), padding(kernel(image(1, 16, 12, 48, 1), 2, 4), 3),
         groups(padding(dilation(kernel(image(2, 40, 18, 37, 2), 3, 3), 2, 2), 2), 2),
         padding(kernel(image(3, 12, 16, 16, 1), 3, 3), 0, 2, 2, 1), padding(kernel(image(9, 9, 40, 40, 1), 3, 1), 1)}};
}

/// About the products that the oracle adds for a shape.
std::int64_t oracle_terms(const Conv2dShape& s) {
    const std::int64_t pixels = (s.in_height + s.padding_top + s.padding_bottom) / s.stride_height *
                                ((s.in_width + s.padding_left + s.padding_right) / s.stride_width);
    return s.batch * pixels * s.out_channels * s.in_channels / s.groups * s.kernel_height * s.kernel_width;
}

/// Anything that is legal, with up to `channels` channels per group, and small enough for the oracle.
ShapeFamily random_family(const std::string& name, std::int64_t channels, std::size_t count) {
    ShapeFamily family{name, {}};
    std::mt19937_64 random(seed_of(family.name));
    while (family.shapes.size() < count) {
        const std::int64_t parts = below(random, 3) == 0 ? between(random, 2, 5) : 1;
        Conv2dShape shape = image(between(random, 1, 3), parts * between(random, 1, channels), between(random, 1, 14),
                                  between(random, 1, 40), parts * between(random, 1, channels));
        shape = kernel(shape, between(random, 1, 5), between(random, 1, 5));
        shape = stride(shape, between(random, 1, 3), between(random, 1, 3));
        shape = dilation(shape, between(random, 1, 3), between(random, 1, 3));
        shape = padding(shape, below(random, 5), below(random, 5), below(random, 5), below(random, 5));
        shape.groups = parts;
        if (oracle_terms(shape) <= 5'000'000) family.shapes.push_back(shape);
    }
    return family;
}

}  // namespace

std::vector<ShapeFamily> conv2d_families() {
    std::vector<ShapeFamily> families{channel_tails("channels_3x3", 3, 6, 7),
                                      channel_tails("channels_1x1", 1, 5, 9),
                                      many_channels(),
                                      small_images(),
                                      kernels(),
                                      large_kernels(),
                                      paddings(),
                                      deep_padding(),
                                      strides(),
                                      few_inputs(),
                                      windows_apart(),
                                      dilations(),
                                      grouped(),
                                      depthwise(),
                                      narrow_groups(),
                                      tiny(),
                                      wide(),
                                      flat_kernels(),
                                      few_outputs()};
    for (const char* index : {"0", "1", "2", "3", "4", "5"})
        families.push_back(random_family(std::string("random_") + index, 20, 20));
    for (const char* index : {"0", "1", "2"})
        families.push_back(random_family(std::string("random_channels_") + index, 200, 8));
    return families;
}

std::vector<Conv2dShape> rotated_kernel_shapes() {
    return {image(1, 3, 4, 5, 4),
            kernel(image(2, 3, 7, 8, 4), 3, 3),
            kernel(image(1, 16, 9, 9, 17), 3, 3),
            kernel(image(1, 1, 28, 28, 6), 5, 5),
            kernel(image(1, 5, 8, 9, 7), 2, 4),
            stride(kernel(image(2, 4, 9, 11, 3), 3, 3), 2, 2),
            kernel(image(2, 2, 20, 67, 64), 4, 3),
            stride(kernel(image(1, 17, 10, 10, 16), 2, 2), 3, 3),
            output(kernel(image(1, 2, 8, 8, 2), 3, 3), 8, 8),
            output(stride(kernel(image(2, 17, 8, 8, 16), 3, 3), 2, 2), 4, 4),
            output(stride(image(3, 16, 6, 6, 5), 2, 2), 5, 9),
            stride(kernel(image(2, 3, 8, 12, 5), 4, 4), 4, 4),
            kernel(image(1, 1, 7, 9, 1), 3, 3),
            output(kernel(image(1, 3, 2, 2, 4), 3, 3), 2, 2),
            output(groups(kernel(image(1, 6, 6, 7, 6), 3, 3), 6), 6, 7),
            groups(kernel(image(2, 24, 6, 7, 24), 3, 2), 6)};
}

std::vector<Conv2dShape> layer_kinds() {
    return {padding(kernel(image(2, 64, 14, 14, 64), 3, 3), 1),
            padding(kernel(image(1, 33, 19, 23, 50), 3, 3), 1),
            image(2, 64, 12, 13, 96),
            stride(image(1, 65, 15, 15, 48), 2, 2),
            padding(stride(kernel(image(1, 3, 45, 45, 16), 7, 7), 2, 2), 3),
            groups(padding(stride(kernel(image(2, 4, 33, 50, 128), 7, 7), 2, 2), 3), 2),
            kernel(image(4, 1, 28, 28, 6), 5, 5),
            padding(kernel(image(3, 3, 40, 56, 64), 3, 3), 1),
            padding(kernel(image(1, 32, 24, 24, 1), 5, 5), 2),
            padding(stride(kernel(image(1, 24, 21, 20, 40), 3, 3), 2, 2), 1),
            padding(dilation(kernel(image(1, 20, 20, 21, 20), 3, 3), 2, 2), 2),
            groups(padding(kernel(image(2, 32, 14, 14, 32), 3, 3), 1), 8),
            groups(padding(stride(kernel(image(2, 24, 15, 17, 24), 3, 3), 2, 2), 1), 3),
            groups(padding(kernel(image(2, 32, 9, 9, 32), 3, 3), 1), 2),
            groups(padding(kernel(image(2, 40, 28, 28, 40), 5, 5), 2), 40),
            groups(padding(stride(kernel(image(2, 19, 29, 31, 19), 3, 3), 2, 2), 1), 19),
            groups(padding(kernel(image(3, 18, 23, 30, 18), 3, 3), 1), 18),
            groups(padding(kernel(image(5, 17, 7, 7, 17), 3, 3), 1), 17),
            image(300, 84, 1, 1, 10),
            padding(kernel(image(12, 48, 4, 5, 70), 3, 3), 1),
            groups(padding(stride(kernel(image(6, 64, 6, 5, 48), 3, 3), 2, 2), 1), 2),
            padding(kernel(image(3, 4, 60, 61, 4), 3, 3), 1)};
}

std::vector<Conv2dShape> shapes_of_lines() {
    return {padding(kernel(image(2, 64, 16, 32, 1), 3, 3), 1),
            padding(kernel(image(2, 48, 12, 16, 32), 3, 3), 1),
            padding(kernel(image(1, 20, 16, 48, 2), 3, 3), 1),
            stride(kernel(image(2, 32, 16, 16, 16), 3, 3), 2, 2),
            kernel(image(2, 32, 16, 32, 20), 1, 7),
            image(2, 64, 16, 16, 96),
            image(3, 32, 12, 16, 300),
            padding(kernel(image(9, 64, 4, 4, 40), 3, 3), 1),
            groups(padding(kernel(image(8, 64, 4, 5, 130), 3, 3), 1), 2),
            image(2, 40, 7, 9, 33),
            groups(padding(kernel(image(2, 64, 9, 16, 32), 3, 3), 1), 2),
            groups(padding(kernel(image(2, 64, 9, 16, 64), 3, 3), 1), 16),
            groups(padding(kernel(image(2, 48, 14, 16, 48), 5, 5), 2), 48),
            groups(padding(stride(kernel(image(2, 48, 16, 16, 48), 3, 3), 2, 2), 1), 48),
            groups(padding(kernel(image(3, 18, 14, 17, 18), 3, 3), 1), 18),
            groups(padding(kernel(image(2, 19, 57, 59, 19), 3, 3), 1), 19),
            groups(padding(stride(kernel(image(2, 17, 71, 69, 17), 3, 3), 2, 2), 1), 17),
            groups(padding(kernel(image(1, 16, 33, 140, 16), 1, 7), 0, 0, 3, 3), 16)};
}

}  // namespace backgrad::test
