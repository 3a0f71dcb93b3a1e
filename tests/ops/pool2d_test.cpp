// Every pooling over shapes, layouts, sources, ISAs and threads against the double oracle. Max pooling of whole numbers
// is compared with ==; average pooling within the bound of its header.
#include "oracle/pool2d.hpp"
#include "ops/pool2d_shapes.hpp"
#include "support/describe.hpp"
#include "support/guarded.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace backgrad::test {
namespace {

constexpr int old_content = 5;
constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};
constexpr MaxPoolSource sources[] = {MaxPoolSource::input, MaxPoolSource::plane_indices, MaxPoolSource::window_offsets};

/// Every ISA, serial and with three workers; the back ends take turns.
std::vector<Strategy> strategies() {
    std::vector<Strategy> all;
    std::size_t turn = 0;
    std::vector<Backend> backends = available_backends();
    std::erase(backends, Backend::serial);
    for (const Isa isa : available_isas())
        for (const int threads : {1, 3}) {
            const Backend backend = threads == 1 ? Backend::serial : backends[turn++ % backends.size()];
            all.push_back({.backend = backend, .threads = threads, .isa = isa});
        }
    return all;
}

/// Numbers with ties, zeros of both signs and, if asked for, NaN and infinities.
template <class Container>
void fill_ties(Container& container, std::mt19937_64& random, bool non_finite) {
    using T = typename Container::value_type;
    using Limits = std::numeric_limits<T>;
    for (T& value : container) {
        value = static_cast<T>(between(random, -2, 2));
        if (value == 0 && below(random, 2) == 0) value = -value;
        if (!non_finite) continue;
        const std::int64_t kind = below(random, 12);
        if (kind == 0) value = Limits::quiet_NaN();
        if (kind == 1) value = Limits::infinity();
        if (kind <= 3 && kind >= 2) value = -Limits::infinity();
    }
}

/// One max pooling: tensors, what a forward pass saved, and the expected gradient.
template <class T>
struct MaxCell {
    MaxCell(const Pool2dShape& pool, Layout memory_order, bool non_finite)
        : shape(pool),
          layout(memory_order),
          input(oracle::input_tensor(pool, layout).elements()),
          grad_output(oracle::output_tensor(pool, layout).elements()),
          grad_input(input.size()),
          indices(grad_output.size()),
          offsets(grad_output.size()) {
        std::mt19937_64 random(seed_of(describe(shape)));
        fill_ties(input, random, non_finite);
        fill_integers(grad_output, random);
        const auto saved = oracle::max_pool2d_plane_indices(shape, layout, input.data());
        std::copy(saved.begin(), saved.end(), indices.begin());
        if (shape.window_height * shape.window_width <= 255) {
            const auto bytes = oracle::max_pool2d_window_offsets(shape, layout, input.data());
            std::copy(bytes.begin(), bytes.end(), offsets.begin());
        }
        expected = oracle::max_pool2d_backward(shape, layout, grad_output.data(), input.data());
    }

    void execute(const MaxPool2dBackwardOptions& options) {
        grad_input.reset();
        if (options.grad_input_mode == WriteMode::accumulate)
            std::fill(grad_input.begin(), grad_input.end(), T(old_content));
        MaxPool2dBackwardArguments<T> arguments{.grad_output = grad_output.data(), .grad_input = grad_input.data()};
        if (options.source == MaxPoolSource::input) arguments.input = input.data();
        if (options.source == MaxPoolSource::plane_indices) arguments.plane_indices = indices.data();
        if (options.source == MaxPoolSource::window_offsets) arguments.window_offsets = offsets.data();
        MaxPool2dBackward<T>(shape, options).execute(arguments);
        EXPECT_TRUE(grad_input.intact()) << "written past grad_input";
    }

    void check(const MaxPool2dBackwardOptions& options) {
        execute(options);
        const double old = options.grad_input_mode == WriteMode::accumulate ? old_content : 0;
        for (std::size_t k = 0; k < expected.size(); ++k)
            ASSERT_EQ(expected[k] + old, grad_input[k])
                << describe(shape) << " " << name(layout) << " source " << static_cast<int>(options.source) << " "
                << describe(options.strategy) << " element " << k;
    }

    Pool2dShape shape;
    Layout layout;
    Guarded<T> input, grad_output, grad_input;
    Guarded<std::int32_t> indices;
    Guarded<std::uint8_t> offsets;
    std::vector<double> expected;
};

template <class T>
void check_max(bool non_finite, std::size_t step) {
    const std::vector<Pool2dShape> shapes = pool2d_shapes();
    for (std::size_t k = 0; k < shapes.size(); k += step)
        for (const Layout layout : layouts) {
            MaxCell<T> cell(shapes[k], layout, non_finite);
            for (const MaxPoolSource source : sources) {
                if (source == MaxPoolSource::window_offsets && shapes[k].window_height * shapes[k].window_width > 255)
                    continue;
                for (const Strategy& strategy : strategies()) {
                    const WriteMode mode = strategy.threads == 1 ? WriteMode::overwrite : WriteMode::accumulate;
                    cell.check({.layout = layout, .source = source, .grad_input_mode = mode, .strategy = strategy});
                    if (testing::Test::HasFatalFailure()) return;
                }
            }
        }
}

TEST(MaxPool2dBackward, EqualsTheOracleInFloat) { check_max<float>(false, 1); }
TEST(MaxPool2dBackward, EqualsTheOracleInDouble) { check_max<double>(false, 2); }
TEST(MaxPool2dBackward, TakesTheFirstMaximumAndTheFirstNanInFloat) { check_max<float>(true, 1); }
TEST(MaxPool2dBackward, TakesTheFirstMaximumAndTheFirstNanInDouble) { check_max<double>(true, 2); }

TEST(MaxPool2dBackward, EveryPartitionGivesTheSame) {
    for (const Pool2dShape& shape :
         {pool2d_shapes()[0], pool2d_shapes()[1], pool2d_shapes()[3], pool2d_shapes()[5], square(1, 3, 20, 20, 5, 1, 2),
          square(1, 2, 90, 83, 5, 2, 2), square(2, 5, 13, 13, 3, 2, 0)})
        for (const Layout layout : layouts) {
            MaxCell<float> cell(shape, layout, false);
            for (const Name<Partition>& partition : names<Partition>)
                for (const MaxPoolSource source : sources)
                    cell.check(
                        {.layout = layout, .source = source, .strategy = {.threads = 2, .partition = partition.value}});
        }
}

TEST(MaxPool2dBackward, IgnoresSavedPositionsOutsideTheWindow) {
    // In the first shape columns 1 and 2 belong to one window each; in the second the padded window could reach the
    // neighbouring row if its offset were turned into a position without a look at the ends of the row. The others are
    // planes in pairs, large windows, and these in several blocks of rows.
    const Pool2dShape shapes[] = {
        {.channels = 2,
         .in_height = 6,
         .in_width = 30,
         .window_height = 2,
         .window_width = 2,
         .stride_height = 3,
         .stride_width = 3},
        {.channels = 2,
         .in_height = 4,
         .in_width = 2,
         .window_height = 3,
         .window_width = 3,
         .padding_top = 1,
         .padding_bottom = 1,
         .padding_left = 1,
         .padding_right = 1},
        square(1, 3, 9, 7, 3, 1, 1),
        square(1, 3, 13, 13, 3, 2, 1),
        square(1, 3, 20, 9, 5, 1, 2),
        square(1, 1, 100, 61, 5, 2, 2),
    };
    for (const Pool2dShape& shape : shapes)
        for (const Layout layout : layouts) {
            MaxCell<float> cell(shape, layout, false);
            const oracle::Tensor4d in = oracle::input_tensor(shape, layout), out = oracle::output_tensor(shape, layout);
            std::mt19937_64 random(3);
            for (std::int32_t& index : cell.indices)
                index = static_cast<std::int32_t>(between(random, -3, shape.in_height * shape.in_width + 2));
            cell.indices[1] = std::numeric_limits<std::int32_t>::min();
            cell.indices[2] = std::numeric_limits<std::int32_t>::max();
            const std::int64_t cells = shape.window_height * shape.window_width;
            for (std::uint8_t& offset : cell.offsets) offset = static_cast<std::uint8_t>(below(random, cells + 8));
            std::vector<double> by_index(in.elements()), by_offset(in.elements());
            for (std::int64_t c = 0; c < shape.channels; ++c)
                for (std::int64_t y = 0; y < out.height; ++y)
                    for (std::int64_t x = 0; x < out.width; ++x)
                        for (std::int64_t r = 0; r < shape.window_height; ++r)
                            for (std::int64_t s = 0; s < shape.window_width; ++s) {
                                const std::int64_t row = y * shape.stride_height - shape.padding_top + r;
                                const std::int64_t column = x * shape.stride_width - shape.padding_left + s;
                                if (!in.contains(row, column)) continue;
                                const std::int64_t from = out.offset(0, c, y, x), to = in.offset(0, c, row, column);
                                if (cell.indices[from] == row * shape.in_width + column)
                                    by_index[to] += cell.grad_output[from];
                                if (cell.offsets[from] == r * shape.window_width + s)
                                    by_offset[to] += cell.grad_output[from];
                            }
            for (const Isa isa : available_isas()) {
                cell.expected = by_index;
                cell.check({.layout = layout, .source = MaxPoolSource::plane_indices, .strategy = {.isa = isa}});
                cell.expected = by_offset;
                cell.check({.layout = layout, .source = MaxPoolSource::window_offsets, .strategy = {.isa = isa}});
            }
        }
}

TEST(MaxPool2dBackward, NonFiniteGradientsReachTheirMaximumOnly) {
    const Pool2dShape shape{
        .channels = 2, .in_height = 6, .in_width = 20, .window_height = 3, .window_width = 3, .padding_left = 1};
    for (const Layout layout : layouts)
        for (const Isa isa : available_isas()) {
            MaxCell<float> cell(shape, layout, false);
            cell.grad_output[5] = std::numeric_limits<float>::infinity();
            const auto expected =
                oracle::max_pool2d_backward(shape, layout, cell.grad_output.data(), cell.input.data());
            cell.expected = expected;
            cell.check({.layout = layout, .source = MaxPoolSource::input, .strategy = {.isa = isa}});
        }
}

/// The oracle's gradient of |grad_output|, for error bounds.
template <class T>
std::vector<double> magnitude(const Pool2dShape& shape, Layout layout, AveragePadding padding, const Guarded<T>& g) {
    std::vector<T> absolute(g.begin(), g.end());
    for (T& value : absolute) value = std::abs(value);
    return oracle::avg_pool2d_backward(shape, layout, padding, absolute.data());
}

template <class T>
void check_average(std::size_t step) {
    const std::vector<Pool2dShape> shapes = pool2d_shapes();
    for (std::size_t k = 0; k < shapes.size(); k += step)
        for (const Layout layout : layouts)
            for (const AveragePadding padding : {AveragePadding::exclude, AveragePadding::include}) {
                const Pool2dShape& shape = shapes[k];
                Guarded<T> grad_output(oracle::output_tensor(shape, layout).elements());
                Guarded<T> grad_input(oracle::input_tensor(shape, layout).elements());
                std::mt19937_64 random(seed_of(describe(shape)));
                fill_reals(grad_output, random);
                const auto expected = oracle::avg_pool2d_backward(shape, layout, padding, grad_output.data());
                const auto bound = magnitude(shape, layout, padding, grad_output);
                const double windows = static_cast<double>(shape.window_height * shape.window_width);
                const double unit = std::numeric_limits<T>::epsilon() / 2;
                for (const Strategy& strategy : strategies()) {
                    const bool accumulate = strategy.threads != 1;
                    grad_input.reset();
                    if (accumulate) std::fill(grad_input.begin(), grad_input.end(), T(old_content));
                    const AvgPool2dBackward<T> plan(
                        shape, {.layout = layout,
                                .padding = padding,
                                .grad_input_mode = accumulate ? WriteMode::accumulate : WriteMode::overwrite,
                                .strategy = strategy});
                    plan.execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()});
                    EXPECT_TRUE(grad_input.intact());
                    for (std::size_t e = 0; e < expected.size(); ++e) {
                        const double value = expected[e] + (accumulate ? old_content : 0);
                        const double tolerance =
                            (windows + 1) * unit * bound[e] + (accumulate ? 2 * unit * std::abs(value) : 0);
                        ASSERT_NEAR(value, grad_input[e], tolerance)
                            << describe(shape) << " " << name(layout) << " " << describe(strategy) << " element " << e;
                    }
                }
            }
}

TEST(AvgPool2dBackward, StaysWithinItsBoundInFloat) { check_average<float>(1); }
TEST(AvgPool2dBackward, StaysWithinItsBoundInDouble) { check_average<double>(2); }

template <class T>
void check_global_average() {
    for (const std::int64_t channels : {1, 3, 16, 17, 40})
        for (const std::int64_t width : {1, 7, 16, 33})
            for (const Layout layout : layouts) {
                const GlobalAvgPool2dShape shape{.batch = 2, .channels = channels, .in_height = 5, .in_width = width};
                Guarded<T> grad_output(shape.batch * channels);
                Guarded<T> grad_input(oracle::input_tensor(shape, layout).elements());
                std::mt19937_64 random(11);
                fill_reals(grad_output, random);
                for (const auto gradient : {GlobalAverageGradient::full, GlobalAverageGradient::local_derivative}) {
                    const T* from = gradient == GlobalAverageGradient::full ? grad_output.data() : nullptr;
                    const auto expected = oracle::global_avg_pool2d_backward(shape, layout, from);
                    for (const Strategy& strategy : strategies()) {
                        grad_input.reset();
                        const GlobalAvgPool2dBackward<T> plan(
                            shape, {.layout = layout, .gradient = gradient, .strategy = strategy});
                        plan.execute({.grad_output = from, .grad_input = grad_input.data()});
                        EXPECT_TRUE(grad_input.intact());
                        for (std::size_t e = 0; e < expected.size(); ++e)
                            ASSERT_NEAR(expected[e], grad_input[e],
                                        1.5 * std::numeric_limits<T>::epsilon() * std::abs(expected[e]))
                                << describe(strategy) << " element " << e;
                    }
                }
            }
}

TEST(GlobalAvgPool2dBackward, StaysWithinItsBoundInFloat) { check_global_average<float>(); }
TEST(GlobalAvgPool2dBackward, StaysWithinItsBoundInDouble) { check_global_average<double>(); }

/// The bytes of grad_input with real gradients.
template <class Run>
std::vector<float> bytes(const Pool2dShape& shape, Layout layout, const Run& run) {
    std::mt19937_64 random(seed_of(describe(shape)));
    std::vector<float> input(oracle::input_tensor(shape, layout).elements());
    std::vector<float> grad_output(oracle::output_tensor(shape, layout).elements());
    fill_reals(input, random);
    fill_reals(grad_output, random);
    std::vector<float> grad_input(input.size());
    run(grad_output, input, grad_input);
    return grad_input;
}

TEST(Pool2dBits, DoNotDependOnThreadsPartitionsOrIsa) {
    // Pairs, a whole image, windows that do not meet side by side and in runs, a plane that several tasks share.
    for (const Pool2dShape& shape :
         {square(2, 3, 10, 10, 2, 2, 0), square(1, 66, 5, 5, 5, 1, 0), square(1, 128, 7, 18, 3, 3, 0),
          square(2, 20, 9, 13, 4, 4, 0), square(1, 1, 128, 128, 128, 1, 0)})
        for (const Layout layout : layouts) {
            std::vector<float> maximum, average;
            for (const Isa isa : vector_isas())
                for (const int threads : {1, 2, 3, 7})
                    for (const Name<Partition>& partition : names<Partition>) {
                        const Strategy strategy{.threads = threads, .partition = partition.value, .isa = isa};
                        const auto max = bytes(shape, layout, [&](auto& grad_output, auto& input, auto& grad_input) {
                            MaxPool2dBackward<float>(
                                shape, {.layout = layout, .source = MaxPoolSource::input, .strategy = strategy})
                                .execute({.grad_output = grad_output.data(),
                                          .input = input.data(),
                                          .grad_input = grad_input.data()});
                        });
                        const auto avg = bytes(shape, layout, [&](auto& grad_output, auto&, auto& grad_input) {
                            AvgPool2dBackward<float>(shape, {.layout = layout, .strategy = strategy})
                                .execute({.grad_output = grad_output.data(), .grad_input = grad_input.data()});
                        });
                        if (maximum.empty()) maximum = max;
                        if (average.empty()) average = avg;
                        ASSERT_EQ(std::memcmp(maximum.data(), max.data(), max.size() * sizeof(float)), 0)
                            << describe(shape) << " " << describe(strategy);
                        ASSERT_EQ(std::memcmp(average.data(), avg.data(), avg.size() * sizeof(float)), 0)
                            << describe(shape) << " " << describe(strategy);
                    }
        }
}

}  // namespace
}  // namespace backgrad::test
