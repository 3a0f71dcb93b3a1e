#include "cost.hpp"

#include <gtest/gtest.h>

namespace backgrad::bench {
namespace {

Cell cell_of(Operation operation, Shape shape, const std::string& mode = "default") {
    Cell cell;
    cell.operation = operation;
    cell.shape = std::move(shape);
    cell.mode = mode;
    return cell;
}

// Two images, 4 channels in 2 groups, 5x6 pixels, 6 channels out, kernel 3x3, stride 2, padding 1: output 3x3.
const Shape conv2d{"c", ShapeKind::conv2d, {2, 2, 4, 5, 6, 6, 3, 3, 2, 1, 1}};
constexpr double products = 2 * 6 * 3 * 3 * (4 / 2) * 3 * 3;
constexpr double input = 2 * 4 * 5 * 6, output = 2 * 6 * 3 * 3, weight = 6 * 2 * 3 * 3, bias = 6;

TEST(Cost, ConvolutionsCountTwoOperationsPerProduct) {
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward_weight, conv2d)).flops, 2 * products);
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward_input, conv2d)).flops, 2 * products);
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward, conv2d)).flops, 4 * products);
}

TEST(Cost, ConvolutionsReadAndWriteEachTensorOnce) {
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward_weight, conv2d)).bytes, 4 * (input + output + weight + bias));
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward_input, conv2d)).bytes, 4 * (output + weight + input));
    EXPECT_EQ(cost_of(cell_of(Operation::conv2d_backward, conv2d)).bytes, 4 * (output + 2 * input + 2 * weight + bias));
}

TEST(Cost, DoubleDoublesTheBytes) {
    Cell cell = cell_of(Operation::conv2d_backward_input, conv2d);
    cell.dtype = Dtype::f64;
    EXPECT_EQ(cost_of(cell).bytes, 8 * (output + weight + input));
}

TEST(Cost, PoolingsCountWhatTheModeReads) {
    const Shape pool{"p", ShapeKind::pool2d, {1, 3, 8, 8, 2, 2, 0}};
    constexpr double large = 3 * 8 * 8, small = 3 * 4 * 4;
    EXPECT_EQ(cost_of(cell_of(Operation::max_pool2d_backward, pool, "from_indices")).bytes, 4 * (large + 2 * small));
    EXPECT_EQ(cost_of(cell_of(Operation::max_pool2d_backward, pool, "from_offsets")).bytes,
              4 * (large + small) + small);
    EXPECT_EQ(cost_of(cell_of(Operation::max_pool2d_backward, pool, "from_input")).bytes, 4 * (2 * large + small));
    EXPECT_EQ(cost_of(cell_of(Operation::avg_pool2d_backward, pool)).bytes, 4 * (large + small));
    EXPECT_EQ(cost_of(cell_of(Operation::global_avg_pool2d_backward, pool)).bytes, 4 * (large + 3));
}

TEST(Cost, BlocksCountWhatLiesBetweenTheirOperations) {
    const auto block = [](Activation activation, BlockPool pool) {
        const std::int64_t size = pool == BlockPool::none ? 1 : 2;
        return Shape{
            "b",
            ShapeKind::block,
            {1, 1, 3, 8, 8, 5, 1, 1, 1, 0, 1, static_cast<int>(activation), static_cast<int>(pool), size, size, 0}};
    };
    constexpr double in = 3 * 8 * 8, out = 5 * 8 * 8, pooled = 5 * 4 * 4, weights = 2 * 3 * 5 + 5;
    const auto cost = [&](Activation activation, BlockPool pool) {
        return cost_of(cell_of(Operation::block_backward, block(activation, pool)));
    };
    EXPECT_EQ(cost(Activation::relu, BlockPool::max).flops, 2 * 2 * out * 3);
    EXPECT_EQ(cost(Activation::relu, BlockPool::max).bytes, 4 * (2 * pooled + out + 2 * in + weights));
    EXPECT_EQ(cost(Activation::linear, BlockPool::average).bytes, 4 * (pooled + 2 * in + weights));
    EXPECT_EQ(cost(Activation::relu, BlockPool::none).bytes, 4 * (2 * out + 2 * in + weights));
    EXPECT_EQ(cost(Activation::relu, BlockPool::max).bytes_between, 4 * 4 * out);
    EXPECT_EQ(cost(Activation::relu, BlockPool::none).bytes_between, 4 * 2 * out);
    EXPECT_EQ(cost(Activation::linear, BlockPool::none).bytes_between, 0);
}

TEST(Cost, ActivationsReadTwoTensorsAndWriteOne) {
    const Shape shape{"a", ShapeKind::activation, {2, 3, 4, 5}};
    EXPECT_EQ(cost_of(cell_of(Operation::activation_backward, shape, "relu")).bytes, 4 * 3 * 120);
    EXPECT_EQ(cost_of(cell_of(Operation::activation_backward, shape, "linear")).bytes, 4 * 2 * 120);
}

}  // namespace
}  // namespace backgrad::bench
