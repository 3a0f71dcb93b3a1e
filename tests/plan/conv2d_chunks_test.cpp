#include "plan/conv2d_chunks.hpp"

#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace backgrad::plan {
namespace {

Conv2dTiles tiles_of(const RegisterTiles& dense) {
    return {dense, {dense.lanes, {0, 8, 8, 8, 6, 4, 3, 2, 2}, {0, 3, 3, 3, 3, 3, 3, 3, 2}}};
}

/// What the tasks of one list do, chunk by chunk: those of each task that one sees.
std::map<std::int64_t, std::vector<std::size_t>> chunks_of_tasks(const Conv2dChunks& chunks, MainTasks list) {
    std::map<std::int64_t, std::vector<std::size_t>> seen;
    for (std::size_t k = 0; k < chunks.chunks.size(); ++k)
        for (const OrderedTask& task : chunks.chunks[k].tasks)
            if (static_cast<MainTasks>(task.list) == list) seen[task.task].push_back(k);
    return seen;
}

/// Every task of a sum over the batch meets its segments, in order and each once.
template <class Sums>
void expect_all_segments(const Conv2dChunks& chunks, const Sums& sums, MainTasks list) {
    const auto seen = chunks_of_tasks(chunks, list);
    RC_ASSERT(static_cast<std::int64_t>(seen.size()) == sums.tasks);
    for (const auto& [task, visits] : seen) {
        const Range group = sums.segment_group(sums.segment_group_of(task));
        std::int64_t next = group.begin;
        for (const std::size_t k : visits) {
            const Range& images = chunks.chunks[k].images;
            const Range here{sums.segments.first_from(images.begin), sums.segments.first_from(images.end)};
            RC_ASSERT(std::max(group.begin, here.begin) == next);
            next = std::min(group.end, here.end);
        }
        RC_ASSERT(next == group.end);
        RC_ASSERT(!visits.empty());
    }
}

Conv2dChunks any_chunks(const Conv2dProblem& p) {
    const Conv2dTiles tiles = tiles_of(*rc::gen::element(test::wide_tiles, test::narrow_tiles));
    return plan_conv2d_chunks(p, {}, tiles, 4, test::any_strategy(), test::any(1, 40'000'000));
}

TEST(Conv2dChunks, FillTheBatchAndCutNoSegment) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = make_problem(test::any_shape(), test::any_layout());
        const Conv2dChunks chunks = any_chunks(p);
        RC_ASSERT(test::fill(p.batch, static_cast<std::int64_t>(chunks.chunks.size()),
                             [&](std::int64_t k) { return chunks.chunks[static_cast<std::size_t>(k)].images; }));
        for (const Conv2dChunk& chunk : chunks.chunks) {
            RC_ASSERT(chunk.images.size() <= chunks.images);
            if (chunk.images.end == p.batch || !chunks.plan.weight) continue;
            const Segments& segments = chunks.plan.weight->segments;
            RC_ASSERT(segments.box(segments.first_from(chunk.images.end)).image_begin == chunk.images.end);
        }
    }));
}

TEST(Conv2dChunks, LeaveNoTermOutAndCountNoneTwice) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = make_problem(test::any_shape(), test::any_layout());
        const Conv2dChunks chunks = any_chunks(p);
        const Conv2dPlan& plan = chunks.plan;
        if (plan.weight) expect_all_segments(chunks, *plan.weight, MainTasks::weight);
        if (plan.bias) expect_all_segments(chunks, *plan.bias, MainTasks::bias);
        if (!plan.input) return;
        for (const Conv2dChunk& chunk : chunks.chunks) {
            std::vector<std::int64_t> tasks;
            for (const OrderedTask& task : chunk.tasks)
                if (static_cast<MainTasks>(task.list) == MainTasks::input) tasks.push_back(task.task);
            std::sort(tasks.begin(), tasks.end());
            RC_ASSERT(std::adjacent_find(tasks.begin(), tasks.end()) == tasks.end());
            Conv2dProblem some = p;
            some.batch = chunk.images.size();
            const std::int64_t present = plan.input->blocks_of(some);
            for (std::int64_t task = 0; task < plan.input->tasks; ++task) {
                const std::int64_t group = plan.input->task(p, task).block_group;
                const bool works = share(plan.input->blocks, plan.input->block_groups, group).begin < present;
                RC_ASSERT(works == std::binary_search(tasks.begin(), tasks.end(), task));
            }
        }
    }));
}

TEST(Conv2dChunks, KeepToTheirBytesWhereASegmentAllows) {
    Conv2dShape shape{.batch = 64, .in_channels = 32, .in_height = 28, .in_width = 28, .out_channels = 64};
    shape.kernel_height = shape.kernel_width = 3;
    const Conv2dProblem p = make_problem(shape, {});
    const std::int64_t image_bytes = p.output_elements() / p.batch * 4;
    for (const std::int64_t images : {1, 3, 8, 64}) {
        const Conv2dChunks chunks =
            plan_conv2d_chunks(p, {}, tiles_of(test::wide_tiles), 4, {.threads = 2}, images * image_bytes);
        EXPECT_LE(chunks.images, images);
        EXPECT_GE(chunks.images, (images + 1) / 2);
    }
}

}  // namespace
}  // namespace backgrad::plan
