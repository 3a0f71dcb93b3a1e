#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace backgrad {

/// A block of scratch memory with the alignment that plans ask for. One workspace can serve many plans in turn,
/// but only one `execute` at a time.
class Workspace {
public:
    /// Bytes to which a workspace pointer must be aligned.
    static constexpr std::size_t alignment = 64;

    Workspace() = default;

    /// Allocates `bytes` bytes. Throws std::bad_alloc.
    explicit Workspace(std::size_t bytes) { reserve(bytes); }

    /// Grows to at least `bytes` bytes; the old content is lost when it grows. Throws std::bad_alloc.
    void reserve(std::size_t bytes) {
        if (bytes <= bytes_) return;
        memory_.reset();
        bytes_ = 0;
        memory_.reset(::operator new (bytes, std::align_val_t{alignment}));
        bytes_ = bytes;
    }

    void* data() const noexcept { return memory_.get(); }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    struct Free {
        void operator()(void* memory) const noexcept { ::operator delete (memory, std::align_val_t{alignment}); }
    };
    std::unique_ptr<void, Free> memory_;
    std::size_t bytes_ = 0;
};

}  // namespace backgrad
