// Leftovers in a workspace are not computed with.
#include "ops/conv2d_shapes.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/denormals.hpp"
#include "support/describe.hpp"
#include "support/strategies.hpp"

#include <backgrad/conv2d.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

#ifdef BACKGRAD_TEST_DENORMALS
namespace backgrad::test {
namespace {

class Conv2dLeftovers : public testing::TestWithParam<std::tuple<ShapeFamily, Layout>> {
protected:
    template <class T>
    static bool computes_with_them(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
        Conv2dBuffers<T> buffers(shape, options);
        buffers.fill_inputs([](Guarded<T>& tensor) { std::fill(tensor.begin(), tensor.end(), T(1)); });
        const Conv2dBackward<T> plan(shape, options);
        Workspace workspace(plan.workspace_bytes());
        std::fill_n(static_cast<T*>(workspace.data()), plan.workspace_bytes() / sizeof(T),
                    std::numeric_limits<T>::denorm_min());
        return computes_with_denormals([&] { plan.execute(buffers.arguments(options.gradients), workspace.data()); });
    }

    template <class T>
    static void check(const Conv2dShape& shape, Layout layout) {
        for (const Isa isa : available_isas())
            for (const int bits : {1, 2, 7}) {
                const Conv2dBackwardOptions options{
                    .layout = layout, .gradients = subset(bits), .strategy = {.backend = Backend::serial, .isa = isa}};
                EXPECT_FALSE(computes_with_them<T>(shape, options)) << describe(shape) << " " << describe(options);
            }
    }
};

TEST_P(Conv2dLeftovers, AreNotComputedWith) {
    const auto& [family, layout] = GetParam();
    for (const Conv2dShape& shape : family.shapes) {
        check<float>(shape, layout);
        check<double>(shape, layout);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Conv2dLeftovers,
                         testing::Combine(testing::ValuesIn(conv2d_families()),
                                          testing::Values(Layout::nchw, Layout::nhwc)),
                         [](const auto& info) {
                             return std::get<0>(info.param).name + "_" + std::string(name(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace backgrad::test
#endif
