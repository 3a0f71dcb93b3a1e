#include "plan/conv2d_chunks.hpp"

#include <algorithm>
#include <numeric>

namespace backgrad::plan {

namespace {

/// Images that must stay together: those of a segment, of either sum over the batch.
std::int64_t images_of_segments(const Conv2dProblem& p, std::size_t element_bytes) {
    Conv2dProblem whole = p;  // as grad_bias sees it
    whole.out_height = p.grad_output_height;
    whole.out_width = p.grad_output_width;
    const LaneFamily family = weight_family(p, element_bytes);
    return std::lcm(weight_segments(weight_problem(p, element_bytes), family, element_bytes).images,
                    weight_segments(whole, family, element_bytes).images);
}

std::int64_t chunk_images(const Conv2dProblem& p, std::size_t element_bytes, const Strategy& strategy,
                          std::int64_t chunk_bytes) {
    const std::int64_t elements = p.output_elements();
    if (p.batch != p.images || lane_group(p, element_bytes) > 0 || elements == 0)
        return std::max<std::int64_t>(1, p.batch);
    const std::int64_t unit = images_of_segments(p, element_bytes);
    const std::int64_t unit_bytes = elements / p.batch * unit * static_cast<std::int64_t>(element_bytes);
    const std::int64_t units = ceil_div(p.batch, unit);
    // A segment of several images is the least that a thread can sum; one of a part of an image is less than a unit.
    const std::int64_t least = unit > 1 ? std::max(1, strategy.threads) : 1;
    const std::int64_t chunks = ceil_div(units, std::max(least, chunk_bytes / unit_bytes));
    return std::min(p.batch, ceil_div(units, chunks) * unit);
}

/// The tasks of every list that find work in the images given.
class ChunkTasks {
public:
    ChunkTasks(const Conv2dProblem& p, const Conv2dPlan& plan, const Range& images) : images_(images) {
        if (plan.weight) take_sums(*plan.weight, weight_);
        if (plan.bias) take_sums(*plan.bias, bias_);
        if (plan.input) take_input(p, *plan.input);
    }

    std::vector<OrderedTask> interleaved(int workers) const {
        const std::vector<std::int64_t>* const lists[] = {&weight_, &bias_, &none_, &input_};
        std::vector<OrderedTask> order = interleave({size(weight_), size(bias_), 0, size(input_)}, workers);
        for (OrderedTask& next : order) next.task = (*lists[next.list])[static_cast<std::size_t>(next.task)];
        return order;
    }

private:
    static std::int64_t size(const std::vector<std::int64_t>& list) { return static_cast<std::int64_t>(list.size()); }

    /// A group without segments is written with the first images: its sum is zero. Images may hold much of one group
    /// and little of the next, so the groups of a block stand side by side: equal shares of the list then are equal
    /// work.
    template <class Sums>
    void take_sums(const Sums& sums, std::vector<std::int64_t>& list) const {
        const Range here{sums.segments.first_from(images_.begin), sums.segments.first_from(images_.end)};
        for (std::int64_t task = 0; task < sums.tasks; ++task) {
            const Range group = sums.segment_group(sums.segment_group_of(task));
            const bool overlaps = group.begin < here.end && here.begin < group.end;
            if (overlaps || (group.size() == 0 && images_.begin == 0)) list.push_back(task);
        }
        std::stable_sort(list.begin(), list.end(),
                         [&sums](std::int64_t a, std::int64_t b) { return a % sums.blocks() < b % sums.blocks(); });
    }

    void take_input(Conv2dProblem some, const Conv2dInputPlan& input) {
        some.batch = images_.size();
        const std::int64_t present = input.blocks_of(some);
        for (std::int64_t task = 0; task < input.tasks; ++task) {
            if (share(input.blocks, input.block_groups, input.task(some, task).block_group).begin < present)
                input_.push_back(task);
        }
    }

    Range images_;
    std::vector<std::int64_t> weight_, bias_, input_, none_;
};

}  // namespace

Conv2dChunks plan_conv2d_chunks(const Conv2dProblem& p, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                                std::size_t element_bytes, const Strategy& strategy, std::int64_t chunk_bytes) {
    Conv2dChunks result{};
    result.images = chunk_images(p, element_bytes, strategy, chunk_bytes);
    result.plan = plan_conv2d(p, gradients, tiles, element_bytes, strategy, result.images);
    if (result.images >= p.batch) {
        result.chunks.push_back({{0, p.batch}, result.plan.main_tasks});
        return result;
    }
    for (std::int64_t image = 0; image < p.batch; image += result.images) {
        const Range images{image, std::min(p.batch, image + result.images)};
        result.chunks.push_back(
            {images, ChunkTasks(p, result.plan, images).interleaved(std::max(1, strategy.threads))});
    }
    return result;
}

}  // namespace backgrad::plan
