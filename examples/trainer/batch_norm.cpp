#include "batch_norm.hpp"

#include <cmath>

namespace trainer {
namespace {

constexpr float epsilon = 1e-5F;
constexpr float momentum = 0.1F;  // share of the new batch in the running means

Parameter filled(const std::string& name, std::int64_t count, float value, bool trained) {
    const auto size = static_cast<std::size_t>(count);
    return {name, Values(size, value), Values(trained ? size : 0)};
}

/// Calls body(first element, one past the last) for the channel's pixels in every image, in the order of the images.
template <class Body>
void for_each_plane(const Dims& dims, std::int64_t channel, const Body& body) {
    for (std::int64_t image = 0; image < dims.batch; ++image) {
        const std::int64_t begin = (image * dims.channels + channel) * dims.pixels();
        body(begin, begin + dims.pixels());
    }
}

}  // namespace

BatchNorm::BatchNorm(const std::string& name, const Dims& dims)
    : dims_(dims),
      scale_(filled(name + ".scale", dims.channels, 1, true)),
      shift_(filled(name + ".shift", dims.channels, 0, true)),
      running_mean_(filled(name + ".running_mean", dims.channels, 0, false)),
      running_variance_(filled(name + ".running_variance", dims.channels, 1, false)),
      mean_(static_cast<std::size_t>(dims.channels)),
      inverse_deviation_(static_cast<std::size_t>(dims.channels)) {}

/// Mean first and squares of distances from it afterwards: a sum of squares alone loses its digits to a large mean.
void BatchNorm::measure(const Tensor& input, std::int64_t channel) {
    const float* const x = input.data();
    const auto count = static_cast<double>(dims_.batch * dims_.pixels());
    double sum = 0;
    for_each_plane(dims_, channel, [&](std::int64_t begin, std::int64_t end) {
        float partial = 0;
#pragma omp simd reduction(+ : partial)
        for (std::int64_t k = begin; k < end; ++k) partial += x[k];
        sum += partial;
    });
    const auto mean = static_cast<float>(sum / count);
    double squares = 0;
    for_each_plane(dims_, channel, [&](std::int64_t begin, std::int64_t end) {
        float partial = 0;
#pragma omp simd reduction(+ : partial)
        for (std::int64_t k = begin; k < end; ++k) partial += (x[k] - mean) * (x[k] - mean);
        squares += partial;
    });
    const auto variance = static_cast<float>(squares / count);
    const auto c = static_cast<std::size_t>(channel);
    mean_[c] = mean;
    inverse_deviation_[c] = 1 / std::sqrt(variance + epsilon);
    running_mean_.value[c] += momentum * (mean - running_mean_.value[c]);
    const auto unbiased = static_cast<float>(squares / std::max(count - 1, 1.0));
    running_variance_.value[c] += momentum * (unbiased - running_variance_.value[c]);
}

void BatchNorm::forward(const Tensor& input, Tensor& output, bool training) {
    const float* const x = input.data();
    float* const y = output.data();
#pragma omp parallel for schedule(static)
    for (std::int64_t channel = 0; channel < dims_.channels; ++channel) {
        if (training) measure(input, channel);
        const auto c = static_cast<std::size_t>(channel);
        const float mean = training ? mean_[c] : running_mean_.value[c];
        const float inverse = training ? inverse_deviation_[c] : 1 / std::sqrt(running_variance_.value[c] + epsilon);
        const float factor = scale_.value[c] * inverse;
        const float shift = shift_.value[c];
        for_each_plane(dims_, channel, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t k = begin; k < end; ++k) y[k] = (x[k] - mean) * factor + shift;
        });
    }
}

/// With h = (x - mean) * inverse_deviation and means over the batch's pixels:
/// grad_scale = sum of grad_output * h, grad_shift = sum of grad_output,
/// grad_input = scale * inverse_deviation * (grad_output - mean(grad_output) - h * mean(grad_output * h)).
void BatchNorm::backward(const Tensor& input, const Tensor&, Tensor& grad_output, Tensor* grad_input) {
    const float* const x = input.data();
    const float* const g = grad_output.data();
    float* const result = grad_input->data();
    const auto count = static_cast<float>(dims_.batch * dims_.pixels());
#pragma omp parallel for schedule(static)
    for (std::int64_t channel = 0; channel < dims_.channels; ++channel) {
        const auto c = static_cast<std::size_t>(channel);
        const float mean = mean_[c], inverse = inverse_deviation_[c];
        double sum = 0, products = 0;
        for_each_plane(dims_, channel, [&](std::int64_t begin, std::int64_t end) {
            float partial = 0, partial_products = 0;
#pragma omp simd reduction(+ : partial, partial_products)
            for (std::int64_t k = begin; k < end; ++k) {
                partial += g[k];
                partial_products += g[k] * (x[k] - mean);
            }
            sum += partial;
            products += partial_products;
        });
        scale_.gradient[c] = static_cast<float>(products) * inverse;
        shift_.gradient[c] = static_cast<float>(sum);
        const float factor = scale_.value[c] * inverse;
        const float mean_gradient = shift_.gradient[c] / count;
        const float slope = scale_.gradient[c] * inverse / count;
        for_each_plane(dims_, channel, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t k = begin; k < end; ++k) {
                result[k] = factor * (g[k] - mean_gradient - (x[k] - mean) * slope);
            }
        });
    }
}

void BatchNorm::collect(std::vector<Parameter*>& parameters) {
    for (Parameter* const parameter : {&scale_, &shift_, &running_mean_, &running_variance_}) {
        parameters.push_back(parameter);
    }
}

}  // namespace trainer
