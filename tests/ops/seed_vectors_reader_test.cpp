#include "ops/seed_vectors.hpp"

#include <backgrad/error.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

namespace backgrad::test {
namespace {

/// What the reader says about folders and files that are not as they should be.
class SeedVectorsReader : public testing::Test {
protected:
    void SetUp() override {
        const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
        folder_ = std::filesystem::path(testing::TempDir()) / ("backgrad_seed_vectors_" + test);
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& text) const { std::ofstream(folder_ / "file.json") << text; }

    std::string error(const std::string& operation = "conv2d_backward") const {
        try {
            seed_vectors(operation, folder_);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "no error";
    }

    std::filesystem::path folder_;
};

TEST_F(SeedVectorsReader, RefusesAMissingFolder) {
    std::filesystem::remove_all(folder_);
    EXPECT_NE(error().find("expected a folder"), std::string::npos) << error();
}

TEST_F(SeedVectorsReader, RefusesAnEmptyFolder) {
    EXPECT_NE(error().find("at least one .json file"), std::string::npos) << error();
}

TEST_F(SeedVectorsReader, NamesTheMalformedFile) {
    for (const char* text : {"", "{", "[]", "{\"cases\": []}", "{\"operation\": \"conv2d_backward\", \"cases\": []}",
                             "{\"operation\": \"conv3d_backward\", \"cases\": [{}]}",
                             "{\"operation\": \"conv2d_backward\", \"cases\": [1]}"}) {
        write(text);
        EXPECT_NE(error().find("file.json"), std::string::npos) << text << ": " << error();
    }
}

TEST_F(SeedVectorsReader, NamesTheMalformedTensor) {
    for (const char* text : {R"({"shape": [2], "data": [1]})", R"({"shape": [1], "data": ["inf"]})",
                             R"({"shape": [-1], "data": []})", R"({"data": [1]})", "[1]"}) {
        const VectorCase vector{"case", {{"input", nlohmann::json::parse(text)}}};
        EXPECT_THROW(vector.tensor("input"), std::runtime_error) << text;
    }
    EXPECT_THROW((VectorCase{"case", {{"stride", "two"}}}.integer("stride")), std::runtime_error);
    EXPECT_THROW((VectorCase{"case", {{"stride", 2}}}.tensor("input")), std::runtime_error);
}

TEST_F(SeedVectorsReader, ReadsNumbersThatJsonLacks) {
    const VectorCase vector{"case", {{"x", {{"shape", {3}}, {"data", {"NaN", "Infinity", "-Infinity"}}}}}};
    const VectorTensor tensor = vector.tensor("x");
    EXPECT_TRUE(std::isnan(tensor.data[0]));
    EXPECT_EQ(tensor.data[1], std::numeric_limits<double>::infinity());
    EXPECT_EQ(tensor.data[2], -std::numeric_limits<double>::infinity());
}

TEST_F(SeedVectorsReader, RefusesUnknownActivations) {
    EXPECT_EQ(parse_activation("leaky_relu(0.25)").alpha, 0.25);
    for (const char* text : {"swoosh", "leaky_relu(", "leaky_relu(x)", "leaky_relu(0.1"})
        EXPECT_THROW(parse_activation(text), Error) << text;
}

}  // namespace
}  // namespace backgrad::test
