// The kernels load whole vectors, also of elements that no lane takes. None of them may lie outside a tensor.
#include "ops/pool2d_shapes.hpp"
#include "oracle/pool2d.hpp"
#include "support/page_guarded.hpp"
#include "support/strategies.hpp"

#include <gtest/gtest.h>

namespace backgrad::test {
namespace {

template <class T>
using Side = typename PageGuarded<T>::Side;

/// All poolings of one shape, on tensors of zeros. What is checked is that they return.
template <class T>
class BoundsCell {
public:
    BoundsCell(const Pool2dShape& shape, Layout layout, bool at_end)
        : shape_(shape),
          layout_(layout),
          input_(oracle::input_tensor(shape, layout).elements(), side<T>(at_end)),
          grad_input_(oracle::input_tensor(shape, layout).elements(), side<T>(at_end)),
          grad_output_(oracle::output_tensor(shape, layout).elements(), side<T>(at_end)),
          indices_(oracle::output_tensor(shape, layout).elements(), side<std::int32_t>(at_end)),
          offsets_(oracle::output_tensor(shape, layout).elements(), side<std::uint8_t>(at_end)) {}

    void run(const Strategy& strategy) {
        for (const MaxPoolSource source :
             {MaxPoolSource::input, MaxPoolSource::plane_indices, MaxPoolSource::window_offsets}) {
            if (source == MaxPoolSource::window_offsets && shape_.window_height * shape_.window_width > 255) continue;
            MaxPool2dBackward<T>(shape_, {.layout = layout_, .source = source, .strategy = strategy})
                .execute({.grad_output = grad_output_.data(),
                          .input = input_.data(),
                          .plane_indices = indices_.data(),
                          .window_offsets = offsets_.data(),
                          .grad_input = grad_input_.data()});
        }
        AvgPool2dBackward<T>(shape_, {.layout = layout_, .strategy = strategy})
            .execute({.grad_output = grad_output_.data(), .grad_input = grad_input_.data()});
    }

private:
    template <class E>
    static Side<E> side(bool at_end) {
        return at_end ? Side<E>::end : Side<E>::beginning;
    }

    Pool2dShape shape_;
    Layout layout_;
    PageGuarded<T> input_, grad_input_, grad_output_;
    PageGuarded<std::int32_t> indices_;
    PageGuarded<std::uint8_t> offsets_;
};

template <class T>
void run_all() {
    for (const Pool2dShape& shape : pool2d_shapes()) {
        for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
            for (const bool at_end : {false, true}) {
                BoundsCell<T> cell(shape, layout, at_end);
                for (const Isa isa : vector_isas()) {
                    for (const Partition partition : {Partition::automatic, Partition::spatial}) {
                        cell.run({.backend = Backend::serial, .threads = 1, .partition = partition, .isa = isa});
                    }
                }
            }
        }
    }
}

TEST(Pool2dBounds, NothingOutsideATensorIsTouchedInFloat) { run_all<float>(); }
TEST(Pool2dBounds, NothingOutsideATensorIsTouchedInDouble) { run_all<double>(); }

}  // namespace
}  // namespace backgrad::test
