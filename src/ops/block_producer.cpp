#include "ops/block_producer.hpp"

#include "isa/isa.hpp"
#include "ops/activation_problem.hpp"
#include "ops/validate.hpp"

#include <string>

namespace backgrad::ops {

namespace {

/// Moves a pointer that may be null, where the plan does not name its tensor.
template <class T>
const T* ahead(const T* pointer, std::int64_t elements) {
    return pointer == nullptr ? nullptr : pointer + elements;
}

plan::Pool2dReads validate_pool(const BlockShape& shape, const BlockBackwardOptions& options,
                                std::int64_t element_bytes) {
    const Pool2dShape pooling = shape.pooling();
    switch (shape.pool) {
        case BlockPool::none:
            return plan::Pool2dReads::nothing;
        case BlockPool::average:
            validate_pool2d(pooling, element_bytes, "pool_");
            return plan::Pool2dReads::nothing;
        case BlockPool::max:
            validate_pool2d(pooling, element_bytes, "pool_");
            return validate_max_pool_source(pooling, options.max_pool_source, "pool_");
    }
    throw Error("pool", "a BlockPool", std::to_string(static_cast<int>(shape.pool)));
}

}  // namespace

template <class T>
BlockProducer<T>::BlockProducer(const BlockShape& shape, const BlockBackwardOptions& options, Isa isa)
    : layout_(options.convolution.layout), source_(options.max_pool_source) {
    const plan::Pool2dReads reads = validate_pool(shape, options, sizeof(T));
    if (options.activation_source == ActivationSource::mask) {
        throw Error("activation_source", "input or output, because blocks read no mask", "mask");
    }
    const Pool2dShape pooling = shape.pooling();
    batch_ = pooling.batch;
    channels_ = pooling.channels;
    image_elements_ = channels_ * pooling.in_height * pooling.in_width;
    pooled_image_elements_ = channels_ * pooling.out_height() * pooling.out_width();
    pieces_ = plan::make_block_pieces(pooling.channels, pooling.in_height, pooling.in_width, options.convolution.layout,
                                      sizeof(T));
    const auto& table = isa::table(isa);
    const bool pools = shape.pool != BlockPool::none && pool2d_input_elements(pooling) > 0;
    if (pools) {
        // The gradient is read again at once: no streaming stores.
        const Pool2dWrites writes{WriteMode::overwrite, false, false, pieces_.row_parts == 1, true};
        pool_.emplace(pooling, layout_, reads, table.template pool2d<T>(), writes);
    }
    if (pools && shape.pool == BlockPool::average) {
        reciprocals_.emplace(pooling, options.average_padding);
        reciprocals_->repeat(pooling.out_width(), pool_->planes_of_line(), pool_->channels_of_line());
    }
    const auto activation = make_activation_problem<T>(
        {.activation = options.activation, .source = options.activation_source, .alpha = options.alpha},
        "activation_source");
    if (activation.derivative != kernels::Derivative::one) activation_ = activation;
    activation_kernels_ = &table.template activation<T>();
}

template <class T>
void BlockProducer<T>::check(const BlockBackwardArguments<T>& arguments) const {
    const std::int64_t elements = batch_ * image_elements_, pooled = batch_ * pooled_image_elements_;
    validate::require_pointer("grad_output", arguments.grad_output, pooled);
    if (activation_) validate::require_pointer("activation_source", arguments.activation_source, elements);
    if (!pool_ || reciprocals_) return;
    switch (source_) {
        case MaxPoolSource::input:
            return validate::require_pointer("pool_input", arguments.pool_input, elements);
        case MaxPoolSource::plane_indices:
            return validate::require_pointer("plane_indices", arguments.plane_indices, pooled);
        case MaxPoolSource::window_offsets:
            return validate::require_pointer("window_offsets", arguments.window_offsets, pooled);
    }
}

template <class T>
void BlockProducer<T>::gather(const BlockBackwardArguments<T>& arguments, std::int64_t first_image,
                              const plan::BlockPiece& piece, T* to) const noexcept {
    const std::int64_t pooled = first_image * pooled_image_elements_;
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = ahead(arguments.grad_output, pooled);
    tensors.input = ahead(arguments.pool_input, first_image * image_elements_);
    tensors.plane_indices = ahead(arguments.plane_indices, pooled);
    tensors.window_offsets = ahead(arguments.window_offsets, pooled);
    tensors.grad_input = to;
    if (reciprocals_) {
        tensors.reciprocals = reciprocals_->rows();
        tensors.line_reciprocals = reciprocals_->line();
    }
    const kernels::Pool2dBox box =
        layout_ == Layout::nchw
            ? kernels::Pool2dBox{0, 1, piece.unit_begin, piece.unit_end, piece.row_begin, piece.row_end}
            : kernels::Pool2dBox{piece.unit_begin, piece.unit_end, 0, channels_, piece.row_begin, piece.row_end};
    pool_->compute(tensors, box, batch_ - first_image);
}

template <class T>
void BlockProducer<T>::produce(const BlockBackwardArguments<T>& arguments, std::int64_t first_image,
                               std::int64_t images, std::int64_t task, T* to) const noexcept {
    const plan::BlockPiece piece = pieces_.piece(images, task);
    const std::int64_t before = first_image * image_elements_;
    if (pool_) gather(arguments, first_image, piece, to);
    if (!activation_) return;
    const T* gradient = pool_ ? to : arguments.grad_output + before;
    activation_kernels_->backward(*activation_, {gradient, arguments.activation_source + before, to, nullptr},
                                  piece.element_begin, piece.element_end);
}

template <class T>
FetchAhead BlockProducer<T>::reads(const BlockBackwardArguments<T>& arguments, std::int64_t first_image,
                                   std::int64_t images) const noexcept {
    FetchAhead ahead;
    const std::int64_t before = first_image * image_elements_, elements = images * image_elements_;
    const std::int64_t pooled_before = first_image * pooled_image_elements_, pooled = images * pooled_image_elements_;
    const auto add = [&ahead]<class Element>(const Element* tensor, std::int64_t from, std::int64_t count) {
        if (tensor != nullptr) ahead.add(tensor + from, count * static_cast<std::int64_t>(sizeof(Element)));
    };
    add(arguments.grad_output, pooled_before, pooled);
    if (activation_) add(arguments.activation_source, before, elements);
    if (!pool_ || reciprocals_) return ahead;
    if (source_ == MaxPoolSource::plane_indices) add(arguments.plane_indices, pooled_before, pooled);
    if (source_ == MaxPoolSource::window_offsets) add(arguments.window_offsets, pooled_before, pooled);
    // Often the activation's output is what it reads, too.
    if (source_ == MaxPoolSource::input && arguments.pool_input != arguments.activation_source)
        add(arguments.pool_input, before, elements);
    return ahead;
}

template class BlockProducer<float>;
template class BlockProducer<double>;

}  // namespace backgrad::ops
