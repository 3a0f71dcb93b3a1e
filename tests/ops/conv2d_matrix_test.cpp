// Every shape, layout, ISA, back end and thread count against the double oracle. Whole numbers make every sum exact, so
// the comparison is ==.
#include "ops/conv2d_shapes.hpp"
#include "oracle/conv2d.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace backgrad::test {
namespace {

/// One shape and layout: its tensors, its expected gradients, and how many strategies have looked at it.
template <class T>
class Cell {
public:
    Cell(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : shape_(shape), options_(options), buffers_(shape, options) {
        std::mt19937_64 random(seed_of(describe(shape)));
        buffers_.fill_inputs([&](Guarded<T>& tensor) { fill_integers(tensor, random); });
        expected_ = oracle::conv2d_backward(shape, options, buffers_.grad_output.data(), buffers_.input.data(),
                                            buffers_.weight.data());
    }

    /// All three gradients, overwritten.
    void check_all(const Strategy& strategy) {
        Conv2dBackwardOptions options = options_;
        options.strategy = strategy;
        run(options, expected_);
    }

    /// Some of the gradients, some of them accumulated. Each call takes the next combination, so that the strategies
    /// of a family meet all of them.
    void check_some(const Strategy& strategy) {
        const int turn = turn_++;
        const auto mode = [&](int bit) { return (turn / 7) >> bit & 1 ? WriteMode::accumulate : WriteMode::overwrite; };
        Conv2dBackwardOptions options = options_;
        options.strategy = strategy;
        options.gradients = subset(1 + turn % 7);
        options.grad_input_mode = mode(0);
        options.grad_weight_mode = mode(1);
        options.grad_bias_mode = mode(2);
        run(options, expected_);
    }

private:
    static constexpr int old_content = 5;

    void run(const Conv2dBackwardOptions& options, const oracle::Conv2dResult& expected) {
        SCOPED_TRACE(describe(shape_) + " " + describe(options));
        prepare(buffers_.grad_input, options.grad_input_mode);
        prepare(buffers_.grad_weight, options.grad_weight_mode);
        prepare(buffers_.grad_bias, options.grad_bias_mode);
        execute(shape_, options, buffers_);
        compare(options.gradients.input, options.grad_input_mode, expected.grad_input, buffers_.grad_input,
                "grad_input");
        compare(options.gradients.weight, options.grad_weight_mode, expected.grad_weight, buffers_.grad_weight,
                "grad_weight");
        compare(options.gradients.bias, options.grad_bias_mode, expected.grad_bias, buffers_.grad_bias, "grad_bias");
    }

    static void prepare(Guarded<T>& gradient, WriteMode mode) {
        gradient.reset();
        if (mode == WriteMode::accumulate) std::fill(gradient.begin(), gradient.end(), T(old_content));
    }

    static void compare(bool asked, WriteMode mode, std::vector<double> expected, const Guarded<T>& actual,
                        const char* what) {
        if (!asked && mode == WriteMode::overwrite) {
            EXPECT_TRUE(actual.untouched()) << what << " was written though nobody asked for it";
            return;
        }
        if (mode == WriteMode::accumulate)
            for (double& value : expected) value = (asked ? value : 0) + old_content;
        EXPECT_TRUE(equal(expected, actual)) << what;
    }

    Conv2dShape shape_;
    Conv2dBackwardOptions options_;
    Conv2dBuffers<T> buffers_;
    oracle::Conv2dResult expected_;
    inline static int turn_ = 0;
};

/// The back ends, thread counts and ISAs of the matrix.
std::vector<Strategy> strategies() {
    const std::vector<int> counts = small_scale() ? std::vector{1, 3} : std::vector{1, 2, 3, 5};
    std::vector<Strategy> strategies;
    for (const Isa isa : available_isas())
        for (const Backend backend : available_backends())
            for (const int threads : thread_counts(backend, counts))
                strategies.push_back({.backend = backend, .threads = threads, .isa = isa});
    return strategies;
}

/// All of them, or every seventh.
std::vector<Conv2dShape> scaled(const std::vector<Conv2dShape>& shapes) {
    std::vector<Conv2dShape> some;
    for (std::size_t k = 0; k < shapes.size(); k += small_scale() ? 7 : 1) some.push_back(shapes[k]);
    return some;
}

class Conv2dMatrix : public testing::TestWithParam<std::tuple<ShapeFamily, Layout>> {
protected:
    /// Checks every `step`-th shape of the family; the weights take each layout in turn.
    template <class T>
    static void check_family(std::size_t step) {
        const auto& [family, layout] = GetParam();
        const std::vector<Conv2dShape> shapes = scaled(family.shapes);
        for (std::size_t k = 0; k < shapes.size() && !HasFailure(); k += step) {
            constexpr WeightLayout weights[] = {WeightLayout::automatic, WeightLayout::ohwi, WeightLayout::oihw};
            Cell<T> cell(shapes[k], {.layout = layout, .weight_layout = weights[(k / step) % 3]});
            for (const Strategy& strategy : strategies()) {
                cell.check_all(strategy);
                cell.check_some(strategy);
                if (HasFailure()) break;  // one report is enough, the other strategies would repeat it
            }
        }
    }
};

TEST_P(Conv2dMatrix, Float) { check_family<float>(1); }
TEST_P(Conv2dMatrix, Double) { check_family<double>(3); }

std::string family_name(const testing::TestParamInfo<Conv2dMatrix::ParamType>& info) {
    return std::get<0>(info.param).name + "_" + std::string(name(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Conv2dMatrix,
                         testing::Combine(testing::ValuesIn(conv2d_families()),
                                          testing::Values(Layout::nchw, Layout::nhwc)),
                         family_name);

TEST(Conv2dMatrixSize, HoldsWhatItPromises) {
    std::vector<std::string> shapes;
    for (const ShapeFamily& family : conv2d_families())
        for (const Conv2dShape& shape : family.shapes) shapes.push_back(describe(shape));
    std::sort(shapes.begin(), shapes.end());
    shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
    EXPECT_GE(shapes.size(), 300U);
}

/// Layout and gradient convention are parameters: the reference's rotated kernel on shapes that it accepts.
class Conv2dRotatedKernel : public testing::TestWithParam<Layout> {};

TEST_P(Conv2dRotatedKernel, EqualsTheOracle) {
    const Conv2dBackwardOptions options{.layout = GetParam(), .input_gradient = InputGradient::rotated_kernel};
    for (const Conv2dShape& shape : rotated_kernel_shapes()) {
        Cell<float> singles(shape, options);
        Cell<double> doubles(shape, options);
        for (const Strategy& strategy : strategies()) {
            singles.check_all(strategy);
            singles.check_some(strategy);
            doubles.check_all(strategy);
            doubles.check_some(strategy);
            if (HasFailure()) return;
        }
    }
}

/// Every strategy that has a name, on one shape of each kind.
class Conv2dStrategies : public testing::TestWithParam<Layout> {};

TEST_P(Conv2dStrategies, EqualTheOracle) {
    for (const Conv2dShape& shape : scaled(layer_kinds())) {
        Cell<float> cell(shape, {.layout = GetParam()});
        for (const Isa isa : vector_isas())
            for (const Backend backend : available_backends())
                for (const Schedule schedule : schedules(backend))
                    for (const Name<Partition>& partition : names<Partition>)
                        for (const Name<Reduction>& reduction : names<Reduction>) {
                            cell.check_all({.backend = backend,
                                            .threads = threads_for(backend, 3),
                                            .partition = partition.value,
                                            .schedule = schedule,
                                            .reduction = reduction.value,
                                            .isa = isa});
                            if (HasFailure()) return;
                        }
    }
}

std::string layout_name(const testing::TestParamInfo<Layout>& info) { return std::string(name(info.param)); }

INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dRotatedKernel, testing::Values(Layout::nchw, Layout::nhwc), layout_name);
INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dStrategies, testing::Values(Layout::nchw, Layout::nhwc), layout_name);

}  // namespace
}  // namespace backgrad::test
