// The workspace holds packed weights, at most 4 MiB per worker, and at most 8 MiB of partial sums.
#include "support/describe.hpp"
#include "support/square_layer.hpp"
#include "support/strategies.hpp"

#include <backgrad/conv2d.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

/// Layers of ResNet-50, VGG-16, LeNet and MobileNet.
std::vector<Conv2dShape> layers() {
    return {square_layer(16, 3, 224, 64, 7, 2),        square_layer(16, 64, 56, 64, 1, 1),
            square_layer(16, 64, 56, 64, 3, 1),        square_layer(16, 256, 56, 128, 1, 1),
            square_layer(16, 128, 56, 128, 3, 2),      square_layer(16, 256, 56, 512, 1, 2),
            square_layer(16, 1024, 14, 256, 1, 1),     square_layer(16, 512, 7, 512, 3, 1),
            square_layer(16, 2048, 7, 512, 1, 1),      square_layer(4, 3, 224, 64, 3, 1),
            square_layer(4, 64, 224, 64, 3, 1),        square_layer(4, 512, 28, 512, 3, 1),
            square_layer(256, 1, 28, 6, 5, 1),         square_layer(256, 6, 14, 16, 5, 1),
            square_layer(256, 400, 1, 120, 1, 1),      square_layer(16, 32, 112, 32, 3, 1, 32),
            square_layer(16, 512, 14, 512, 3, 1, 512), square_layer(16, 128, 56, 128, 3, 1, 32)};
}

/// Weights with the channels of each group rounded up to whole tiles.
template <class T>
std::int64_t packed_bytes(const Conv2dShape& s) {
    const std::int64_t in = (s.in_channels / s.groups + 15) / 16 * 16;
    return s.groups * (s.out_channels / s.groups) * in * s.kernel_height * s.kernel_width *
           static_cast<std::int64_t>(sizeof(T));
}

class Conv2dWorkspace : public testing::TestWithParam<Layout> {
protected:
    template <class T>
    static void check() {
        for (const Conv2dShape& shape : layers())
            for (const Isa isa : available_isas())
                for (const int threads : {1, 2, 16, 64}) {
                    const Conv2dBackwardOptions options{.layout = GetParam(),
                                                        .strategy = {.threads = threads, .isa = isa}};
                    const Conv2dBackward<T> plan(shape, options);
                    const std::int64_t limit = packed_bytes<T>(shape) + threads * 4 * mebibyte + 8 * mebibyte;
                    EXPECT_LE(static_cast<std::int64_t>(plan.workspace_bytes()), limit)
                        << describe(shape) << " " << describe(options);
                }
    }
};

TEST_P(Conv2dWorkspace, StaysWithinItsLimitInFloat) { check<float>(); }
TEST_P(Conv2dWorkspace, StaysWithinItsLimitInDouble) { check<double>(); }

INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dWorkspace, testing::Values(Layout::nchw, Layout::nhwc),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
