#include "checkpoint.hpp"

#include "idx.hpp"

#include <zlib.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace trainer {
namespace {

// A line of JSON, then the values as they lie in memory. The line holds their CRC, so that a damaged file is found.

unsigned long crc_of(const std::string& bytes) {
    return crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

std::string bytes_of(const std::vector<Values*>& values) {
    std::string bytes;
    for (const Values* const part : values) {
        bytes.append(reinterpret_cast<const char*>(part->data()), part->size() * sizeof(float));
    }
    return bytes;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw UserError(path + ": expected a checkpoint to resume from, found none");
    std::ostringstream content;
    content << file.rdbuf();
    return std::move(content).str();
}

/// Names the first setting that differs.
void check_settings(const std::string& path, const nlohmann::json& saved, const nlohmann::json& asked) {
    for (const auto& [name, value] : asked.items()) {
        const nlohmann::json before = saved.value(name, nlohmann::json());
        if (before != value) {
            throw UserError(path + ": was made with " + name + " = " + before.dump() + ", cannot go on with " +
                            value.dump());
        }
    }
}

void copy_values(const std::string& bytes, const std::vector<Values*>& values) {
    std::size_t offset = 0;
    for (Values* const part : values) {
        std::memcpy(part->data(), bytes.data() + offset, part->size() * sizeof(float));
        offset += part->size() * sizeof(float);
    }
}

}  // namespace

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
    const std::string bytes = bytes_of(checkpoint.values);
    const nlohmann::json header{
        {"settings", checkpoint.settings}, {"history", checkpoint.history}, {"crc32", crc_of(bytes)}};
    replace_file(path, header.dump() + '\n' + bytes);
}

void load_checkpoint(const std::string& path, Checkpoint& checkpoint) {
    const std::string content = read_file(path);
    const std::size_t end = content.find('\n');
    const nlohmann::json header = nlohmann::json::parse(content.substr(0, end), nullptr, false);
    if (end == std::string::npos || !header.is_object() || !header.contains("crc32")) {
        throw UserError(path + ": expected a checkpoint, got something else");
    }
    check_settings(path, header.at("settings"), checkpoint.settings);
    const std::string bytes = content.substr(end + 1);
    if (bytes.size() != bytes_of(checkpoint.values).size() || crc_of(bytes) != header.at("crc32")) {
        throw UserError(path + ": the checkpoint is damaged");
    }
    checkpoint.history = header.at("history").get<std::vector<EpochMetrics>>();
    copy_values(bytes, checkpoint.values);
}

}  // namespace trainer
