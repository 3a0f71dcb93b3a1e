#include "metrics.hpp"

#include "idx.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace trainer {
namespace {

[[noreturn]] void fail(const std::string& path) {
    throw UserError(path + ": cannot be written: " + std::strerror(errno));
}

void write_all(int file, const std::string& content, const std::string& path) {
    for (std::size_t done = 0; done < content.size();) {
        const ssize_t written = write(file, content.data() + done, content.size() - done);
        if (written < 0) fail(path);
        done += static_cast<std::size_t>(written);
    }
}

}  // namespace

void replace_file(const std::string& path, const std::string& content) {
    const std::string next = path + ".next";
    const int file = open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) fail(next);
    write_all(file, content, next);
    if (fsync(file) != 0 || close(file) != 0) fail(next);
    if (std::rename(next.c_str(), path.c_str()) != 0) fail(path);
}

void write_metrics(const std::string& path, const std::vector<EpochMetrics>& history) {
    std::string lines;
    for (const EpochMetrics& epoch : history) lines += nlohmann::json(epoch).dump() + '\n';
    replace_file(path, lines);
}

}  // namespace trainer
