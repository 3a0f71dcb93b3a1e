// Streaming stores are for tensors beyond the last-level cache. Small ones, asked for by hand, must come out bit for
// bit as with ordinary stores, whatever the alignment of grad_input and however the channels and rows are cut.
#include "isa/isa.hpp"
#include "ops/pool2d_gather.hpp"
#include "ops/pool2d_shapes.hpp"
#include "oracle/pool2d.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace backgrad::test {
namespace {

constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};

/// The whole of grad_input in two parts of channels, the first with `first` of them.
std::vector<kernels::Pool2dBox> boxes(std::int64_t batch, std::int64_t channels, std::int64_t height,
                                      std::int64_t first) {
    return {{0, batch, 0, first, 0, height}, {0, batch, first, channels, 0, height}};
}

/// grad_input at an address with the alignment of a cache line, or of an element.
struct Target {
    Target(std::int64_t elements, bool aligned) : values(elements, aligned ? 64 : 0) {}
    Guarded<float> values;
};

template <class Run>
void expect_same_bits(std::int64_t elements, const std::string& what, const Run& run) {
    Target plain(elements, true);
    run(plain.values.data(), false);
    for (const bool aligned : {true, false}) {
        Target streamed(elements, aligned);
        run(streamed.values.data(), true);
        EXPECT_TRUE(streamed.values.intact()) << what;
        ASSERT_EQ(std::memcmp(plain.values.data(), streamed.values.data(), plain.values.size() * sizeof(float)), 0)
            << what << (aligned ? " aligned" : " not aligned");
    }
}

void check_windows(const Pool2dShape& shape, Layout layout, Isa isa, std::int64_t first_channels) {
    std::mt19937_64 random(seed_of(describe(shape)));
    std::vector<float> input(oracle::input_tensor(shape, layout).elements());
    std::vector<float> grad_output(oracle::output_tensor(shape, layout).elements());
    fill_reals(input, random);
    fill_reals(grad_output, random);
    kernels::Pool2dTensors<float> tensors{};
    tensors.grad_output = grad_output.data();
    tensors.input = input.data();
    expect_same_bits(static_cast<std::int64_t>(input.size()), describe(shape), [&](float* to, bool streaming) {
        tensors.grad_input = to;
        const Pool2dGather<float> gather(shape, layout, plan::Pool2dReads::input, isa::table(isa).pool2d<float>(),
                                         {WriteMode::overwrite, streaming, true, false});
        for (const auto& box : boxes(shape.batch, shape.channels, shape.in_height, first_channels)) {
            gather.compute(tensors, box);
        }
    });
}

TEST(Pool2dStreaming, WindowsGiveTheBitsOfOrdinaryStores) {
    for (const Isa isa : available_isas()) {
        for (const Layout layout : layouts) {
            for (Pool2dShape shape : pool2d_shapes()) {
                if (shape.channels < 2) shape.channels = 48;
                check_windows(shape, layout, isa, shape.channels / 2);
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    }
}

TEST(Pool2dStreaming, GlobalAveragesGiveTheBitsOfOrdinaryStores) {
    for (const Isa isa : available_isas()) {
        for (const Layout layout : layouts) {
            for (const std::int64_t width : {1, 7, 8, 16, 100}) {
                for (const std::int64_t row : {0, 1, 2}) {
                    const auto& table = isa::table(isa).pool2d<float>();
                    kernels::Pool2dProblem problem{};
                    problem.channels = 48;
                    problem.in_height = 4;
                    problem.in_width = width;
                    const std::vector<float> grad_output{0.5F, 1.5F, -3.0F};
                    std::vector<float> gradients;
                    for (int k = 0; k < 2 * 48; ++k) gradients.push_back(grad_output[static_cast<std::size_t>(k % 3)]);
                    kernels::Pool2dTensors<float> tensors{};
                    tensors.grad_output = gradients.data();
                    tensors.reciprocal = 0.25F;
                    expect_same_bits(
                        2 * 48 * 4 * width, "width " + std::to_string(width), [&](float* to, bool streaming) {
                            problem.streaming = streaming;
                            tensors.grad_input = to;
                            const auto kernel =
                                layout == Layout::nchw ? table.global_average_nchw : table.global_average_nhwc;
                            for (const std::int64_t first : {0, 24}) {
                                kernel(problem, tensors, {0, 2, first, first + 24, 0, row});
                                kernel(problem, tensors, {0, 2, first, first + 24, row, 4});
                            }
                        });
                }
            }
        }
    }
}

}  // namespace
}  // namespace backgrad::test
