#pragma once

#include "ops/conv2d_context.hpp"

namespace backgrad::ops {

/// The cache lines of the next block of work, for register tiles to fetch on the side. What does not fit the list is
/// simply not fetched ahead.
template <class T>
class PrefetchList {
public:
    kernels::PrefetchQueue<T>* queue() { return &queue_; }
    void clear() { queue_ = {jobs_, jobs_}; }

    /// Adds `pixels` pixels, `pixel_step` apart, of `channels` channels. Whichever of the two is contiguous in memory
    /// is cut into lines.
    void add(const TensorView<const T>& tensor, const T* from, std::int64_t channels, std::int64_t pixels,
             std::int64_t pixel_step = 1) {
        const bool channels_last = tensor.channel == 1;
        const std::int64_t contiguous = channels_last ? channels : pixels * pixel_step;
        const std::int64_t others = channels_last ? pixels : channels;
        const std::int64_t step = channels_last ? tensor.pixel * pixel_step : tensor.channel;
        if (others == 0) return;
        if (queue_.begin == queue_.end) clear();
        constexpr std::int64_t line = 64 / sizeof(T);
        const std::int64_t lines = plan::ceil_div(contiguous, line);
        // A few long stretches one after the other, or many short ones side by side.
        if (others < lines) {
            for (std::int64_t i = 0; i < others && queue_.end < jobs_ + capacity; ++i)
                *queue_.end++ = {from + i * step, line, lines};
        } else {
            for (std::int64_t at = 0; at < contiguous && queue_.end < jobs_ + capacity; at += line)
                *queue_.end++ = {from + at, step, others};
        }
    }

    /// Adds memory of whatever type.
    void add(const FetchAhead& ahead) {
        constexpr std::int64_t line = 64;
        for (const FetchAhead::Stretch& stretch : ahead)
            if (stretch.bytes > 0 && queue_.end < jobs_ + capacity)
                *queue_.end++ = {reinterpret_cast<const T*>(stretch.begin), line / static_cast<std::int64_t>(sizeof(T)),
                                 plan::ceil_div(stretch.bytes, line)};
    }

    /// The lines that are still to be fetched.
    std::int64_t lines() const {
        std::int64_t sum = 0;
        for (const kernels::PrefetchJob<T>* job = queue_.begin; job != queue_.end; ++job) sum += job->count;
        return sum;
    }

    /// Fetches the next lines at once, for kernels without a queue.
    void fetch(std::int64_t lines) {
        while (lines > 0 && queue_.begin != queue_.end) {
            kernels::PrefetchJob<T>& job = *queue_.begin;
            const std::int64_t count = std::min(lines, job.count);
            for (std::int64_t i = 0; i < count; ++i) __builtin_prefetch(job.line + i * job.step, 0, 2);
            job.line += count * job.step;
            job.count -= count;
            lines -= count;
            if (job.count == 0) ++queue_.begin;
        }
    }

private:
    static constexpr int capacity = 128;
    kernels::PrefetchJob<T> jobs_[capacity];
    kernels::PrefetchQueue<T> queue_{jobs_, jobs_};
};

}  // namespace backgrad::ops
