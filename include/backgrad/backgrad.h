#ifndef BACKGRAD_BACKGRAD_H
#define BACKGRAD_BACKGRAD_H

#include <backgrad/export.h>

#include <stddef.h>
#include <stdint.h>

/* backgrad for C11. A plan is made once per layer and executed every step with the caller's buffers:

       backgrad_conv2d_shape shape = backgrad_conv2d_default_shape();
       backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
       backgrad_plan* plan;
       shape.batch = 8; ...
       if (backgrad_conv2d_backward_create(&plan, BACKGRAD_F32, &shape, &options) != BACKGRAD_OK)
           puts(backgrad_last_error());

   Formulas, layouts, numerical bounds and rules of aliasing stand with the same names in the C++ headers:
   conv2d.hpp, pool2d.hpp, activation.hpp, softmax.hpp, block.hpp, strategy.hpp. Structs hold every option of C++ and
   start from the function that fills in their defaults; a null pointer to options means the defaults. Nothing here
   throws, prints or ends the program. Functions may be called by several threads at once, also on one plan if each of
   them brings its own workspace; a plan is destroyed when nobody executes it. */

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, "major.minor.patch". */
BACKGRAD_EXPORT const char* backgrad_version(void);

/* -- Errors ------------------------------------------------------------------------------------------------------- */

/* In C an enumeration holds any int; in C++ only one with a fixed type does, and the library checks what it gets. */
#ifdef __cplusplus
#define BACKGRAD_INT : int
#else
#define BACKGRAD_INT
#endif

typedef enum backgrad_status BACKGRAD_INT {
    BACKGRAD_OK = 0,
    BACKGRAD_INVALID_ARGUMENT = 1, /* nothing was written */
    BACKGRAD_OUT_OF_MEMORY = 2,
    BACKGRAD_FAILURE = 3 /* the system refused something else; the message tells what */
} backgrad_status;

/* Why this thread's last call failed: "argument: expected ..., got ...". "" before the first failure. Valid until the
   thread's next failure. */
BACKGRAD_EXPORT const char* backgrad_last_error(void);

/* -- Types, as in types.hpp --------------------------------------------------------------------------------------- */

typedef enum backgrad_dtype BACKGRAD_INT { BACKGRAD_F32 = 0, BACKGRAD_F64 = 1 } backgrad_dtype;

typedef enum backgrad_layout BACKGRAD_INT { BACKGRAD_LAYOUT_NCHW = 0, BACKGRAD_LAYOUT_NHWC = 1 } backgrad_layout;

typedef enum backgrad_weight_layout BACKGRAD_INT {
    BACKGRAD_WEIGHT_LAYOUT_AUTO = 0,
    BACKGRAD_WEIGHT_LAYOUT_OIHW = 1,
    BACKGRAD_WEIGHT_LAYOUT_OHWI = 2
} backgrad_weight_layout;

typedef enum backgrad_write_mode BACKGRAD_INT { BACKGRAD_OVERWRITE = 0, BACKGRAD_ACCUMULATE = 1 } backgrad_write_mode;

/* -- Strategy, as in strategy.hpp --------------------------------------------------------------------------------- */

typedef enum backgrad_backend BACKGRAD_INT {
    BACKGRAD_BACKEND_AUTO = 0,
    BACKGRAD_BACKEND_SERIAL = 1,
    BACKGRAD_BACKEND_OPENMP = 2,
    BACKGRAD_BACKEND_TBB = 3,
    BACKGRAD_BACKEND_STD = 4,
    BACKGRAD_BACKEND_CALLBACK = 5 /* backgrad_strategy.executor */
} backgrad_backend;

typedef enum backgrad_partition BACKGRAD_INT {
    BACKGRAD_PARTITION_AUTO = 0,
    BACKGRAD_PARTITION_BATCH = 1,
    BACKGRAD_PARTITION_CHANNEL = 2,
    BACKGRAD_PARTITION_BATCH_CHANNEL = 3,
    BACKGRAD_PARTITION_SPATIAL = 4
} backgrad_partition;

typedef enum backgrad_schedule BACKGRAD_INT {
    BACKGRAD_SCHEDULE_AUTO = 0,
    BACKGRAD_SCHEDULE_STATIC = 1,
    BACKGRAD_SCHEDULE_DYNAMIC = 2,
    BACKGRAD_SCHEDULE_GUIDED = 3,
    BACKGRAD_SCHEDULE_TBB_AUTO = 4,
    BACKGRAD_SCHEDULE_TBB_AFFINITY = 5,
    BACKGRAD_SCHEDULE_TBB_SIMPLE = 6
} backgrad_schedule;

typedef enum backgrad_reduction BACKGRAD_INT {
    BACKGRAD_REDUCTION_AUTO = 0,
    BACKGRAD_REDUCTION_OWNER = 1,
    BACKGRAD_REDUCTION_PARTIALS = 2
} backgrad_reduction;

typedef enum backgrad_isa BACKGRAD_INT {
    BACKGRAD_ISA_AUTO = 0,
    BACKGRAD_ISA_SCALAR = 1,
    BACKGRAD_ISA_AVX2 = 2,
    BACKGRAD_ISA_AVX512 = 3
} backgrad_isa;

/* A thread pool of the caller. */
typedef struct backgrad_executor backgrad_executor;

/* One task of a plan. */
typedef void (*backgrad_task)(void* context, int64_t task, int worker);

/* Calls task(context, t, worker) once for every t in [0, task_count), in any order, on any threads, with 0 <= worker <
   workers and never two calls at once under one worker, and returns when all are done. Several threads may call it at
   once if several threads execute plans. */
typedef void (*backgrad_parallel_for)(void* pool, int64_t task_count, backgrad_task task, void* context);

/* `pool` is handed on as it is and may be null. `workers` is at least 1. */
BACKGRAD_EXPORT backgrad_status backgrad_executor_create(backgrad_executor** executor,
                                                         backgrad_parallel_for parallel_for, void* pool, int workers);

/* After the plans that use it. Null is legal. */
BACKGRAD_EXPORT void backgrad_executor_destroy(backgrad_executor* executor);

/* All zero: everything automatic. */
typedef struct backgrad_strategy {
    backgrad_backend backend;
    int threads;
    backgrad_partition partition;
    backgrad_schedule schedule;
    int chunk;
    backgrad_reduction reduction;
    backgrad_isa isa;
    backgrad_executor* executor; /* not owned, must outlive the plan */
} backgrad_strategy;

/* Sets one field by name: "backend", "threads", "partition", "schedule" (also with a chunk, "dynamic:4"), "reduction"
   or "isa", to a word of names.hpp, as in the environment ("openmp", "2", "auto", ...). */
BACKGRAD_EXPORT backgrad_status backgrad_strategy_set(backgrad_strategy* strategy, const char* field, const char* word);

/* The words of values, for reports; "unknown" for what is no enumerator. */
BACKGRAD_EXPORT const char* backgrad_backend_name(backgrad_backend backend);
BACKGRAD_EXPORT const char* backgrad_partition_name(backgrad_partition partition);
BACKGRAD_EXPORT const char* backgrad_schedule_name(backgrad_schedule schedule);
BACKGRAD_EXPORT const char* backgrad_reduction_name(backgrad_reduction reduction);
BACKGRAD_EXPORT const char* backgrad_isa_name(backgrad_isa isa);

/* -- Plans -------------------------------------------------------------------------------------------------------- */

/* The plan of any operation. Executing it as another operation is an invalid argument. */
typedef struct backgrad_plan backgrad_plan;

/* Bytes to which a workspace must be aligned. */
#define BACKGRAD_WORKSPACE_ALIGNMENT 64

/* Bytes of scratch memory that execution needs: 0 for all operations but conv2d and block. Null gives 0. */
BACKGRAD_EXPORT size_t backgrad_plan_workspace_bytes(const backgrad_plan* plan);

/* The strategy as resolved; partition and reduction stay automatic where the shape decides. */
BACKGRAD_EXPORT backgrad_status backgrad_plan_strategy(const backgrad_plan* plan, backgrad_strategy* strategy);

/* Null is legal. */
BACKGRAD_EXPORT void backgrad_plan_destroy(backgrad_plan* plan);

/* -- Convolution, as in conv2d.hpp -------------------------------------------------------------------------------- */

typedef struct backgrad_conv2d_shape {
    int64_t batch;
    int64_t in_channels; /* over all groups */
    int64_t in_height;
    int64_t in_width;
    int64_t out_channels; /* over all groups */
    int64_t kernel_height;
    int64_t kernel_width;
    int64_t stride_height;
    int64_t stride_width;
    int64_t padding_top;
    int64_t padding_bottom;
    int64_t padding_left;
    int64_t padding_right;
    int64_t dilation_height; /* 1 = dense */
    int64_t dilation_width;
    int64_t groups;
    int64_t out_height; /* -1: from the formula */
    int64_t out_width;
} backgrad_conv2d_shape;

typedef enum backgrad_input_gradient BACKGRAD_INT {
    BACKGRAD_INPUT_GRADIENT_ADJOINT = 0,
    BACKGRAD_INPUT_GRADIENT_ROTATED_KERNEL = 1
} backgrad_input_gradient;

typedef enum backgrad_conv2d_algorithm BACKGRAD_INT { BACKGRAD_CONV2D_DIRECT = 0 } backgrad_conv2d_algorithm;

/* The bits are the same. With weights first, grad_output is read twice. */
typedef enum backgrad_conv2d_order BACKGRAD_INT {
    BACKGRAD_CONV2D_TOGETHER = 0,
    BACKGRAD_CONV2D_WEIGHTS_FIRST = 1
} backgrad_conv2d_order;

typedef struct backgrad_conv2d_backward_options {
    backgrad_layout layout;
    backgrad_weight_layout weight_layout;
    int compute_grad_input; /* 0 or 1 */
    int compute_grad_weight;
    int compute_grad_bias;
    backgrad_write_mode grad_input_mode;
    backgrad_write_mode grad_weight_mode;
    backgrad_write_mode grad_bias_mode;
    backgrad_input_gradient input_gradient;
    backgrad_conv2d_algorithm algorithm;
    backgrad_conv2d_order order;
    backgrad_strategy strategy;
} backgrad_conv2d_backward_options;

/* A function of yours that is called when something is done. Null: nobody is told. */
typedef struct backgrad_notification {
    void (*function)(void* context); /* no exception may leave it */
    void* context;                   /* handed to the function as it is */
} backgrad_notification;

/* Tensors of the plan's element type. */
typedef struct backgrad_conv2d_backward_arguments {
    const void* grad_output; /* (batch, out_channels, out_height, out_width); always read */
    const void* input;       /* (batch, in_channels, in_height, in_width); read for grad_weight */
    const void* weight;      /* (out_channels, in_channels / groups, kernel); read for grad_input */
    void* grad_input;        /* shape of input */
    void* grad_weight;       /* shape of weight */
    void* grad_bias;         /* (out_channels) */
    /* Called once per execution, on the thread that executes, as soon as grad_weight and grad_bias are final. */
    backgrad_notification weights_ready;
} backgrad_conv2d_backward_arguments;

/* One image of one 1x1 channel, a 1x1 kernel, stride and dilation 1, no padding, one group. */
BACKGRAD_EXPORT backgrad_conv2d_shape backgrad_conv2d_default_shape(void);

/* NCHW, all three gradients, overwriting. */
BACKGRAD_EXPORT backgrad_conv2d_backward_options backgrad_conv2d_backward_default_options(void);

/* Size of the output along each axis by the formula in conv2d.hpp. */
BACKGRAD_EXPORT int64_t backgrad_conv2d_out_height(const backgrad_conv2d_shape* shape);
BACKGRAD_EXPORT int64_t backgrad_conv2d_out_width(const backgrad_conv2d_shape* shape);

BACKGRAD_EXPORT backgrad_status backgrad_conv2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                                const backgrad_conv2d_shape* shape,
                                                                const backgrad_conv2d_backward_options* options);

/* `workspace` holds backgrad_plan_workspace_bytes(plan) bytes, aligned to BACKGRAD_WORKSPACE_ALIGNMENT. */
BACKGRAD_EXPORT backgrad_status backgrad_conv2d_backward_execute(const backgrad_plan* plan,
                                                                 const backgrad_conv2d_backward_arguments* arguments,
                                                                 void* workspace);

/* -- Pooling, as in pool2d.hpp ------------------------------------------------------------------------------------ */

typedef struct backgrad_pool2d_shape {
    int64_t batch;
    int64_t channels;
    int64_t in_height;
    int64_t in_width;
    int64_t window_height;
    int64_t window_width;
    int64_t stride_height;
    int64_t stride_width;
    int64_t padding_top;
    int64_t padding_bottom;
    int64_t padding_left;
    int64_t padding_right;
    int64_t dilation_height; /* 1 = dense */
    int64_t dilation_width;
} backgrad_pool2d_shape;

/* One image of one 1x1 channel, a 1x1 window, stride and dilation 1, no padding. */
BACKGRAD_EXPORT backgrad_pool2d_shape backgrad_pool2d_default_shape(void);

BACKGRAD_EXPORT int64_t backgrad_pool2d_out_height(const backgrad_pool2d_shape* shape);
BACKGRAD_EXPORT int64_t backgrad_pool2d_out_width(const backgrad_pool2d_shape* shape);

typedef enum backgrad_max_pool_source BACKGRAD_INT {
    BACKGRAD_MAX_POOL_FROM_INPUT = 0,
    BACKGRAD_MAX_POOL_FROM_PLANE_INDICES = 1,
    BACKGRAD_MAX_POOL_FROM_WINDOW_OFFSETS = 2
} backgrad_max_pool_source;

typedef struct backgrad_max_pool2d_backward_options {
    backgrad_layout layout;
    backgrad_max_pool_source source;
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_max_pool2d_backward_options;

/* Only the source that the plan names is read. */
typedef struct backgrad_max_pool2d_backward_arguments {
    const void* grad_output;       /* (batch, channels, out_height, out_width) */
    const void* input;             /* (batch, channels, in_height, in_width) */
    const int32_t* plane_indices;  /* shape and layout of grad_output */
    const uint8_t* window_offsets; /* shape and layout of grad_output */
    void* grad_input;              /* shape of input */
} backgrad_max_pool2d_backward_arguments;

/* NCHW, from plane indices, overwriting. */
BACKGRAD_EXPORT backgrad_max_pool2d_backward_options backgrad_max_pool2d_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status
backgrad_max_pool2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype, const backgrad_pool2d_shape* shape,
                                    const backgrad_max_pool2d_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_max_pool2d_backward_execute(
    const backgrad_plan* plan, const backgrad_max_pool2d_backward_arguments* arguments);

typedef enum backgrad_average_padding BACKGRAD_INT {
    BACKGRAD_AVERAGE_EXCLUDE_PADDING = 0,
    BACKGRAD_AVERAGE_INCLUDE_PADDING = 1
} backgrad_average_padding;

typedef struct backgrad_avg_pool2d_backward_options {
    backgrad_layout layout;
    backgrad_average_padding padding;
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_avg_pool2d_backward_options;

typedef struct backgrad_avg_pool2d_backward_arguments {
    const void* grad_output; /* (batch, channels, out_height, out_width) */
    void* grad_input;        /* (batch, channels, in_height, in_width) */
} backgrad_avg_pool2d_backward_arguments;

/* NCHW, padding excluded, overwriting. */
BACKGRAD_EXPORT backgrad_avg_pool2d_backward_options backgrad_avg_pool2d_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status
backgrad_avg_pool2d_backward_create(backgrad_plan** plan, backgrad_dtype dtype, const backgrad_pool2d_shape* shape,
                                    const backgrad_avg_pool2d_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_avg_pool2d_backward_execute(
    const backgrad_plan* plan, const backgrad_avg_pool2d_backward_arguments* arguments);

typedef struct backgrad_global_avg_pool2d_shape {
    int64_t batch;
    int64_t channels;
    int64_t in_height;
    int64_t in_width;
} backgrad_global_avg_pool2d_shape;

typedef enum backgrad_global_average_gradient BACKGRAD_INT {
    BACKGRAD_GLOBAL_AVERAGE_FULL = 0,
    BACKGRAD_GLOBAL_AVERAGE_LOCAL_DERIVATIVE = 1
} backgrad_global_average_gradient;

typedef struct backgrad_global_avg_pool2d_backward_options {
    backgrad_layout layout;
    backgrad_global_average_gradient gradient;
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_global_avg_pool2d_backward_options;

typedef struct backgrad_global_avg_pool2d_backward_arguments {
    const void* grad_output; /* (batch, channels); not read for the local derivative */
    void* grad_input;        /* (batch, channels, in_height, in_width) */
} backgrad_global_avg_pool2d_backward_arguments;

/* NCHW, with the incoming gradient, overwriting. */
BACKGRAD_EXPORT backgrad_global_avg_pool2d_backward_options backgrad_global_avg_pool2d_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status backgrad_global_avg_pool2d_backward_create(
    backgrad_plan** plan, backgrad_dtype dtype, const backgrad_global_avg_pool2d_shape* shape,
    const backgrad_global_avg_pool2d_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_global_avg_pool2d_backward_execute(
    const backgrad_plan* plan, const backgrad_global_avg_pool2d_backward_arguments* arguments);

/* -- Activation, as in activation.hpp ----------------------------------------------------------------------------- */

typedef enum backgrad_activation BACKGRAD_INT {
    BACKGRAD_LINEAR = 0,
    BACKGRAD_RELU = 1,
    BACKGRAD_LEAKY_RELU = 2,
    BACKGRAD_SIGMOID = 3,
    BACKGRAD_TANH = 4,
    BACKGRAD_GELU_ERF = 5,
    BACKGRAD_GELU_TANH = 6,
    BACKGRAD_SILU = 7,
    BACKGRAD_ELU = 8,
    BACKGRAD_SOFTPLUS = 9,
    BACKGRAD_HARDSWISH = 10
} backgrad_activation;

typedef enum backgrad_activation_source BACKGRAD_INT {
    BACKGRAD_ACTIVATION_FROM_INPUT = 0,
    BACKGRAD_ACTIVATION_FROM_OUTPUT = 1,
    BACKGRAD_ACTIVATION_FROM_MASK = 2
} backgrad_activation_source;

typedef struct backgrad_activation_backward_options {
    backgrad_activation activation;
    backgrad_activation_source source;
    double alpha; /* slope of leaky_relu, scale of elu; -1: the function's default */
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_activation_backward_options;

/* All of one shape and layout. grad_input may be grad_output or source itself. */
typedef struct backgrad_activation_backward_arguments {
    const void* grad_output;
    const void* source; /* input or output, as the plan says; not read for linear */
    void* grad_input;
    const uint8_t* mask; /* for BACKGRAD_ACTIVATION_FROM_MASK, in place of the source */
    int64_t mask_bytes;  /* at `mask`; at least backgrad_activation_mask_bytes(elements) */
} backgrad_activation_backward_arguments;

/* ReLU from its input, overwriting. */
BACKGRAD_EXPORT backgrad_activation_backward_options backgrad_activation_backward_default_options(void);

/* For tensors of `elements` elements. */
BACKGRAD_EXPORT backgrad_status backgrad_activation_backward_create(
    backgrad_plan** plan, backgrad_dtype dtype, int64_t elements, const backgrad_activation_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_activation_backward_execute(
    const backgrad_plan* plan, const backgrad_activation_backward_arguments* arguments);

/* Bytes of the mask of `elements` elements, a bit each; 0 for a negative number. */
BACKGRAD_EXPORT int64_t backgrad_activation_mask_bytes(int64_t elements);

/* Saves, for relu and leaky_relu, which elements of their input are positive. */
BACKGRAD_EXPORT backgrad_status backgrad_make_activation_mask(backgrad_dtype dtype, int64_t elements, const void* input,
                                                              uint8_t* mask, int64_t mask_bytes);

/* "relu", "leaky_relu", ... as in names.hpp. */
BACKGRAD_EXPORT const char* backgrad_activation_name(backgrad_activation activation);
BACKGRAD_EXPORT backgrad_status backgrad_activation_from_name(const char* word, backgrad_activation* activation);

/* -- Activation whose derivative is a function of yours, as in activation_function.hpp ------------------------------
 */

/* The derivative at one element of the source. Called by several threads at once. */
typedef float (*backgrad_derivative_f32)(void* context, float source);
typedef double (*backgrad_derivative_f64)(void* context, double source);

/* All zero but the derivative of the plan's element type; the other one is not read. */
typedef struct backgrad_activation_function_backward_options {
    backgrad_derivative_f32 derivative_f32;
    backgrad_derivative_f64 derivative_f64;
    void* context; /* handed to the derivative as it is */
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_activation_function_backward_options;

/* For tensors of `elements` elements. */
BACKGRAD_EXPORT backgrad_status
backgrad_activation_function_backward_create(backgrad_plan** plan, backgrad_dtype dtype, int64_t elements,
                                             const backgrad_activation_function_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_activation_function_backward_execute(
    const backgrad_plan* plan, const backgrad_activation_backward_arguments* arguments);

/* -- Softmax, as in softmax.hpp ----------------------------------------------------------------------------------- */

/* (outer, length, inner) with the softmax along length. */
typedef struct backgrad_softmax_shape {
    int64_t outer;
    int64_t length;
    int64_t inner;
} backgrad_softmax_shape;

/* The softmax along the channels of an activation tensor. */
BACKGRAD_EXPORT backgrad_softmax_shape backgrad_softmax_over_channels(int64_t batch, int64_t channels, int64_t height,
                                                                      int64_t width, backgrad_layout layout);

typedef struct backgrad_softmax_backward_options {
    backgrad_activation_source source;
    backgrad_write_mode grad_input_mode;
    backgrad_strategy strategy;
} backgrad_softmax_backward_options;

/* All of the plan's shape. grad_input may be grad_output or source itself. */
typedef struct backgrad_softmax_backward_arguments {
    const void* grad_output;
    const void* source; /* softmax(x) or x, as the plan says */
    void* grad_input;
} backgrad_softmax_backward_arguments;

/* From the output, overwriting. */
BACKGRAD_EXPORT backgrad_softmax_backward_options backgrad_softmax_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status backgrad_softmax_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                                 const backgrad_softmax_shape* shape,
                                                                 const backgrad_softmax_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_softmax_backward_execute(const backgrad_plan* plan,
                                                                  const backgrad_softmax_backward_arguments* arguments);

typedef struct backgrad_softmax_cross_entropy_backward_options {
    double scale; /* factor of the loss: 1 / rows for the mean */
    backgrad_write_mode grad_logits_mode;
    backgrad_strategy strategy;
} backgrad_softmax_cross_entropy_backward_options;

/* grad_logits may be logits itself. */
typedef struct backgrad_softmax_cross_entropy_backward_arguments {
    const void* logits;    /* (outer, length, inner) */
    const int64_t* labels; /* (outer, inner), in [0, length); others give the row a gradient of zero */
    void* grad_logits;     /* shape of logits */
} backgrad_softmax_cross_entropy_backward_arguments;

/* Scale 1, overwriting. */
BACKGRAD_EXPORT backgrad_softmax_cross_entropy_backward_options
backgrad_softmax_cross_entropy_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status backgrad_softmax_cross_entropy_backward_create(
    backgrad_plan** plan, backgrad_dtype dtype, const backgrad_softmax_shape* shape,
    const backgrad_softmax_cross_entropy_backward_options* options);

BACKGRAD_EXPORT backgrad_status backgrad_softmax_cross_entropy_backward_execute(
    const backgrad_plan* plan, const backgrad_softmax_cross_entropy_backward_arguments* arguments);

/* -- Block of convolution, activation and pooling, as in block.hpp ------------------------------------------------ */

typedef enum backgrad_block_pool BACKGRAD_INT {
    BACKGRAD_BLOCK_POOL_NONE = 0,
    BACKGRAD_BLOCK_POOL_MAX = 1,
    BACKGRAD_BLOCK_POOL_AVERAGE = 2
} backgrad_block_pool;

/* The pooling's other sizes are those of the convolution's output. */
typedef struct backgrad_block_shape {
    backgrad_conv2d_shape convolution;
    backgrad_block_pool pool;
    int64_t pool_window_height;
    int64_t pool_window_width;
    int64_t pool_stride_height;
    int64_t pool_stride_width;
    int64_t pool_padding_top;
    int64_t pool_padding_bottom;
    int64_t pool_padding_left;
    int64_t pool_padding_right;
    int64_t pool_dilation_height; /* 1 = dense */
    int64_t pool_dilation_width;
} backgrad_block_shape;

typedef struct backgrad_block_backward_options {
    /* Its layout and strategy are those of the block, its order is BACKGRAD_CONV2D_TOGETHER. */
    backgrad_conv2d_backward_options convolution;
    backgrad_activation activation; /* BACKGRAD_LINEAR: none */
    backgrad_activation_source activation_source;
    double alpha; /* slope of leaky_relu, scale of elu; -1: the function's default */
    backgrad_max_pool_source max_pool_source;
    backgrad_average_padding average_padding;
    int64_t chunk_bytes; /* 0: as the caches suggest */
} backgrad_block_backward_options;

/* Tensors of the plan's element type; those that the plan does not name may be null. */
typedef struct backgrad_block_backward_arguments {
    const void* grad_output;       /* of the pooling, or without one of the activation */
    const int32_t* plane_indices;  /* shape and layout of grad_output */
    const uint8_t* window_offsets; /* shape and layout of grad_output */
    const void* pool_input;        /* the activation's output, shape of the convolution's */
    const void* activation_source; /* the activation's input or output, as the plan says */
    const void* input;             /* of the convolution; read for grad_weight */
    const void* weight;            /* read for grad_input */
    void* grad_input;              /* shape of input */
    void* grad_weight;             /* shape of weight */
    void* grad_bias;               /* (out_channels) */
} backgrad_block_backward_arguments;

/* The default convolution without a pooling. */
BACKGRAD_EXPORT backgrad_block_shape backgrad_block_default_shape(void);

/* The default convolution, ReLU from its input, maxima from plane indices, padding excluded from averages. */
BACKGRAD_EXPORT backgrad_block_backward_options backgrad_block_backward_default_options(void);

BACKGRAD_EXPORT backgrad_status backgrad_block_backward_create(backgrad_plan** plan, backgrad_dtype dtype,
                                                               const backgrad_block_shape* shape,
                                                               const backgrad_block_backward_options* options);

/* `workspace` holds backgrad_plan_workspace_bytes(plan) bytes, aligned to BACKGRAD_WORKSPACE_ALIGNMENT. */
BACKGRAD_EXPORT backgrad_status backgrad_block_backward_execute(const backgrad_plan* plan,
                                                                const backgrad_block_backward_arguments* arguments,
                                                                void* workspace);

#ifdef __cplusplus
}
#endif

#endif
