#include "shape_files.hpp"

#include <backgrad/error.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace backgrad::bench {
namespace {

/// A shape file that goes away with the test.
class ShapeFile {
public:
    explicit ShapeFile(const std::string& text)
        : path_(std::filesystem::path(testing::TempDir()) /
                (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".csv")) {
        std::ofstream(path_) << text;
    }
    ~ShapeFile() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string message_of(const std::string& text) {
    const ShapeFile file(text);
    try {
        read_shape_file(file.path());
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

constexpr const char* conv2d_header = "name,n,g,ic,ih,iw,oc,kh,kw,s,p,d\n";

TEST(ShapeFiles, ReadsEachKindByItsHeader) {
    const ShapeFile conv2d(std::string(conv2d_header) + "a,2,1,3,8,9,4,3,2,1,1,2\n");
    const auto shapes = read_shape_file(conv2d.path());
    ASSERT_EQ(shapes.size(), 1u);
    const Conv2dShape s = conv2d_shape(shapes[0]);
    EXPECT_EQ(s.batch, 2);
    EXPECT_EQ(s.in_channels, 3);
    EXPECT_EQ(s.in_height, 8);
    EXPECT_EQ(s.in_width, 9);
    EXPECT_EQ(s.out_channels, 4);
    EXPECT_EQ(s.kernel_height, 3);
    EXPECT_EQ(s.kernel_width, 2);
    EXPECT_EQ(s.dilation_width, 2);
    EXPECT_EQ(s.padding_right, 1);

    const ShapeFile pool2d("name,n,c,h,w,k,s,p\nb,1,2,6,7,3,2,1\n");
    EXPECT_EQ(pool2d_shape(read_shape_file(pool2d.path())[0]).window_height, 3);
    const ShapeFile activation("name,n,c,h,w\nc,1,2,6,7\n");
    EXPECT_EQ(input_sizes(read_shape_file(activation.path())[0]).elements(), 84);
}

TEST(ShapeFiles, ReadsBlocksWithTheirWords) {
    const std::string header = "name,n,g,ic,ih,iw,oc,kh,kw,s,p,d,act,pool,pk,ps,pp\n";
    const ShapeFile file(header +
                         "a,2,1,3,8,9,4,3,2,1,1,1,gelu_erf,avg,3,2,1\nb,2,1,3,8,9,4,3,2,1,1,1,none,none,1,1,0\n");
    const auto shapes = read_shape_file(file.path());
    const BlockShape block = block_shape(shapes[0]);
    EXPECT_EQ(block.convolution.out_channels, 4);
    EXPECT_EQ(block.pool, BlockPool::average);
    EXPECT_EQ(block.pool_window_height, 3);
    EXPECT_EQ(block.pool_stride_width, 2);
    EXPECT_EQ(block.pool_padding_right, 1);
    EXPECT_EQ(block_activation(shapes[0]), Activation::gelu_erf);
    EXPECT_EQ(block_activation(shapes[1]), Activation::linear);
    EXPECT_EQ(block_shape(shapes[1]).pool, BlockPool::none);
    const std::string row = "c,2,1,3,8,9,4,3,2,1,1,1,";
    EXPECT_NE(message_of(header + row + "reluu,none,1,1,0\n").find("act: expected"), std::string::npos);
    EXPECT_NE(message_of(header + row + "relu,min,2,2,0\n").find("pool: expected"), std::string::npos);
    EXPECT_NE(message_of(header + row + "relu,none,2,2,0\n").find("pk: expected 1"), std::string::npos);
    EXPECT_NE(message_of(header + row + "relu,max,2,2,2\n").find("pp: expected less than pk"), std::string::npos);
    EXPECT_NE(message_of(header + row + "relu,max,20,2,0\n").find("pk: expected a window"), std::string::npos);
}

TEST(ShapeFiles, AcceptsCarriageReturnsBlanksAndEmptyLines) {
    const ShapeFile file("name,n,c,h,w\r\n\r\n a , 1, 2 ,6,7\r\n");
    EXPECT_EQ(read_shape_file(file.path())[0].name, "a");
}

TEST(ShapeFiles, ErrorsNameTheLine) {
    const std::string good = std::string(conv2d_header) + "a,2,1,3,8,8,4,3,3,1,1,1\n";
    EXPECT_NE(message_of(good + "b,2,1,3\n").find(".csv:3"), std::string::npos);
    EXPECT_NE(message_of(good + "b,2,1,x,8,8,4,3,3,1,1,1\n").find("'x'"), std::string::npos);
    EXPECT_NE(message_of(good + "b,2,1,-3,8,8,4,3,3,1,1,1\n").find(".csv:3"), std::string::npos);
    EXPECT_NE(message_of(good + "b,2,2,3,8,8,4,3,3,1,1,1\n").find("multiple of g"), std::string::npos);
    EXPECT_NE(message_of(good + "b,2,1,3,8,8,4,99,3,1,1,1\n").find("fits"), std::string::npos);
    EXPECT_NE(message_of(good + "b,2,1,3,99999999999999999999,8,4,3,3,1,1,1\n").find("integer"), std::string::npos);
    EXPECT_NE(message_of(good + "b,1048576,1,1048576,8,8,4,3,3,1,1,1\n").find("2^34"), std::string::npos);
    EXPECT_NE(message_of(good + ",2,1,3,8,8,4,3,3,1,1,1\n").find("name"), std::string::npos);
    EXPECT_NE(message_of("nombre,n,c\n").find(".csv:1"), std::string::npos);
    EXPECT_NE(message_of("").find("header"), std::string::npos);
    EXPECT_NE(message_of(conv2d_header).find("at least one shape"), std::string::npos);
}

TEST(ShapeFiles, ShapesOfOneNameMustBeEqual) {
    const std::string row = "a,1,2,6,7\n";
    const ShapeFile twice("name,n,c,h,w\n" + row + row);
    EXPECT_EQ(read_shape_file(twice.path()).size(), 1u);
    EXPECT_NE(message_of("name,n,c,h,w\n" + row + "a,1,2,6,8\n").find("two shapes named 'a'"), std::string::npos);
}

TEST(ShapeFiles, EverySetOfANetworkHoldsEveryKind) {
    for (const std::string& set : shape_set_names()) {
        if (set == "dense") continue;
        const auto shapes = load_shapes({set}, std::nullopt);
        for (const ShapeKind kind : {ShapeKind::conv2d, ShapeKind::pool2d, ShapeKind::activation}) {
            EXPECT_TRUE(std::any_of(shapes.begin(), shapes.end(), [&](const Shape& s) { return s.kind == kind; }))
                << set;
        }
    }
}

TEST(ShapeFiles, DenseLayersAreConvolutionsOfOnePixel) {
    const auto shapes = load_shapes({"dense"}, std::nullopt);
    EXPECT_GE(shapes.size(), 10u);
    for (const Shape& shape : shapes) {
        ASSERT_EQ(shape.kind, ShapeKind::conv2d) << shape.name;
        const Conv2dShape s = conv2d_shape(shape);
        EXPECT_EQ(s.in_height * s.in_width * s.kernel_height * s.kernel_width * s.groups, 1) << shape.name;
        EXPECT_EQ(s.formula_out_height() * s.formula_out_width(), 1) << shape.name;
    }
}

TEST(ShapeFiles, NamesDifferAcrossSets) {
    const auto shapes = load_shapes(shape_set_names(), std::nullopt);
    std::size_t each = 0;
    for (const std::string& set : shape_set_names()) each += load_shapes({set}, std::nullopt).size();
    EXPECT_EQ(shapes.size(), each);
}

TEST(ShapeFiles, BatchReplacesTheOwn) {
    for (const Shape& shape : load_shapes({"lenet"}, 3)) EXPECT_EQ(input_sizes(shape).batch, 3);
}

TEST(ShapeFiles, UnknownNameListsTheSets) {
    try {
        load_shapes({"no_such_set"}, std::nullopt);
        FAIL() << "an unknown set was accepted";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("resnet50"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("no_such_set"), std::string::npos);
    }
}

}  // namespace
}  // namespace backgrad::bench
