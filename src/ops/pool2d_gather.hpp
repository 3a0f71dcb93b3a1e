#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "plan/pool2d_lines.hpp"
#include "plan/pool2d_phases.hpp"
#include "plan/pool2d_plan.hpp"
#include "plan/pool2d_scatter.hpp"

#include <backgrad/pool2d.hpp>

#include <string>

namespace backgrad {

/// Throws Error unless the shape is one that pooling can do; `element_bytes` is that of the tensors. The names of
/// window, stride, padding and dilation begin with `prefix`.
void validate_pool2d(const Pool2dShape& shape, std::int64_t element_bytes, const std::string& prefix = "");

/// Throws Error unless the source fits the shape; what it makes the kernels read.
plan::Pool2dReads validate_max_pool_source(const Pool2dShape& shape, MaxPoolSource source,
                                           const std::string& prefix = "");

/// Elements of the tensors of a validated shape.
std::int64_t pool2d_input_elements(const Pool2dShape& shape);
std::int64_t pool2d_output_elements(const Pool2dShape& shape);

/// How grad_input is written.
struct Pool2dWrites {
    WriteMode mode;
    bool streaming;     ///< with non-temporal stores
    bool fetching;      ///< lines that come next are asked for
    bool whole_planes;  ///< every box holds all rows of its planes
    bool whole_pixels;  ///< every box holds all channels of its pixels, or these are not NHWC
};

/// A pooling by windows that is ready to compute any box of grad_input, in the task of whoever owns the threads.
template <class T>
class Pool2dGather {
public:
    Pool2dGather(const Pool2dShape& shape, Layout layout, plan::Pool2dReads reads,
                 const kernels::Pool2dKernels<T>& table, const Pool2dWrites& writes);
    Pool2dGather(Pool2dGather&&) noexcept = default;

    /// Planes of NCHW, or images of NHWC, that are computed as one run of elements; 0 where none are.
    std::int64_t planes_of_line() const noexcept { return lines_.planes; }
    /// Elements of a pixel in such a run.
    std::int64_t channels_of_line() const noexcept { return lines_.channels; }
    void compute(const kernels::Pool2dTensors<T>& tensors, const kernels::Pool2dBox& box) const noexcept {
        kernel_(problem_, tensors, box);
    }
    /// As above for tensors that hold only `images` images.
    void compute(const kernels::Pool2dTensors<T>& tensors, const kernels::Pool2dBox& box,
                 std::int64_t images) const noexcept {
        kernels::Pool2dProblem some = problem_;
        some.input_elements = images * some.channels * some.in_height * some.in_width;
        some.output_elements = images * some.channels * some.out_height * some.out_width;
        kernel_(some, tensors, box);
    }

private:
    void plan_kernel(const Pool2dShape& shape, Layout layout, plan::Pool2dReads reads,
                     const kernels::Pool2dKernels<T>& table, const Pool2dWrites& writes);
    /// Whether images of NHWC serve as lines.
    bool plan_images(const Pool2dShape& shape, plan::Pool2dReads reads, const kernels::Pool2dKernels<T>& table,
                     const Pool2dWrites& writes);
    void plan_nchw(const Pool2dShape& shape, plan::Pool2dReads reads, const kernels::Pool2dKernels<T>& table,
                   bool whole_planes);
    void plan_nhwc(const Pool2dShape& shape, plan::Pool2dReads reads, const kernels::Pool2dKernels<T>& table);

    /// Whether a pixel may lie under several windows.
    bool overlap() const { return rows_.span() > 1 || columns_.span() > 1; }

    plan::Pool2dCovers rows_, columns_;
    plan::Pool2dLines lines_;
    plan::Pool2dPhases phases_;
    plan::Pool2dScatter scatter_;
    kernels::Pool2dProblem problem_{};  ///< points into the plans above
    kernels::Pool2dKernel<T> kernel_ = nullptr;
};

extern template class Pool2dGather<float>;
extern template class Pool2dGather<double>;

}  // namespace backgrad
