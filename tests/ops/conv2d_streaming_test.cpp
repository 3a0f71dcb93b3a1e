// Streaming stores are for tensors beyond the last-level cache. Small ones, asked for by hand, must come out bit for
// bit as with ordinary stores, wherever the tensors begin.
#include "ops/conv2d_planned.hpp"
#include "ops/conv2d_shapes.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>

namespace backgrad::test {
namespace {

class Conv2dStreaming : public testing::TestWithParam<std::tuple<Layout, WriteMode>> {
protected:
    template <class T>
    static void check(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
        SCOPED_TRACE(describe(shape) + " " + describe(options));
        Conv2dBuffers<T> buffers(shape, options);
        std::mt19937_64 random(seed_of(describe(shape)));
        buffers.fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, random); });
        const auto elements = static_cast<std::int64_t>(buffers.input.size());
        Guarded<T> ordinary(elements);
        compute(shape, options, buffers, ordinary, false);
        constexpr std::size_t cache_line = 64;
        for (const std::size_t alignment : {cache_line, std::size_t{0}}) {
            Guarded<T> streamed(elements, alignment);
            compute(shape, options, buffers, streamed, true);
            EXPECT_TRUE(same_bits(ordinary, streamed)) << "alignment " << alignment;
        }
    }

private:
    template <class T>
    static void compute(const Conv2dShape& shape, const Conv2dBackwardOptions& options, Conv2dBuffers<T>& buffers,
                        Guarded<T>& grad_input, bool streaming) {
        ops::PlannedConv2d<T> plan(shape, options);
        plan.set_streaming(streaming);
        GuardedWorkspace workspace(plan.workspace_bytes());
        Conv2dBackwardArguments<T> arguments = buffers.arguments(options.gradients);
        arguments.grad_input = grad_input.data();
        if (options.grad_input_mode == WriteMode::accumulate) std::fill(grad_input.begin(), grad_input.end(), T(1));
        plan.execute(arguments, workspace.data());
        EXPECT_TRUE(workspace.intact()) << "written past the workspace";
        EXPECT_TRUE(grad_input.intact()) << "written past grad_input";
    }
};

TEST_P(Conv2dStreaming, GivesTheBitsOfOrdinaryStores) {
    const auto [layout, mode] = GetParam();
    for (const Conv2dShape& shape : shapes_of_lines())
        for (const Isa isa : available_isas())
            for (const int threads : {1, 3}) {
                const Conv2dBackwardOptions options{.layout = layout,
                                                    .gradients = {.input = true, .weight = false, .bias = false},
                                                    .grad_input_mode = mode,
                                                    .strategy = {.threads = threads, .isa = isa}};
                check<float>(shape, options);
                check<double>(shape, options);
            }
}

INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dStreaming,
                         testing::Combine(testing::Values(Layout::nchw, Layout::nhwc),
                                          testing::Values(WriteMode::overwrite, WriteMode::accumulate)),
                         [](const auto& info) {
                             const bool adds = std::get<1>(info.param) == WriteMode::accumulate;
                             return std::string(name(std::get<0>(info.param))) + (adds ? "_accumulate" : "_overwrite");
                         });

}  // namespace
}  // namespace backgrad::test
