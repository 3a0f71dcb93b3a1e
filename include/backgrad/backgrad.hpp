#pragma once

/// Everything backgrad offers to C++.
#include <backgrad/activation.hpp>
#include <backgrad/activation_function.hpp>
#include <backgrad/block.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/error.hpp>
#include <backgrad/executor.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/softmax.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>
#include <backgrad/workspace.hpp>
