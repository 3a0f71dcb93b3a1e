#pragma once

#include <backgrad/conv2d.hpp>
#include <backgrad/names.hpp>
#include <backgrad/strategy.hpp>

#include <sstream>
#include <string>

namespace backgrad::test {

/// A shape as a person writes it: "n2 g1 i3x8x9 o4 k3x3 s1x2 p0,1x2,3 d1x1".
inline std::string describe(const Conv2dShape& s) {
    std::ostringstream text;
    text << "n" << s.batch << " g" << s.groups << " i" << s.in_channels << "x" << s.in_height << "x" << s.in_width
         << " o" << s.out_channels << " k" << s.kernel_height << "x" << s.kernel_width << " s" << s.stride_height << "x"
         << s.stride_width << " p" << s.padding_top << "," << s.padding_bottom << "x" << s.padding_left << ","
         << s.padding_right << " d" << s.dilation_height << "x" << s.dilation_width;
    if (s.out_height >= 0 || s.out_width >= 0) text << " out" << s.out_height << "x" << s.out_width;
    return text.str();
}

inline std::string describe(const Strategy& s) {
    std::ostringstream text;
    text << "isa " << name(s.isa) << " backend " << name(s.backend) << " threads " << s.threads << " partition "
         << name(s.partition) << " schedule " << schedule_name({s.schedule, s.chunk}) << " reduction "
         << name(s.reduction);
    return text.str();
}

/// What a plan computes and how: layouts, gradients (a capital letter accumulates) and strategy.
inline std::string describe(const Conv2dBackwardOptions& o) {
    const auto letter = [](bool asked, char small, WriteMode mode) {
        if (!asked) return std::string();
        return std::string(1, static_cast<char>(mode == WriteMode::accumulate ? small - 'a' + 'A' : small));
    };
    return std::string(name(o.layout)) + " weights " + std::string(name(o.weight_layout)) + " gradients " +
           letter(o.gradients.input, 'i', o.grad_input_mode) + letter(o.gradients.weight, 'w', o.grad_weight_mode) +
           letter(o.gradients.bias, 'b', o.grad_bias_mode) + " " + describe(o.strategy);
}

}  // namespace backgrad::test
