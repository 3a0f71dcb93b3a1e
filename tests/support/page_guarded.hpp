#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace backgrad::test {

/// Zeros between two pages that nobody may touch, at the very end of what is allowed or at its very beginning: code
/// that as much as reads an element too many does not survive.
template <class T>
class PageGuarded {
public:
    enum class Side { beginning, end };

    PageGuarded(std::int64_t elements, Side side) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t bytes = static_cast<std::size_t>(elements) * sizeof(T);
        const std::size_t inner = (bytes + page) / page * page;
        bytes_ = inner + 2 * page;
        memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        std::byte* const first = static_cast<std::byte*>(memory_) + page;
        mprotect(memory_, page, PROT_NONE);
        mprotect(first + inner, page, PROT_NONE);
        data_ = reinterpret_cast<T*>(side == Side::beginning ? first : first + inner - bytes);
    }
    PageGuarded(const PageGuarded&) = delete;
    PageGuarded& operator=(const PageGuarded&) = delete;
    ~PageGuarded() { munmap(memory_, bytes_); }

    T* data() { return data_; }

private:
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
    T* data_ = nullptr;
};

}  // namespace backgrad::test
