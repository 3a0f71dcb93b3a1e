// Streaming stores are for tensors that fill the last-level cache, and lines are asked for ahead beyond the near
// caches. Small tensors, for which this is asked by hand, must come out bit for bit as with ordinary stores, whatever
// the alignment of grad_input and however the channels and rows are cut.
#include "isa/isa.hpp"
#include "ops/pool2d_gather.hpp"
#include "ops/pool2d_reciprocals.hpp"
#include "ops/pool2d_shapes.hpp"
#include "oracle/pool2d.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

namespace backgrad::test {
namespace {

constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};

/// The whole of grad_input in two parts of channels, the first with `first` of them.
std::vector<kernels::Pool2dBox> boxes(std::int64_t batch, std::int64_t channels, std::int64_t height,
                                      std::int64_t first) {
    return {{0, batch, 0, first, 0, height}, {0, batch, first, channels, 0, height}};
}

/// The same in two bands of rows.
std::vector<kernels::Pool2dBox> bands(std::int64_t batch, std::int64_t channels, std::int64_t height,
                                      std::int64_t first) {
    return {{0, batch, 0, channels, 0, first}, {0, batch, 0, channels, first, height}};
}

/// grad_input at an address with the alignment of a cache line, or of an element.
template <class T>
struct Target {
    Target(std::int64_t elements, bool aligned) : values(elements, aligned ? 64 : 0) {}
    Guarded<T> values;
};

enum class Stores { ordinary, streaming, fetched, streaming_fetched };

bool streams(Stores stores) { return stores == Stores::streaming || stores == Stores::streaming_fetched; }
bool fetches(Stores stores) { return stores == Stores::fetched || stores == Stores::streaming_fetched; }

template <class T, class Run>
void expect_same_bits(std::int64_t elements, const std::string& what, const Run& run) {
    Target<T> plain(elements, true);
    run(plain.values.data(), Stores::ordinary);
    for (const Stores stores : {Stores::streaming, Stores::fetched, Stores::streaming_fetched}) {
        for (const bool aligned : {true, false}) {
            Target<T> target(elements, aligned);
            run(target.values.data(), stores);
            EXPECT_TRUE(target.values.intact()) << what;
            ASSERT_EQ(std::memcmp(plain.values.data(), target.values.data(), plain.values.size() * sizeof(T)), 0)
                << what << (aligned ? " aligned" : " not aligned") << (fetches(stores) ? ", fetched" : "");
        }
    }
}

template <class T>
void check_windows(const Pool2dShape& shape, Layout layout, Isa isa, plan::Pool2dReads reads,
                   const std::vector<kernels::Pool2dBox>& all) {
    const bool whole_planes = all.front().row_end == shape.in_height;
    std::mt19937_64 random(seed_of(describe(shape)));
    std::vector<T> input(oracle::input_tensor(shape, layout).elements());
    std::vector<T> grad_output(oracle::output_tensor(shape, layout).elements());
    fill_reals(input, random);
    fill_reals(grad_output, random);
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = grad_output.data();
    tensors.input = input.data();
    const auto offsets = oracle::max_pool2d_window_offsets(shape, layout, input.data());
    const auto cells = oracle::max_pool2d_plane_indices(shape, layout, input.data());
    tensors.window_offsets = offsets.data();
    tensors.plane_indices = cells.data();
    expect_same_bits<T>(static_cast<std::int64_t>(input.size()), describe(shape), [&](T* to, Stores stores) {
        tensors.grad_input = to;
        const Pool2dGather<T> gather(shape, layout, reads, isa::table(isa).pool2d<T>(),
                                     {WriteMode::overwrite, streams(stores), fetches(stores), whole_planes, false});
        Pool2dReciprocals<T> reciprocals(shape, AveragePadding::exclude);
        reciprocals.repeat(shape.out_width(), gather.planes_of_line(), gather.channels_of_line());
        tensors.reciprocals = reciprocals.rows();
        tensors.line_reciprocals = reciprocals.line();
        for (const auto& box : all) {
            gather.compute(tensors, box);
        }
    });
}

void check_all_windows(plan::Pool2dReads reads) {
    for (const Isa isa : available_isas()) {
        for (const Layout layout : layouts) {
            for (Pool2dShape shape : pool2d_shapes()) {
                if (shape.channels < 2) shape.channels = 48;
                check_windows<float>(shape, layout, isa, reads,
                                     boxes(shape.batch, shape.channels, shape.in_height, shape.channels / 2));
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    }
}

TEST(Pool2dStreaming, AveragesGiveTheBitsOfOrdinaryStores) { check_all_windows(plan::Pool2dReads::nothing); }

TEST(Pool2dStreaming, MaximaFromTheInputGiveTheBitsOfOrdinaryStores) { check_all_windows(plan::Pool2dReads::input); }

TEST(Pool2dStreaming, MaximaFromIndicesGiveTheBitsOfOrdinaryStores) {
    check_all_windows(plan::Pool2dReads::plane_indices);
}

TEST(Pool2dStreaming, MaximaFromOffsetsGiveTheBitsOfOrdinaryStores) {
    check_all_windows(plan::Pool2dReads::window_offsets);
}

/// Rows of strips that are whole cache lines skip the buffer; the last strip may begin inside the one before it.
TEST(Pool2dStreaming, StripsOfWholeLinesGiveTheBitsOfOrdinaryStores) {
    for (const Isa isa : available_isas())
        for (const std::int64_t width : {16, 32, 48, 112})
            for (const auto& [window, stride] : {std::pair{3, 2}, std::pair{3, 1}, std::pair{2, 1}})
                for (const plan::Pool2dReads reads :
                     {plan::Pool2dReads::nothing, plan::Pool2dReads::input, plan::Pool2dReads::plane_indices,
                      plan::Pool2dReads::window_offsets}) {
                    const Pool2dShape shape = square(2, 4, 21, width, window, stride, 1);
                    check_windows<float>(shape, Layout::nchw, isa, reads, bands(2, 4, 21, 7));
                    check_windows<double>(shape, Layout::nchw, isa, reads, bands(2, 4, 21, 10));
                    if (testing::Test::HasFatalFailure()) return;
                }
}

/// Of `channels` channels, in two parts if `first` of them are fewer.
void check_global_averages(Isa isa, Layout layout, std::int64_t channels, std::int64_t first, std::int64_t width,
                           std::int64_t row) {
    const auto& table = isa::table(isa).pool2d<float>();
    kernels::Pool2dProblem problem{};
    problem.channels = channels;
    problem.in_height = 4;
    problem.in_width = width;
    const std::vector<float> grad_output{0.5F, 1.5F, -3.0F};
    std::vector<float> gradients;
    for (std::int64_t k = 0; k < 2 * channels; ++k) gradients.push_back(grad_output[static_cast<std::size_t>(k % 3)]);
    kernels::Pool2dTensors<float> tensors{};
    tensors.grad_output = gradients.data();
    tensors.reciprocal = 0.25F;
    expect_same_bits<float>(2 * channels * 4 * width, "width " + std::to_string(width), [&](float* to, Stores stores) {
        problem.streaming = streams(stores);
        tensors.grad_input = to;
        const auto kernel = layout == Layout::nchw ? table.global_average_nchw : table.global_average_nhwc;
        for (std::int64_t begin = 0; begin < channels; begin += first) {
            kernel(problem, tensors, {0, 2, begin, begin + first, 0, row});
            kernel(problem, tensors, {0, 2, begin, begin + first, row, 4});
        }
    });
}

TEST(Pool2dStreaming, GlobalAveragesGiveTheBitsOfOrdinaryStores) {
    for (const Isa isa : available_isas()) {
        for (const Layout layout : layouts) {
            for (const std::int64_t width : {1, 7, 8, 16, 100}) {
                for (const std::int64_t row : {0, 1, 2}) {
                    check_global_averages(isa, layout, 48, 24, width, row);
                    check_global_averages(isa, layout, 48, 48, width, row);
                    check_global_averages(isa, layout, 7, 7, width, row);
                }
            }
        }
    }
}

}  // namespace
}  // namespace backgrad::test
