// Random reals within the bound that the documentation of Conv2dBackward states.
#include "ops/conv2d_shapes.hpp"
#include "oracle/conv2d.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "support/conv2d_buffers.hpp"
#include "support/describe.hpp"
#include "support/random.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// Rounding steps behind an element: the chain, the joins of its 16 chains (4) and 64 segment groups (6), and 2.
std::int64_t steps(const oracle::Value& value, std::int64_t longest_chain) {
    return std::min(value.terms, longest_chain) + 10 + 2;
}

/// How many elements that have terms were looked at, and how many of them would catch a kernel that returns zero.
struct Tally {
    std::int64_t elements = 0;
    std::int64_t catch_zero = 0;

    template <class T>
    void check(const oracle::Value& expected, T actual, std::int64_t longest_chain, const char* what) {
        const double unit = std::numeric_limits<T>::epsilon() / 2;
        // The oracle rounds too; that only shows where the library computes in double as well.
        const double oracle_error =
            static_cast<double>(expected.terms) * std::numeric_limits<double>::epsilon() / 2 * expected.absolute_sum;
        const double bound =
            static_cast<double>(steps(expected, longest_chain)) * unit * expected.absolute_sum + oracle_error;
        elements += expected.terms > 0 ? 1 : 0;
        catch_zero += std::abs(expected.value) > bound ? 1 : 0;
        ASSERT_LE(std::abs(expected.value - static_cast<double>(actual)), bound)
            << what << ": expected " << expected.value << ", got " << actual << ", " << expected.terms << " terms";
    }
};

/// At most `count` of the numbers [0, size), spread over all of them.
std::vector<std::int64_t> sample(std::int64_t size, std::int64_t count, std::mt19937_64& random) {
    std::vector<std::int64_t> chosen;
    if (size <= count)
        for (std::int64_t k = 0; k < size; ++k) chosen.push_back(k);
    else
        for (std::int64_t k = 0; k < count; ++k) chosen.push_back(k * size / count + below(random, size / count));
    return chosen;
}

template <class T>
class Bound {
public:
    Bound(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : shape_(shape), options_(options), buffers_(shape, options), random_(seed_of(describe(shape))) {
        buffers_.fill_inputs([&](Guarded<T>& tensor) { fill_reals(tensor, random_); });
        execute(shape, options, buffers_);
        check_grad_input();
        check_grad_weight();
        check_grad_bias();
        EXPECT_GE(tally_.catch_zero, tally_.elements * 95 / 100) << "the bound is too wide to mean anything";
    }

private:
    static constexpr std::int64_t samples = 300;

    /// Of grad_weight and grad_bias: at most 1,024 terms of a segment, and one step per segment.
    std::int64_t longest_chain() const {
        const plan::Conv2dProblem problem = plan::make_problem(shape_, options_);
        const plan::LaneFamily family = plan::weight_family(problem, sizeof(T));
        return 1024 + plan::weight_segments(problem, family, sizeof(T)).count;
    }

    void check_grad_input() {
        const auto tensor = oracle::input_tensor(shape_, options_.layout);
        for (const std::int64_t k : sample(tensor.elements(), samples, random_)) {
            const std::int64_t x = k % tensor.width, y = k / tensor.width % tensor.height;
            const std::int64_t i = k / (tensor.width * tensor.height) % tensor.channels;
            const std::int64_t n = k / (tensor.width * tensor.height * tensor.channels);
            const oracle::Value value = oracle::conv2d_grad_input_at(shape_, options_, buffers_.grad_output.data(),
                                                                     buffers_.weight.data(), n, i, y, x);
            tally_.check(value, buffers_.grad_input[tensor.offset(n, i, y, x)], value.terms, "grad_input");
        }
    }

    void check_grad_weight() {
        const auto tensor = oracle::weight_tensor(shape_, options_.layout, options_.weight_layout);
        for (const std::int64_t k : sample(tensor.elements(), samples, random_)) {
            const std::int64_t c = k % tensor.width, r = k / tensor.width % tensor.height;
            const std::int64_t i = k / (tensor.width * tensor.height) % tensor.in_channels;
            const std::int64_t o = k / (tensor.width * tensor.height * tensor.in_channels);
            const oracle::Value value = oracle::conv2d_grad_weight_at(shape_, options_, buffers_.grad_output.data(),
                                                                      buffers_.input.data(), o, i, r, c);
            tally_.check(value, buffers_.grad_weight[tensor.offset(o, i, r, c)], longest_chain(), "grad_weight");
        }
    }

    void check_grad_bias() {
        for (std::int64_t o = 0; o < shape_.out_channels; ++o) {
            const oracle::Value value = oracle::conv2d_grad_bias_at(shape_, options_, buffers_.grad_output.data(), o);
            tally_.check(value, buffers_.grad_bias[o], longest_chain(), "grad_bias");
        }
    }

    Conv2dShape shape_;
    Conv2dBackwardOptions options_;
    Conv2dBuffers<T> buffers_;
    std::mt19937_64 random_;
    Tally tally_;
};

class Conv2dBound : public testing::TestWithParam<Layout> {
protected:
    template <class T>
    static void check() {
        for (const Conv2dShape& shape : layer_kinds())
            for (const Isa isa : available_isas()) {
                const Conv2dBackwardOptions options{.layout = GetParam(), .strategy = {.threads = 3, .isa = isa}};
                SCOPED_TRACE(describe(shape) + " " + describe(options));
                Bound<T>(shape, options);
                if (HasFailure()) return;
            }
    }
};

TEST_P(Conv2dBound, HoldsInFloat) { check<float>(); }
TEST_P(Conv2dBound, HoldsInDouble) { check<double>(); }

INSTANTIATE_TEST_SUITE_P(Layouts, Conv2dBound, testing::Values(Layout::nchw, Layout::nhwc),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
