#include "idx.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace trainer {
namespace {

/// More than any set of small images; a corrupt header may ask for anything.
constexpr std::int64_t most_bytes = std::int64_t{1} << 34;

/// A file that zlib decompresses as it is read; plain files pass through.
class GzipFile {
public:
    explicit GzipFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
        if (!file_) fail("expected a readable file, got \"" + std::string(std::strerror(errno)) + '"');
    }

    /// Fills the buffer; `what` is what it is for.
    void read(std::uint8_t* buffer, std::int64_t count, const std::string& what) {
        for (std::int64_t done = 0; done < count;) {
            const std::int64_t rest = count - done;
            const auto portion = static_cast<unsigned>(rest < (1 << 30) ? rest : 1 << 30);
            const int got = gzread(file_.get(), buffer + done, portion);
            if (got < 0) fail("expected gzip or plain data, got \"" + std::string(message()) + '"');
            if (got == 0) {
                fail("expected " + std::to_string(count) + " bytes of " + what + ", got " + std::to_string(done));
            }
            done += got;
        }
    }

    /// Also finds a wrong checksum, which zlib tells at the end.
    void expect_end() {
        std::uint8_t byte = 0;
        const int got = gzread(file_.get(), &byte, 1);
        if (got < 0) fail("expected intact gzip data, got \"" + std::string(message()) + '"');
        if (got > 0) fail("expected the file to end after its elements, got more bytes");
    }

    [[noreturn]] void fail(const std::string& problem) const { throw UserError(path_ + ": " + problem); }

private:
    const char* message() const {
        int code = 0;
        return gzerror(file_.get(), &code);
    }

    std::string path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

std::int64_t big_endian(const std::uint8_t* bytes) {
    return std::int64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

void check_magic(const GzipFile& file, const std::uint8_t* magic, std::size_t dimensions) {
    constexpr std::uint8_t unsigned_bytes = 0x08;
    if (magic[0] != 0 || magic[1] != 0) file.fail("expected an IDX file, which starts with two zero bytes");
    if (magic[2] != unsigned_bytes) {
        file.fail("expected elements of type 8 (unsigned byte), got type " + std::to_string(magic[2]));
    }
    if (magic[3] != dimensions) {
        file.fail("expected " + std::to_string(dimensions) + " dimensions, got " + std::to_string(magic[3]));
    }
}

}  // namespace

Idx read_idx(const std::string& path, std::size_t dimensions) {
    GzipFile file(path);
    std::uint8_t word[4];
    file.read(word, 4, "header");
    check_magic(file, word, dimensions);
    Idx idx;
    std::int64_t elements = 1;
    for (std::size_t d = 0; d < dimensions; ++d) {
        file.read(word, 4, "header");
        idx.sizes.push_back(big_endian(word));
        if (idx.sizes.back() < 1) file.fail("expected sizes of at least 1, got 0");
        if (idx.sizes.back() > most_bytes / elements) file.fail("expected at most 16 GiB of elements, got more");
        elements *= idx.sizes.back();
    }
    idx.bytes.resize(static_cast<std::size_t>(elements));
    file.read(idx.bytes.data(), elements, "elements");
    file.expect_end();
    return idx;
}

}  // namespace trainer
