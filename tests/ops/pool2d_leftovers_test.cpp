// Leftovers on the stack, where poolings have their scratch, are not computed with.
#include "ops/pool2d_shapes.hpp"
#include "oracle/pool2d.hpp"
#include "support/denormals.hpp"
#include "support/strategies.hpp"

#include <backgrad/pool2d.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#ifdef BACKGRAD_TEST_DENORMALS
namespace backgrad::test {
namespace {

template <class T>
class Pool2dLeftovers : public testing::Test {
protected:
    void expect_none(const Pool2dShape& shape, Layout layout, Isa isa) {
        const std::vector<T> grad_output(oracle::output_tensor(shape, layout).elements(), T(1));
        std::vector<T> input(oracle::input_tensor(shape, layout).elements()), grad_input(input.size());
        for (std::size_t k = 0; k < input.size(); ++k) input[k] = static_cast<T>(1 + k % 7);
        const auto indices = oracle::max_pool2d_plane_indices(shape, layout, input.data());
        const Strategy strategy{.backend = Backend::serial, .isa = isa};

        const AvgPool2dBackward<T> average(shape, {.layout = layout, .strategy = strategy});
        expect_none(describe(shape) + " average",
                    [&] { average.execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()}); });
        for (const MaxPoolSource source : {MaxPoolSource::plane_indices, MaxPoolSource::input}) {
            const MaxPool2dBackward<T> maximum(shape, {.layout = layout, .source = source, .strategy = strategy});
            expect_none(describe(shape) + " maximum", [&] {
                maximum.execute({.grad_output = grad_output.data(),
                                 .input = input.data(),
                                 .plane_indices = indices.data(),
                                 .grad_input = grad_input.data()});
            });
        }
    }

private:
    template <class Execute>
    static void expect_none(const std::string& what, const Execute& execute) {
        leave_denormals_on_the_stack<T>();
        EXPECT_FALSE(computes_with_denormals(execute)) << what;
    }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Pool2dLeftovers, Types);

TYPED_TEST(Pool2dLeftovers, AreNotComputedWith) {
    for (const Isa isa : available_isas())
        for (const Layout layout : {Layout::nchw, Layout::nhwc})
            for (const Pool2dShape& shape : pool2d_shapes()) this->expect_none(shape, layout, isa);
}

}  // namespace
}  // namespace backgrad::test
#endif
