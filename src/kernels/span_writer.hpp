#pragma once

#include "simd/vec.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Writes a tensor in memory order, whatever the length of its rows. Values collect in a buffer that lies in L1 and
/// leave it in whole cache lines, so that streaming stores are possible for rows of any length and alignment, and row
/// tails need no masked stores: a vector may be put in full, the next one overwrites what was too much.
/// `room_bytes` may be put there at once.
template <class T, int room_bytes = 2048>
class SpanWriter {
public:
    SpanWriter(bool accumulate, bool streaming) : accumulate_(accumulate), streaming_(streaming && !accumulate) {}
    SpanWriter(const SpanWriter&) = delete;
    SpanWriter& operator=(const SpanWriter&) = delete;
    ~SpanWriter() {
        flush(end_);
        if (streaming_) stream_fence();
    }

    /// The next value goes to p.
    void seek(T* p) {
        if (p == target_ + (end_ - begin_)) return;
        flush(end_);
        target_ = p;
        begin_ = end_ = static_cast<int>(reinterpret_cast<std::uintptr_t>(p) % line_bytes / sizeof(T));
    }

    /// Writes the first n lanes of v and advances by n.
    void put(vec<T> v, int n) {
        v.store(buffer_ + end_);
        end_ += n;
        if (end_ >= capacity) flush(end_ / line * line);
    }

    /// Room for the next elements, at most `room` of them: write() and write_first() put them there in any order,
    /// commit(n) says how many they are.
    T* reserve() { return buffer_ + end_; }
    void commit(std::int64_t n) {
        end_ += static_cast<int>(n);
        if (end_ >= capacity) flush(end_ / line * line);
    }
    static void write(T* p, vec<T> v) { v.store(p); }
    static void write_first(T* p, vec<T> v, int) { v.store(p); }

    static constexpr std::int64_t room = room_bytes / sizeof(T);

private:
    static constexpr int line_bytes = 64;
    static constexpr int line = line_bytes / static_cast<int>(sizeof(T));
    static constexpr int capacity = 4096 / static_cast<int>(sizeof(T));
    static constexpr int lanes = vec<T>::lanes;

    /// Writes [begin_, end) of the buffer and moves what is left to its start; end is end_ or a multiple of a line.
    [[gnu::noinline]] void flush(int end) {
        int k = begin_;
        T* const origin = target_ - begin_;
        while (k < end && k % line != 0) write(origin, k++);
        if (streaming_) {
            for (; k + line <= end; k += line) stream_line(origin + k, buffer_ + k);
        } else {
            for (; k + lanes <= end; k += lanes) write_vector(origin + k, buffer_ + k);
        }
        while (k < end) write(origin, k++);
        target_ = origin + end;
        const int left = end_ - end;
        begin_ = end % line;
        for (k = 0; k < left; ++k) buffer_[begin_ + k] = buffer_[end + k];
        end_ = begin_ + left;
    }

    void write(T* origin, int k) const { origin[k] = accumulate_ ? origin[k] + buffer_[k] : buffer_[k]; }

    void write_vector(T* p, const T* from) const {
        const vec<T> value = vec<T>::load(from);
        (accumulate_ ? vec<T>::load(p) + value : value).store(p);
    }

    static void stream_line(T* p, const T* from) {
        for (int k = 0; k < line; k += lanes) vec<T>::load(from + k).stream(p + k);
    }

    T* target_ = nullptr;
    int begin_ = 0;  ///< buffer_[begin_] goes to target_; the buffer has the target's offset in its cache line
    int end_ = 0;
    bool accumulate_;
    bool streaming_;
    alignas(line_bytes) T buffer_[capacity + room + 2 * 16];
};

/// The same seam without a buffer, for stores that neither stream nor accumulate.
template <class T>
class DirectWriter {
public:
    DirectWriter(bool, bool) {}
    void seek(T* p) { target_ = p; }
    void put(vec<T> v, int n) {
        if (n == vec<T>::lanes) {
            v.store(target_);
        } else {
            v.store_first(target_, n);
        }
        target_ += n;
    }

    T* reserve() const { return target_; }
    void commit(std::int64_t n) { target_ += n; }
    static void write(T* p, vec<T> v) { v.store(p); }
    static void write_first(T* p, vec<T> v, int n) {
        if (n == vec<T>::lanes) {
            v.store(p);
        } else {
            v.store_first(p, n);
        }
    }

    static constexpr std::int64_t room = std::numeric_limits<std::int64_t>::max();

private:
    T* target_ = nullptr;
};

/// What kernels that write vectors in any order need of the seam, for results that are added to what is there.
template <class T>
class AddingWriter {
public:
    AddingWriter(bool, bool) {}
    static void write(T* p, vec<T> v) { (vec<T>::load(p) + v).store(p); }
    static void write_first(T* p, vec<T> v, int n) { (vec<T>::load_first(p, n) + v).store_first(p, n); }
};

/// The same seam for streaming stores of whole vectors, where every one of them is aligned.
template <class T>
class StreamWriter {
public:
    /// True if vectors at p and at any of these distances from it, and multiples of them, are aligned.
    template <class... Distances>
    static bool serves(const T* p, Distances... distances) {
        return reinterpret_cast<std::uintptr_t>(p) % (sizeof(T) * vec<T>::lanes) == 0 &&
               ((distances % vec<T>::lanes == 0) && ...);
    }

    StreamWriter(bool, bool) {}
    StreamWriter(const StreamWriter&) = delete;
    StreamWriter& operator=(const StreamWriter&) = delete;
    ~StreamWriter() { stream_fence(); }

    void seek(T* p) { target_ = p; }
    T* reserve() const { return target_; }
    void commit(std::int64_t n) { target_ += n; }
    static void write(T* p, vec<T> v) { v.stream(p); }
    static void write_first(T* p, vec<T> v, int n) { v.store_first(p, n); }

    static constexpr std::int64_t room = std::numeric_limits<std::int64_t>::max();

private:
    T* target_ = nullptr;
};

/// Calls f(type) with the writer without a buffer that serves, as a std::type_identity; `streams`: whole vectors that
/// are aligned go past the caches.
template <class T, class F>
void with_unbuffered_writer(bool accumulate, bool streams, const F& f) {
    if (accumulate) return f(std::type_identity<AddingWriter<T>>{});
    if (streams) return f(std::type_identity<StreamWriter<T>>{});
    f(std::type_identity<DirectWriter<T>>{});
}

/// Puts values(k, n), of which n lanes exist, for elements k = begin, begin + lanes, ... below `end` of a run.
/// `may_spill`: what a last whole vector writes too much is put right later.
template <class T, class Writer, class Values>
[[gnu::always_inline]] inline void put_run(Writer& writer, std::int64_t begin, std::int64_t end, bool may_spill,
                                           const Values& values) {
    constexpr int lanes = vec<T>::lanes;
    const auto put = [&](std::int64_t stop) __attribute__((always_inline)) {
        T* const to = writer.reserve() - begin;
        std::int64_t k = begin;
        for (; k + lanes <= stop; k += lanes) Writer::write(to + k, values(k, lanes));
        if (k < stop) {
            const int left = static_cast<int>(stop - k);
            Writer::write_first(to + k, values(k, left), may_spill ? lanes : left);
        }
        writer.commit(stop - begin);
    };
    // Short runs feel a loop around them.
    if constexpr (Writer::room == std::numeric_limits<std::int64_t>::max()) {
        put(end);
    } else {
        for (; begin < end; begin += Writer::room) put(end - begin < Writer::room ? end : begin + Writer::room);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
