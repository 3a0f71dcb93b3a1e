#include "variants/backgrad_variant.hpp"

#include "ops/conv2d_planned.hpp"
#include "variants/caller_pool.hpp"
#include "variants/launch.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/block.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/names.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/workspace.hpp>

namespace backgrad::bench {
namespace {

Strategy strategy_of(const Cell& cell, Executor* pool) {
    Strategy strategy;
    strategy.backend = parse<Backend>("--variants", cell.variant);
    // Left at automatic: the worker's environment says how many there are, and small problems may choose fewer.
    strategy.threads = 0;
    strategy.partition = cell.partition;
    strategy.schedule = cell.schedule.schedule;
    strategy.chunk = cell.schedule.chunk;
    strategy.reduction = cell.reduction;
    strategy.isa = cell.isa;
    strategy.executor = cell.executor ? cell.executor : pool;
    return strategy;
}

std::unique_ptr<CallerPool> pool_for(const Cell& cell) {
    return cell.variant == "callback" && !cell.executor ? std::make_unique<CallerPool>(cell.threads) : nullptr;
}

/// A plan, its scratch memory and, for the variant `callback`, the thread pool that is lent to it.
template <class Plan, class Arguments>
class PlanRunnable : public Runnable {
public:
    PlanRunnable(std::unique_ptr<CallerPool> pool, Plan plan, std::vector<Arguments> arguments)
        : pool_(std::move(pool)), plan_(std::move(plan)), arguments_(std::move(arguments)) {
        if constexpr (has_workspace) workspace_.reserve(plan_.workspace_bytes());
    }

    void run(std::size_t set) override {
        if constexpr (has_workspace) plan_.execute(arguments_[set], workspace_.data());
        else plan_.execute(arguments_[set]);
    }

private:
    static constexpr bool has_workspace = requires(const Plan& plan) { plan.workspace_bytes(); };
    std::unique_ptr<CallerPool> pool_;
    Plan plan_;
    std::vector<Arguments> arguments_;
    Workspace workspace_;
};

template <class Arguments, class Problems, class Bind>
std::vector<Arguments> bind_all(const Problems& sets, Bind bind) {
    std::vector<Arguments> arguments;
    for (const auto& problem : sets) arguments.push_back(bind(problem));
    return arguments;
}

template <class Plan, class Arguments, class PlanShape, class Options, class Problems, class Bind>
std::unique_ptr<Runnable> prepare_plan(const Cell& cell, PlanShape shape, Options options, const Problems& sets,
                                       Bind bind) {
    auto pool = pool_for(cell);
    options.strategy = strategy_of(cell, pool.get());
    return std::make_unique<PlanRunnable<Plan, Arguments>>(std::move(pool), Plan(shape, options),
                                                           bind_all<Arguments>(sets, bind));
}

template <class T>
Conv2dBackwardArguments<T> conv2d_arguments(const Problem<T>& p) {
    return {p.grad_output.data(), p.input.data(),       p.weight.data(),
            p.grad_input.data(),  p.grad_weight.data(), p.grad_bias.data()};
}

template <class T>
std::unique_ptr<Runnable> prepare_conv2d(const Cell& cell, std::span<const Problem<T>> sets) {
    return prepare_plan<Conv2dBackward<T>, Conv2dBackwardArguments<T>>(
        cell, conv2d_shape(cell.shape), conv2d_options(cell, nullptr), sets, conv2d_arguments<T>);
}

template <class T>
std::unique_ptr<Runnable> prepare_max_pool2d(const Cell& cell, std::span<const Problem<T>> sets) {
    MaxPool2dBackwardOptions options;
    options.layout = cell.layout;
    options.source = parse<MaxPoolSource>("--modes", cell.mode);
    return prepare_plan<MaxPool2dBackward<T>, MaxPool2dBackwardArguments<T>>(
        cell, pool2d_shape(cell.shape), options, sets, [](const Problem<T>& p) {
            return MaxPool2dBackwardArguments<T>{p.grad_output.data(), p.input.data(), p.plane_indices.data(),
                                                 p.window_offsets.data(), p.grad_input.data()};
        });
}

template <class T>
std::unique_ptr<Runnable> prepare_avg_pool2d(const Cell& cell, std::span<const Problem<T>> sets) {
    AvgPool2dBackwardOptions options;
    options.layout = cell.layout;
    options.padding = parse<AveragePadding>("--modes", cell.mode);
    return prepare_plan<AvgPool2dBackward<T>, AvgPool2dBackwardArguments<T>>(
        cell, pool2d_shape(cell.shape), options, sets, [](const Problem<T>& p) {
            return AvgPool2dBackwardArguments<T>{p.grad_output.data(), p.grad_input.data()};
        });
}

template <class T>
std::unique_ptr<Runnable> prepare_global_avg_pool2d(const Cell& cell, std::span<const Problem<T>> sets) {
    GlobalAvgPool2dBackwardOptions options;
    options.layout = cell.layout;
    const InputSizes s = input_sizes(cell.shape);
    return prepare_plan<GlobalAvgPool2dBackward<T>, GlobalAvgPool2dBackwardArguments<T>>(
        cell, GlobalAvgPool2dShape{s.batch, s.channels, s.height, s.width}, options, sets, [](const Problem<T>& p) {
            return GlobalAvgPool2dBackwardArguments<T>{p.grad_output.data(), p.grad_input.data()};
        });
}

template <class T>
std::unique_ptr<Runnable> prepare_activation(const Cell& cell, std::span<const Problem<T>> sets) {
    ActivationBackwardOptions options;
    const ActivationMode mode = activation_mode(cell.mode);
    options.activation = mode.activation;
    if (mode.masked) options.source = ActivationSource::mask;
    return prepare_plan<ActivationBackward<T>, ActivationBackwardArguments<T>>(
        cell, input_sizes(cell.shape).elements(), options, sets, [](const Problem<T>& p) {
            return ActivationBackwardArguments<T>{.grad_output = p.grad_output.data(),
                                                  .source = p.input.data(),
                                                  .grad_input = p.grad_input.data(),
                                                  .mask = p.mask.data(),
                                                  .mask_bytes = static_cast<std::int64_t>(p.mask.size())};
        });
}

/// Maxima from saved indices, derivatives from the convolution's output.
template <class T>
std::unique_ptr<Runnable> prepare_block(const Cell& cell, std::span<const Problem<T>> sets) {
    auto pool = pool_for(cell);
    BlockBackwardOptions options;
    options.convolution.layout = cell.layout;
    options.convolution.strategy = strategy_of(cell, pool.get());
    options.activation = block_activation(cell.shape);
    BlockBackward<T> plan(block_shape(cell.shape), options);
    const auto bind = [](const Problem<T>& p) {
        return BlockBackwardArguments<T>{.grad_output = p.grad_output.data(),
                                         .plane_indices = p.plane_indices.data(),
                                         .activation_source = p.output.data(),
                                         .input = p.input.data(),
                                         .weight = p.weight.data(),
                                         .grad_input = p.grad_input.data(),
                                         .grad_weight = p.grad_weight.data(),
                                         .grad_bias = p.grad_bias.data()};
    };
    using Block = PlanRunnable<BlockBackward<T>, BlockBackwardArguments<T>>;
    return std::make_unique<Block>(std::move(pool), std::move(plan), bind_all<BlockBackwardArguments<T>>(sets, bind));
}

std::unique_ptr<Runnable> prepare_launch(const Cell& cell) {
    auto pool = pool_for(cell);
    const Strategy strategy = strategy_of(cell, pool.get());
    return prepare_launch(strategy, std::move(pool));
}

template <class T>
std::unique_ptr<Runnable> prepare_operation(const Cell& cell, std::span<const Problem<T>> sets) {
    switch (cell.operation) {
        case Operation::max_pool2d_backward:
            return prepare_max_pool2d(cell, sets);
        case Operation::avg_pool2d_backward:
            return prepare_avg_pool2d(cell, sets);
        case Operation::global_avg_pool2d_backward:
            return prepare_global_avg_pool2d(cell, sets);
        case Operation::activation_backward:
            return prepare_activation(cell, sets);
        case Operation::block_backward:
            return prepare_block(cell, sets);
        case Operation::launch:
            return prepare_launch(cell);
        default:
            return prepare_conv2d(cell, sets);
    }
}

}  // namespace

Conv2dBackwardOptions conv2d_options(const Cell& cell, Executor* pool) {
    Conv2dBackwardOptions options;
    options.layout = cell.layout;
    options.gradients.input = cell.operation != Operation::conv2d_backward_weight;
    options.gradients.weight = options.gradients.bias = cell.operation != Operation::conv2d_backward_input;
    options.strategy = strategy_of(cell, pool);
    return options;
}

template <class T>
std::unique_ptr<Runnable> prepare_backgrad(const Cell& cell, std::span<const Problem<T>> sets) {
    const bool named = cell.partition != Partition::automatic || cell.schedule.schedule != Schedule::automatic ||
                       cell.reduction != Reduction::automatic;
    try {
        return prepare_operation(cell, sets);
    } catch (const Error& error) {
        // Not every back end knows every schedule, not every operation every partition. `auto` must always work.
        if (named) throw Unsupported(error.what());
        throw;
    }
}

template <class T>
std::vector<plan::KnownBlocking> blockings_of(const Cell& cell) {
    const auto pool = pool_for(cell);
    return ops::PlannedConv2d<T>(conv2d_shape(cell.shape), conv2d_options(cell, pool.get())).blockings();
}

template <class T>
std::unique_ptr<Runnable> prepare_blocking(const Cell& cell, const plan::Conv2dBlocking& blocking,
                                           std::span<const Problem<T>> sets) {
    auto pool = pool_for(cell);
    ops::PlannedConv2d<T> plan(conv2d_shape(cell.shape), conv2d_options(cell, pool.get()), blocking);
    using Planned = PlanRunnable<ops::PlannedConv2d<T>, Conv2dBackwardArguments<T>>;
    return std::make_unique<Planned>(std::move(pool), std::move(plan),
                                     bind_all<Conv2dBackwardArguments<T>>(sets, conv2d_arguments<T>));
}

template std::unique_ptr<Runnable> prepare_backgrad(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_backgrad(const Cell&, std::span<const Problem<double>>);
template std::vector<plan::KnownBlocking> blockings_of<float>(const Cell&);
template std::vector<plan::KnownBlocking> blockings_of<double>(const Cell&);
template std::unique_ptr<Runnable> prepare_blocking(const Cell&, const plan::Conv2dBlocking&,
                                                    std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_blocking(const Cell&, const plan::Conv2dBlocking&,
                                                    std::span<const Problem<double>>);

}  // namespace backgrad::bench
