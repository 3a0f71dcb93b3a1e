// Execution allocates nothing.
#include "allocation/counting_new.hpp"
#include "support/strategies.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/names.hpp>
#include <backgrad/workspace.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

TEST(AllocationCounter, Counts) {
    const std::int64_t before = allocation_count();
    void* const number = ::operator new(sizeof(int));  // Clang may do without the allocation of a new-expression
    const Workspace workspace(128);
    EXPECT_EQ(allocation_count(), before + 2);
    ::operator delete(number);
}

class Conv2dAllocation : public testing::TestWithParam<Backend> {};

template <class T>
void expect_no_allocation(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
    const Conv2dBackward<T> plan(shape, options);
    const Workspace workspace(plan.workspace_bytes());
    const auto pixels_in = shape.batch * shape.in_channels * shape.in_height * shape.in_width;
    const auto pixels_out = shape.batch * shape.out_channels * shape.formula_out_height() * shape.formula_out_width();
    const auto taps = shape.out_channels * shape.in_channels / shape.groups * shape.kernel_height * shape.kernel_width;
    std::vector<T> grad_output(pixels_out, 1), input(pixels_in, 1), weight(taps, 1), grad_input(pixels_in),
        grad_weight(taps), grad_bias(shape.out_channels);
    const Conv2dBackwardArguments<T> arguments{grad_output.data(), input.data(),       weight.data(),
                                               grad_input.data(),  grad_weight.data(), grad_bias.data()};
    plan.execute(arguments, workspace.data());  // a runtime may set itself up on its first use
    const std::int64_t before = allocation_count();
    for (int repeat = 0; repeat < 3; ++repeat) plan.execute(arguments, workspace.data());
    EXPECT_EQ(allocation_count(), before);
}

TEST_P(Conv2dAllocation, IsNoneInExecution) {
    const std::vector<Conv2dShape> shapes{
        {.batch = 2,
         .in_channels = 20,
         .in_height = 9,
         .in_width = 10,
         .out_channels = 33,
         .kernel_height = 3,
         .kernel_width = 3,
         .padding_top = 1,
         .padding_left = 1},
        {.batch = 2, .in_channels = 64, .in_height = 7, .in_width = 7, .out_channels = 64},
        {.batch = 2,
         .in_channels = 3,
         .in_height = 40,
         .in_width = 40,
         .out_channels = 16,
         .kernel_height = 7,
         .kernel_width = 7,
         .stride_height = 2,
         .stride_width = 2},
        {.batch = 2,
         .in_channels = 24,
         .in_height = 12,
         .in_width = 12,
         .out_channels = 24,
         .kernel_height = 5,
         .kernel_width = 5,
         .padding_top = 2,
         .padding_left = 2,
         .groups = 24}};
    for (const Conv2dShape& shape : shapes)
        for (const Layout layout : {Layout::nchw, Layout::nhwc})
            for (const Isa isa : available_isas()) {
                const Conv2dBackwardOptions options{
                    .layout = layout,
                    .strategy = {.backend = GetParam(), .threads = threads_for(GetParam(), 2), .isa = isa}};
                expect_no_allocation<float>(shape, options);
                expect_no_allocation<double>(shape, options);
            }
}

INSTANTIATE_TEST_SUITE_P(Backends, Conv2dAllocation, testing::ValuesIn(available_backends()),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace backgrad::test
