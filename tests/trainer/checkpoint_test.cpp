// Checkpoints: what is saved comes back, and what is damaged or of another run is refused.
#include "checkpoint.hpp"

#include "idx.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace trainer {
namespace {

class CheckpointFile : public testing::Test {
protected:
    CheckpointFile() { save_checkpoint(path_, {{{"seed", 1}}, {{.epoch = 1, .loss = 0.1}}, {&weight_, &state_}}); }
    ~CheckpointFile() override { std::filesystem::remove(path_); }

    /// Loads into zeros; the message, or "" if it went well.
    std::string load(int seed) {
        weight_ = {0, 0};
        state_ = {0};
        loaded_ = {{{"seed", seed}}, {}, {&weight_, &state_}};
        try {
            load_checkpoint(path_, loaded_);
            return "";
        } catch (const UserError& error) {
            return error.what();
        }
    }

    void rewrite(std::size_t drop, char last) {
        std::ifstream file(path_, std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(file), {}};
        content.resize(content.size() - drop);
        content.back() = last;
        std::ofstream(path_, std::ios::binary) << content;
    }

    std::string path_ = testing::TempDir() + "/backgrad_checkpoint_" + std::to_string(getpid());
    Values weight_{1.5F, -2}, state_{0.1F};
    Checkpoint loaded_;
};

TEST_F(CheckpointFile, ComesBack) {
    EXPECT_EQ(load(1), "");
    EXPECT_EQ(weight_, (Values{1.5F, -2}));
    EXPECT_EQ(state_, (Values{0.1F}));
    ASSERT_EQ(loaded_.history.size(), 1U);
    EXPECT_EQ(loaded_.history[0].loss, 0.1);
}

TEST_F(CheckpointFile, OfAnotherRunIsRefused) {
    EXPECT_NE(load(2).find("was made with seed = 1, cannot go on with 2"), std::string::npos);
    EXPECT_EQ(weight_, (Values{0, 0}));
}

TEST_F(CheckpointFile, DamagedIsRefused) {
    rewrite(0, 'x');
    EXPECT_NE(load(1).find("damaged"), std::string::npos);
    rewrite(5, 'x');
    EXPECT_NE(load(1).find("damaged"), std::string::npos);
    EXPECT_EQ(weight_, (Values{0, 0}));
    std::ofstream(path_) << "hello\n";
    EXPECT_NE(load(1).find("expected a checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace trainer
