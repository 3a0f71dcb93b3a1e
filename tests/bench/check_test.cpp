#include "check.hpp"
#include "variants/variant.hpp"

#include <gtest/gtest.h>

#include <set>

namespace backgrad::bench {
namespace {

const Shape conv2d_sample{"c", ShapeKind::conv2d, {2, 1, 3, 9, 8, 5, 3, 3, 2, 1, 1}};
const Shape pool2d_sample{"p", ShapeKind::pool2d, {2, 3, 9, 8, 3, 2, 1}};
// With a max pooling of 3x3 windows, stride 2, padding 1, behind tanh.
const Shape block_sample{
    "b",
    ShapeKind::block,
    {2, 1, 3, 9, 8, 5, 3, 3, 1, 1, 1, static_cast<int>(Activation::tanh), static_cast<int>(BlockPool::max), 3, 2, 1}};
const Shape activation_sample{"a", ShapeKind::activation, {2, 3, 4, 5}};

const Shape& sample_of(Operation operation) {
    switch (kind_of(operation)) {
        case ShapeKind::conv2d:
            return conv2d_sample;
        case ShapeKind::pool2d:
            return pool2d_sample;
        case ShapeKind::block:
            return block_sample;
        case ShapeKind::activation:
        case ShapeKind::none:
            break;
    }
    return activation_sample;
}

Cell cell_of(Operation operation, const std::string& mode, Layout layout) {
    Cell cell;
    cell.operation = operation;
    cell.mode = mode;
    cell.shape = sample_of(operation);
    cell.layout = layout;
    cell.variant = "naive";
    return cell;
}

/// Calls visit(cell) for every operation that computes something, mode and layout.
template <class Visit>
void for_each_problem(Visit visit) {
    for (const auto& [operation, word] : names<Operation>) {
        if (kind_of(operation) == ShapeKind::none) continue;
        for (const std::string& mode : modes_of(operation)) {
            for (const Layout layout : {Layout::nchw, Layout::nhwc}) visit(cell_of(operation, mode, layout));
        }
    }
}

template <class T>
void run_naive(const Cell& cell, const Problem<T>& problem) {
    variant_named("naive").prepare<T>(cell, std::span(&problem, 1))->run(0);
}

template <class T>
class Check : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Check, Types);

TYPED_TEST(Check, PlainLoopsPassEveryOperation) {
    for_each_problem([](const Cell& cell) {
        const Problem<TypeParam> problem(cell);
        const auto expectations = expect(cell, problem);
        run_naive(cell, problem);
        EXPECT_EQ(compare(problem, expectations).value_or("all met"), "all met") << title(cell);
    });
}

TYPED_TEST(Check, ElementsThatAreNotWrittenFail) {
    for_each_problem([](const Cell& cell) {
        const Problem<TypeParam> problem(cell);
        EXPECT_TRUE(compare(problem, expect(cell, problem))) << title(cell);
    });
}

TYPED_TEST(Check, OneWrongElementOfAnyOutputFails) {
    for_each_problem([](const Cell& cell) {
        const Problem<TypeParam> problem(cell);
        const auto expectations = expect(cell, problem);
        run_naive(cell, problem);
        for (const Tensor<TypeParam>* output : problem.outputs()) {
            TypeParam& element = output->logical(output->elements() / 2);
            const TypeParam right = element;
            element = right + TypeParam(0.01);
            EXPECT_TRUE(compare(problem, expectations)) << title(cell);
            element = right;
        }
    });
}

TYPED_TEST(Check, ZerosFail) {
    for_each_problem([](const Cell& cell) {
        const Problem<TypeParam> problem(cell);
        for (const Tensor<TypeParam>* output : problem.outputs()) std::fill_n(output->data(), output->elements(), 0);
        EXPECT_TRUE(compare(problem, expect(cell, problem))) << title(cell);
    });
}

TEST(Sampling, LargeOutputsAreSampledFromEndToEnd) {
    Cell cell = cell_of(Operation::conv2d_backward_input, "default", Layout::nchw);
    cell.shape.values = {4, 1, 64, 56, 56, 64, 3, 3, 1, 1, 1};
    const Problem<float> problem(cell);
    std::set<std::int64_t> sampled;
    for (const Expectation& e : expect(cell, problem)) sampled.insert(e.index);
    const std::int64_t last = problem.grad_input.elements() - 1;
    EXPECT_GT(sampled.size(), 64u);
    EXPECT_LT(static_cast<std::int64_t>(sampled.size()), last);
    EXPECT_EQ(*sampled.begin(), 0);
    EXPECT_EQ(*sampled.rbegin(), last);
}

TEST(Checksum, IsOfTheValuesInNchwOrder) {
    const Problem<float> nchw(cell_of(Operation::activation_backward, "relu", Layout::nchw));
    const Problem<float> nhwc(cell_of(Operation::activation_backward, "relu", Layout::nhwc));
    for (std::int64_t i = 0; i < nchw.grad_input.elements(); ++i) {
        nchw.grad_input.logical(i) = nhwc.grad_input.logical(i) = static_cast<float>(i);
    }
    EXPECT_EQ(checksum(nchw), checksum(nhwc));
    nchw.grad_input.logical(7) = -nchw.grad_input.logical(7);
    EXPECT_NE(checksum(nchw), checksum(nhwc));
}

TEST(Inputs, AreTheSameValuesInEveryLayoutAndType) {
    const Problem<float> nchw(cell_of(Operation::conv2d_backward, "default", Layout::nchw));
    const Problem<double> nhwc(cell_of(Operation::conv2d_backward, "default", Layout::nhwc));
    for (std::int64_t i = 0; i < nchw.input.elements(); ++i) {
        ASSERT_EQ(static_cast<double>(nchw.input.logical(i)), nhwc.input.logical(i));
    }
}

}  // namespace
}  // namespace backgrad::bench
