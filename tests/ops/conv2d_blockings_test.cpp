// Every blocking that a plan knows: right against the oracle (whole numbers make sums exact), and where it says so the
// same bits as the chosen one (random reals, whose sums do round).
#include "ops/conv2d_planned.hpp"
#include "ops/conv2d_shapes.hpp"
#include "oracle/conv2d.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// One shape and layout with whole numbers, and with reals as the chosen blocking computes them.
template <class T>
class Subject {
public:
    Subject(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : shape_(shape), options_(options), integers_(shape, options), reals_(shape, options), chosen_(shape, options) {
        std::mt19937_64 random(seed_of(describe(shape)));
        integers_.fill_inputs([&](Guarded<T>& tensor) { fill_integers(tensor, random); });
        exact_ = oracle::conv2d_backward(shape, options, integers_.grad_output.data(), integers_.input.data(),
                                         integers_.weight.data());
        const std::uint64_t seed = random();
        for (Conv2dBuffers<T>* buffers : {&reals_, &chosen_}) {
            std::mt19937_64 same(seed);
            buffers->fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, same); });
        }
    }

    /// All blockings, or every `step`-th behind the first few, which hold every way.
    void check(const Strategy& strategy, std::size_t step) {
        options_.strategy = strategy;
        SCOPED_TRACE(describe(shape_) + " " + describe(options_));
        const ops::PlannedConv2d<T> plan(shape_, options_);
        run(plan, chosen_);
        constexpr std::size_t ways = 10;
        const auto known = plan.blockings();
        for (std::size_t k = 0; k < known.size(); k += k < ways ? 1 : step) {
            SCOPED_TRACE(known[k].name);
            check_blocking(known[k]);
            if (testing::Test::HasFailure()) return;
        }
    }

private:
    void check_blocking(const plan::KnownBlocking& known) {
        const ops::PlannedConv2d<T> plan(shape_, options_, known.blocking);
        run(plan, integers_);
        EXPECT_TRUE(equal(exact_.grad_input, integers_.grad_input)) << "grad_input";
        EXPECT_TRUE(equal(exact_.grad_weight, integers_.grad_weight)) << "grad_weight";
        EXPECT_TRUE(equal(exact_.grad_bias, integers_.grad_bias)) << "grad_bias";
        if (!known.same_bits) return;
        run(plan, reals_);
        EXPECT_TRUE(same_bits(chosen_.grad_input, reals_.grad_input)) << "grad_input";
        EXPECT_TRUE(same_bits(chosen_.grad_weight, reals_.grad_weight)) << "grad_weight";
        EXPECT_TRUE(same_bits(chosen_.grad_bias, reals_.grad_bias)) << "grad_bias";
    }

    static void run(const ops::PlannedConv2d<T>& plan, Conv2dBuffers<T>& buffers) {
        buffers.reset_gradients();
        GuardedWorkspace workspace(plan.workspace_bytes());
        plan.execute(buffers.arguments(), workspace.data());
        EXPECT_TRUE(workspace.intact()) << "written past the workspace";
        EXPECT_TRUE(buffers.intact()) << "written past a tensor";
    }

    Conv2dShape shape_;
    Conv2dBackwardOptions options_;
    Conv2dBuffers<T> integers_, reals_, chosen_;
    oracle::Conv2dResult exact_;
};

class Conv2dBlockings : public testing::TestWithParam<Layout> {
protected:
    template <class T>
    static void check(const std::vector<Conv2dShape>& shapes, std::size_t step) {
        for (const Conv2dShape& shape : shapes) {
            Subject<T> subject(shape, {.layout = GetParam()});
            for (const Isa isa : available_isas())
                for (const int threads : {1, 3}) {
                    subject.check({.backend = Backend::std_threads, .threads = threads, .isa = isa}, step);
                    if (HasFailure()) return;
                }
        }
    }
};

TEST_P(Conv2dBlockings, AreRightAndKeepTheBitsThatTheySayForEveryKindOfLayer) {
    check<float>(layer_kinds(), small_scale() ? 80 : 17);
    check<double>(layer_kinds(), small_scale() ? 160 : 59);
}

TEST_P(Conv2dBlockings, AreRightAndKeepTheBitsThatTheySayForRandomShapes) {
    for (const ShapeFamily& family : conv2d_families())
        if (family.name.find("random") != std::string::npos) check<float>(family.shapes, small_scale() ? 80 : 29);
}

TEST_P(Conv2dBlockings, AreRightAndKeepTheBitsThatTheySayForWindowsThatDoNotOverlap) {
    for (const ShapeFamily& family : conv2d_families())
        if (family.name == "windows_apart") check<float>(family.shapes, small_scale() ? 80 : 29);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dBlockings, testing::Values(Layout::nchw, Layout::nhwc),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
