#pragma once

#include "plan/conv2d_input_plan.hpp"

namespace backgrad::plan {

/// True where the terms of grad_input can be summed per kernel tap first: a 1x1 convolution that gives in_channels *
/// taps values for each pixel of grad_output, which then are folded, each added to the pixel that its tap meets. Few
/// input channels fill register tiles this way, and nothing is multiplied with the zeros of a stride or a border.
/// Source: the adjoint of the patch matrix, e.g. Chellapilla, Puri, Simard: High performance convolutional neural
/// networks for document processing, 2006.
bool can_fold(const Conv2dProblem& problem);

/// That 1x1 convolution. Its input channels are the kernel's weights of one output channel, as they lie in memory.
Conv2dProblem tap_sums_problem(const Conv2dProblem& problem);

/// Cycles per pixel of grad_input.
double fold_cost(const Conv2dProblem& problem, int lanes);

/// Chooses tiles, tasks and memory of a folding plan.
void plan_fold(Conv2dInputPlan& plan, const Conv2dProblem& problem, const RegisterTiles& tiles,
               std::size_t element_bytes, const Strategy& strategy);

/// The rows of grad_output that reach some rows of grad_input: those of all taps that meet grad_output at all.
Range reaching_rows(const Conv2dProblem& problem, Range input_rows);

/// Where bands share the sums of an image, they cut its pixels of grad_output, whole vectors: those of block `block`.
Range band_vectors(const Conv2dProblem& problem, const Conv2dInputPlan& plan, std::int64_t block);

/// The vectors of an image's sums that a row of grad_input waits for: at least one.
Range awaited_vectors(const Conv2dProblem& problem, const Conv2dInputPlan& plan, std::int64_t input_row);

/// All rows of grad_input that wait for any of the vectors, and perhaps some beside them.
Range waiting_rows(const Conv2dProblem& problem, const Conv2dInputPlan& plan, Range vectors);

/// The kernel rows that connect one row of grad_input with grad_output: `count` of them, `step` apart; the first meets
/// grad_output in `output_row`, the next `output_step` rows above.
struct KernelRows {
    std::int64_t first, step, count;
    std::int64_t output_row, output_step;
};
KernelRows kernel_rows(const Conv2dProblem& problem, std::int64_t input_row);

}  // namespace backgrad::plan
