#include "ops/pool2d_run.hpp"
#include "ops/validate.hpp"

#include <backgrad/pool2d.hpp>

#include <map>

namespace backgrad {
namespace {

/// 1 / area of every window. Rows of windows that reach equally far into the input share their numbers.
template <class T>
class Reciprocals {
public:
    Reciprocals(const Pool2dShape& shape, AveragePadding padding) {
        if (pool2d_input_elements(shape) == 0 || pool2d_output_elements(shape) == 0) return;
        const plan::Pool2dAxis height = plan::height_axis(shape), width = plan::width_axis(shape);
        const bool include = padding == AveragePadding::include;
        for (std::int64_t y = 0; y < height.out; ++y) {
            const std::int64_t cells = include ? height.window : height.cells(y);
            std::vector<T>& row = by_cells_[cells];
            for (std::int64_t x = static_cast<std::int64_t>(row.size()); x < width.out; ++x) {
                const std::int64_t area = cells * (include ? width.window : width.cells(x));
                // A window without cells meets no element, so its number is never used.
                row.push_back(area > 0 ? static_cast<T>(1.0 / static_cast<double>(area)) : T(0));
            }
            rows_.push_back(row.data());
        }
    }

    /// Lays the numbers of whole planes out one behind the other, for kernels that compute several planes as one run.
    void repeat(std::int64_t width, std::int64_t planes) {
        for (std::int64_t plane = 0; plane < planes; ++plane) {
            for (const T* row : rows_) line_.insert(line_.end(), row, row + width);
        }
    }

    const T* const* rows() const { return rows_.data(); }
    const T* line() const { return line_.data(); }

private:
    std::map<std::int64_t, std::vector<T>> by_cells_;
    std::vector<const T*> rows_;
    std::vector<T> line_;
};

}  // namespace

template <class T>
struct AvgPool2dBackward<T>::Implementation {
    Implementation(const Pool2dShape& shape, const AvgPool2dBackwardOptions& options)
        : input_elements(pool2d_input_elements(shape)),
          output_elements(pool2d_output_elements(shape)),
          reciprocals(shape, options.padding),
          run("avg_pool2d_backward", shape, options.layout, options.grad_input_mode, options.strategy,
              plan::Pool2dReads::nothing) {
        reciprocals.repeat(shape.out_width(), run.planes_of_line());
    }

    std::int64_t input_elements, output_elements;
    Reciprocals<T> reciprocals;
    Pool2dRun<T> run;
};

template <class T>
AvgPool2dBackward<T>::AvgPool2dBackward(const Pool2dShape& shape, const AvgPool2dBackwardOptions& options) {
    validate_pool2d(shape, sizeof(T));
    implementation_ = std::make_unique<Implementation>(shape, options);
}

template <class T>
AvgPool2dBackward<T>::~AvgPool2dBackward() = default;
template <class T>
AvgPool2dBackward<T>::AvgPool2dBackward(AvgPool2dBackward&&) noexcept = default;
template <class T>
AvgPool2dBackward<T>& AvgPool2dBackward<T>::operator=(AvgPool2dBackward&&) noexcept = default;

template <class T>
void AvgPool2dBackward<T>::execute(const AvgPool2dBackwardArguments<T>& arguments) const {
    const Implementation& self = *implementation_;
    validate::require_pointer("grad_output", arguments.grad_output, self.output_elements);
    validate::require_pointer("grad_input", arguments.grad_input, self.input_elements);
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = arguments.grad_output;
    tensors.grad_input = arguments.grad_input;
    tensors.reciprocals = self.reciprocals.rows();
    tensors.line_reciprocals = self.reciprocals.line();
    self.run.run(tensors);
}

template <class T>
const Strategy& AvgPool2dBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template class AvgPool2dBackward<float>;
template class AvgPool2dBackward<double>;

}  // namespace backgrad
