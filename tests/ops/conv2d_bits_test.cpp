// The same bits everywhere: random reals, whose sums do round, compared with memcmp.
#include "ops/conv2d_shapes.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/square_layer.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace backgrad::test {
namespace {

/// A caller's executor that grants one thread and runs the tasks from the last to the first.
class ReverseExecutor : public Executor {
public:
    int workers() const noexcept override { return 1; }
    void run(std::int64_t task_count, TaskBody body) noexcept override {
        for (std::int64_t task = task_count; task-- > 0;) body(task, 0);
    }
};

/// A problem with random reals, and its gradients as one thread computes them with the first vector ISA.
template <class T>
class Subject {
public:
    Subject(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : shape_(shape), options_(options), expected_(shape, options), actual_(shape, options) {
        fill(expected_);
        fill(actual_);
        options_.strategy = {.backend = Backend::serial, .threads = 1, .isa = vector_isas().front()};
        execute(shape_, options_, expected_);
    }

    /// One plan under a strategy, executed `repeats` times into fresh memory.
    void check(const Strategy& strategy, int repeats) {
        Conv2dBackwardOptions options = options_;
        options.strategy = strategy;
        SCOPED_TRACE(describe(shape_) + " " + describe(options));
        const Conv2dBackward<T> plan(shape_, options);
        GuardedWorkspace workspace(plan.workspace_bytes());
        for (int repeat = 0; repeat < repeats && !testing::Test::HasFailure(); ++repeat) {
            actual_.reset_gradients();
            workspace.reset();
            plan.execute(actual_.arguments(), workspace.data());
            compare({});
        }
    }

    /// Some of the gradients alone.
    void check_subset(const Conv2dGradients& gradients, Isa isa, int threads) {
        Conv2dBackwardOptions options = options_;
        options.gradients = gradients;
        options.strategy = {.threads = threads, .isa = isa};
        SCOPED_TRACE(describe(shape_) + " " + describe(options));
        actual_.reset_gradients();
        execute(shape_, options, actual_);
        compare(gradients);
    }

    /// Accumulation adds the finished gradient once: old + gradient, rounded once.
    void check_accumulation(Isa isa, int threads) {
        Conv2dBackwardOptions options = options_;
        options.grad_input_mode = options.grad_weight_mode = options.grad_bias_mode = WriteMode::accumulate;
        options.strategy = {.threads = threads, .isa = isa};
        SCOPED_TRACE(describe(shape_) + " " + describe(options));
        Conv2dBuffers<T> sum(shape_, options);
        std::mt19937_64 random(seed_of("old content"));
        for (const auto& [old, gradient, added] :
             {std::tie(actual_.grad_input, expected_.grad_input, sum.grad_input),
              std::tie(actual_.grad_weight, expected_.grad_weight, sum.grad_weight),
              std::tie(actual_.grad_bias, expected_.grad_bias, sum.grad_bias)}) {
            fill_reals(old, random);
            for (std::size_t k = 0; k < old.size(); ++k) added[k] = old[k] + gradient[k];
        }
        execute(shape_, options, actual_);
        EXPECT_TRUE(same_bits(sum.grad_input, actual_.grad_input)) << "grad_input";
        EXPECT_TRUE(same_bits(sum.grad_weight, actual_.grad_weight)) << "grad_weight";
        EXPECT_TRUE(same_bits(sum.grad_bias, actual_.grad_bias)) << "grad_bias";
    }

private:
    void fill(Conv2dBuffers<T>& buffers) {
        std::mt19937_64 random(seed_of(describe(shape_)));
        buffers.fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, random); });
    }

    void compare(const Conv2dGradients& gradients) {
        EXPECT_TRUE(!gradients.input || same_bits(expected_.grad_input, actual_.grad_input)) << "grad_input";
        EXPECT_TRUE(!gradients.weight || same_bits(expected_.grad_weight, actual_.grad_weight)) << "grad_weight";
        EXPECT_TRUE(!gradients.bias || same_bits(expected_.grad_bias, actual_.grad_bias)) << "grad_bias";
    }

    Conv2dShape shape_;
    Conv2dBackwardOptions options_;
    Conv2dBuffers<T> expected_, actual_;
};

class Conv2dBits : public testing::TestWithParam<std::tuple<Conv2dShape, Layout>> {
protected:
    void SetUp() override {
        if (vector_isas().empty()) GTEST_SKIP() << "the promise is about the vector ISAs, this machine has none";
    }

    template <class T>
    static Subject<T> subject() {
        const auto& [shape, layout] = GetParam();
        return {shape, {.layout = layout}};
    }

    template <class T>
    static void check_strategies(int repeats) {
        Subject<T> subject = Conv2dBits::subject<T>();
        for_each_equal_strategy(
            HasFailure, [&](const Strategy& strategy) { subject.check(strategy, small_scale() ? 2 : repeats); });
    }
};

TEST_P(Conv2dBits, FloatIsTheSameOnEveryStrategy) { check_strategies<float>(20); }
TEST_P(Conv2dBits, DoubleIsTheSameOnEveryStrategy) { check_strategies<double>(3); }

TEST_P(Conv2dBits, IsTheSameOnACallersExecutor) {
    ReverseExecutor executor;
    for (const Isa isa : vector_isas())
        subject<float>().check({.backend = Backend::caller, .isa = isa, .executor = &executor}, 2);
}

TEST_P(Conv2dBits, DoesNotDependOnTheGradientsAskedFor) {
    Subject<float> singles = subject<float>();
    Subject<double> doubles = subject<double>();
    for (const Isa isa : vector_isas())
        for (int bits = 1; bits <= 7; ++bits)
            for (const int threads : {1, 3}) {
                singles.check_subset(subset(bits), isa, threads);
                doubles.check_subset(subset(bits), isa, threads);
                if (HasFailure()) return;
            }
}

TEST_P(Conv2dBits, AccumulationRoundsOnce) {
    for (const Isa isa : vector_isas())
        for (const int threads : {1, 3}) {
            subject<float>().check_accumulation(isa, threads);
            subject<double>().check_accumulation(isa, threads);
            if (HasFailure()) return;
        }
}

/// "n2_g1_i64x14x14_..._nchw": gtest wants letters, digits and underscores.
std::string subject_name(const testing::TestParamInfo<Conv2dBits::ParamType>& info) {
    std::string text = describe(std::get<0>(info.param)) + "_" + std::string(name(std::get<1>(info.param)));
    for (char& letter : text)
        if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
    return text;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Conv2dBits,
                         testing::Combine(testing::ValuesIn(layer_kinds()),
                                          testing::Values(Layout::nchw, Layout::nhwc)),
                         subject_name);

/// What is finite beside infinities has the same bits on every way to it: whether sums are taken term by term depends
/// on blocks, which depend on threads and ISA.
template <class T>
void expect_same_finite(const Guarded<T>& expected, const Guarded<T>& actual) {
    for (std::size_t k = 0; k < expected.size(); ++k) {
        ASSERT_EQ(std::isfinite(expected[k]), std::isfinite(actual[k])) << k;
        if (!std::isfinite(expected[k])) continue;
        ASSERT_EQ(std::memcmp(&expected[k], &actual[k], sizeof(T)), 0) << k;
    }
}

TEST(Conv2dFiniteBits, BesideInfinitiesAreTheSameEverywhere) {
    if (vector_isas().empty()) GTEST_SKIP() << "the promise is about the vector ISAs, this machine has none";
    // Sums by kernel rows with lanes of either side, by patches, by channels, by pixels.
    for (const Conv2dShape& shape :
         {square_layer(1, 16, 14, 16, 3), square_layer(2, 24, 9, 40, 3), square_layer(1, 3, 20, 32, 5),
          square_layer(1, 3, 41, 64, 11, 4), square_layer(1, 64, 8, 64, 3), square_layer(1, 3, 56, 8, 3)}) {
        std::optional<Conv2dBuffers<float>> expected;
        for (const Isa isa : vector_isas())
            for (const int threads : {1, 2, 3, 7, 16}) {
                SCOPED_TRACE(describe(shape) + " threads " + std::to_string(threads));
                const Conv2dBackwardOptions options{
                    .strategy = {.backend = Backend::std_threads, .threads = threads, .isa = isa}};
                Conv2dBuffers<float> buffers(shape, options);
                std::mt19937_64 random(seed_of(describe(shape)));
                buffers.fill_inputs([&](Guarded<float>& tensor) { fill_reals(tensor, random); });
                buffers.grad_output[5] = std::numeric_limits<float>::infinity();
                execute(shape, options, buffers);
                if (expected) expect_same_finite(expected->grad_weight, buffers.grad_weight);
                else expected.emplace(std::move(buffers));
                if (testing::Test::HasFatalFailure()) return;
            }
    }
}

}  // namespace
}  // namespace backgrad::test
