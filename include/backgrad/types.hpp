#pragma once

namespace backgrad {

/// Memory order of an activation tensor, last index fastest.
enum class Layout {
    nchw,  ///< (batch, channels, height, width)
    nhwc,  ///< (batch, height, width, channels)
};

/// Memory order of a convolution's weights, last index fastest. O = out_channels, I = in_channels / groups.
enum class WeightLayout {
    automatic,  ///< OIHW with NCHW tensors, OHWI with NHWC tensors
    oihw,       ///< (out_channels, in_channels / groups, kernel_height, kernel_width)
    ohwi,       ///< (out_channels, kernel_height, kernel_width, in_channels / groups)
};

/// What happens to a gradient's old content.
enum class WriteMode {
    overwrite,   ///< result = gradient; the old content is not read
    accumulate,  ///< result = old content + gradient; the finished gradient is added once
};

/// Instruction set of the kernels.
enum class Isa {
    automatic,  ///< the best that the CPU has and BACKGRAD_MAX_ISA allows
    scalar,     ///< plain C++; outside the same-bits promise
    avx2,       ///< AVX2 and FMA, 256-bit vectors
    avx512,     ///< AVX-512 F, BW, DQ and VL, 512-bit vectors
};

}  // namespace backgrad
