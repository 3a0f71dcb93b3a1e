#pragma once

#include "kernels/activation_kernels.hpp"
#include "kernels/conv2d_kernels.hpp"
#include "kernels/pool2d_kernels.hpp"

#include <type_traits>

namespace backgrad::kernels {

/// All kernels of one ISA. One constant per ISA, defined in kernel_table.cpp. It points to the tables that each
/// operation's file exports, because a constant of another file cannot be copied at compile time.
struct KernelTable {
    const Conv2dKernels<float>* conv2d_f32;
    const Conv2dKernels<double>* conv2d_f64;
    const Pool2dKernels<float>* pool2d_f32;
    const Pool2dKernels<double>* pool2d_f64;
    const ActivationKernels<float>* activation_f32;
    const ActivationKernels<double>* activation_f64;

    template <class T>
    const Conv2dKernels<T>& conv2d() const noexcept {
        if constexpr (std::is_same_v<T, float>) return *conv2d_f32;
        else return *conv2d_f64;
    }
    template <class T>
    const Pool2dKernels<T>& pool2d() const noexcept {
        if constexpr (std::is_same_v<T, float>) return *pool2d_f32;
        else return *pool2d_f64;
    }
    template <class T>
    const ActivationKernels<T>& activation() const noexcept {
        if constexpr (std::is_same_v<T, float>) return *activation_f32;
        else return *activation_f64;
    }
};

}  // namespace backgrad::kernels
