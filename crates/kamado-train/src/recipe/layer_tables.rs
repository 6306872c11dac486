//! Every layer of a recipe and its keys. Defaults are not here but with the types that are read from it.

use super::schema::{Field, Kind, Variant, field, required, variant};
use super::tables::{ANY_NUMBER, COUNT, DECAY, NOT_NEGATIVE, POSITIVE, ROWS, SHARE, WINDOW};

const PADDING: Kind = Kind::Word(&["valid", "same"]);
const CAUSAL_PADDING: Kind = Kind::Word(&["valid", "same", "causal"]);
const ACTIVATION: Kind = Kind::Word(&[
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "silu",
    "swish",
    "gelu",
    "gelu_tanh",
    "softplus",
    "softsign",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "tanh",
    "exponential",
    "mish",
    "softmax",
    "log_softmax",
]);
const INITIALIZER: Kind = Kind::Tagged(&[
    variant("glorot_uniform", &[]),
    variant("glorot_normal", &[]),
    variant("he_uniform", &[]),
    variant("he_normal", &[]),
    variant("lecun_uniform", &[]),
    variant("lecun_normal", &[]),
    variant("orthogonal", &[field("gain", ANY_NUMBER)]),
    variant("zeros", &[]),
    variant("ones", &[]),
    variant("constant", &[field("value", ANY_NUMBER)]),
    variant("random_normal", &[field("mean", ANY_NUMBER), field("stddev", NOT_NEGATIVE)]),
    variant("random_uniform", &[field("minval", ANY_NUMBER), field("maxval", ANY_NUMBER)]),
]);

const POOLING: &[Field] = &[field("pool_size", WINDOW), field("strides", WINDOW), field("padding", PADDING)];

/// What is added or left out at each end; of images one number, two, or `[[top, bottom], [left, right]]`.
const ENDS: Kind = Kind::Pair(0, 1 << 20);
const SIDES: Kind = Kind::Either(&ENDS, &Kind::List(&ENDS, 2, 2));

/// An axis as Keras counts them.
const AXIS_OF: Kind = Kind::Integer(-8, 8);

const LSTM: &[Field] = &[
    required("units", COUNT),
    field("activation", ACTIVATION),
    field("recurrent_activation", ACTIVATION),
    field("use_bias", Kind::Bool),
    field("kernel_initializer", INITIALIZER),
    field("recurrent_initializer", INITIALIZER),
    field("bias_initializer", INITIALIZER),
    field("unit_forget_bias", Kind::Bool),
    field("dropout", DECAY),
    field("recurrent_dropout", DECAY),
    field("return_sequences", Kind::Bool),
    field("go_backwards", Kind::Bool),
];

const GRU: &[Field] = &[
    required("units", COUNT),
    field("activation", ACTIVATION),
    field("recurrent_activation", ACTIVATION),
    field("use_bias", Kind::Bool),
    field("kernel_initializer", INITIALIZER),
    field("recurrent_initializer", INITIALIZER),
    field("bias_initializer", INITIALIZER),
    field("dropout", DECAY),
    field("recurrent_dropout", DECAY),
    field("return_sequences", Kind::Bool),
    field("go_backwards", Kind::Bool),
    field("reset_after", Kind::Bool),
];

const SIMPLE_RNN: &[Field] = &[
    required("units", COUNT),
    field("activation", ACTIVATION),
    field("use_bias", Kind::Bool),
    field("kernel_initializer", INITIALIZER),
    field("recurrent_initializer", INITIALIZER),
    field("bias_initializer", INITIALIZER),
    field("dropout", DECAY),
    field("recurrent_dropout", DECAY),
    field("return_sequences", Kind::Bool),
    field("go_backwards", Kind::Bool),
];

/// The layers that a bidirectional one can hold.
const RECURRENT: &[Variant] = &[variant("lstm", LSTM), variant("gru", GRU), variant("simple_rnn", SIMPLE_RNN)];

/// The keys of every layer.
pub(super) const EVERY_LAYER: &[Field] =
    &[field("name", Kind::Text), field("inputs", Kind::List(&Kind::Text, 1, 1000)), field("trainable", Kind::Bool)];

pub(super) const LAYERS: &[Variant] = &[
    variant(
        "dense",
        &[
            required("units", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("kernel_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "conv2d",
        &[
            required("filters", COUNT),
            required("kernel_size", WINDOW),
            field("strides", WINDOW),
            field("padding", PADDING),
            field("dilation_rate", WINDOW),
            field("groups", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("kernel_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant("max_pooling2d", POOLING),
    variant("average_pooling2d", POOLING),
    variant("global_average_pooling2d", &[field("keepdims", Kind::Bool)]),
    variant("flatten", &[]),
    variant("dropout", &[required("rate", DECAY)]),
    variant("spatial_dropout1d", &[required("rate", DECAY)]),
    variant("spatial_dropout2d", &[required("rate", DECAY)]),
    variant("gaussian_noise", &[required("stddev", NOT_NEGATIVE)]),
    variant(
        "batch_normalization",
        &[
            field("momentum", SHARE),
            field("epsilon", POSITIVE),
            field("center", Kind::Bool),
            field("scale", Kind::Bool),
        ],
    ),
    variant("add", &[]),
    variant("multiply", &[]),
    variant("subtract", &[]),
    variant("average", &[]),
    variant("maximum", &[]),
    variant("minimum", &[]),
    variant("concatenate", &[field("axis", AXIS_OF)]),
    variant(
        "dot",
        &[required("axes", Kind::Either(&AXIS_OF, &Kind::List(&AXIS_OF, 2, 2))), field("normalize", Kind::Bool)],
    ),
    variant("activation", &[required("activation", ACTIVATION)]),
    variant("reshape", &[required("target_shape", Kind::List(&Kind::Integer(-1, 1 << 30), 1, 8))]),
    variant("permute", &[required("dims", Kind::List(&Kind::Integer(1, 8), 1, 8))]),
    variant("repeat_vector", &[required("n", COUNT)]),
    variant("masking", &[field("mask_value", ANY_NUMBER)]),
    variant("zero_padding1d", &[field("padding", ENDS)]),
    variant("zero_padding2d", &[field("padding", SIDES)]),
    variant("cropping1d", &[field("cropping", ENDS)]),
    variant("cropping2d", &[field("cropping", SIDES)]),
    variant(
        "embedding",
        &[
            required("input_dim", ROWS),
            required("output_dim", COUNT),
            field("embeddings_initializer", INITIALIZER),
            field("mask_zero", Kind::Bool),
            field("padding_idx", Kind::Integer(0, 1 << 31)),
        ],
    ),
    variant(
        "category_embedding",
        &[
            required("cardinalities", Kind::List(&ROWS, 1, 10_000)),
            required("output_dim", Kind::Either(&COUNT, &Kind::List(&COUNT, 1, 10_000))),
            field("embeddings_initializer", INITIALIZER),
        ],
    ),
    variant(
        "tied_dense",
        &[
            required("tied_to", Kind::Text),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant("elu", &[field("alpha", ANY_NUMBER)]),
    variant("leaky_relu", &[field("negative_slope", ANY_NUMBER)]),
    variant(
        "prelu",
        &[field("alpha_initializer", INITIALIZER), field("shared_axes", Kind::List(&Kind::Integer(1, 8), 1, 8))],
    ),
    variant("softmax", &[field("axis", AXIS_OF)]),
    variant(
        "group_normalization",
        &[
            field("groups", Kind::Integer(-1, 1 << 20)),
            field("epsilon", POSITIVE),
            field("center", Kind::Bool),
            field("scale", Kind::Bool),
            field("beta_initializer", INITIALIZER),
            field("gamma_initializer", INITIALIZER),
        ],
    ),
    variant(
        "layer_normalization",
        &[
            field("axis", AXIS_OF),
            field("epsilon", POSITIVE),
            field("center", Kind::Bool),
            field("scale", Kind::Bool),
            field("beta_initializer", INITIALIZER),
            field("gamma_initializer", INITIALIZER),
        ],
    ),
    variant("rms_normalization", &[field("axis", AXIS_OF), field("epsilon", POSITIVE)]),
    variant(
        "multi_head_attention",
        &[
            required("num_heads", COUNT),
            required("key_dim", COUNT),
            field("value_dim", COUNT),
            field("dropout", DECAY),
            field("use_bias", Kind::Bool),
            field("output_shape", COUNT),
            field("use_causal_mask", Kind::Bool),
            field("rotary", Kind::Bool),
        ],
    ),
    variant(
        "transformer_encoder",
        &[
            required("intermediate_dim", COUNT),
            required("num_heads", COUNT),
            field("dropout", DECAY),
            field("activation", ACTIVATION),
            field("norm_first", Kind::Bool),
            field("layer_norm_epsilon", POSITIVE),
            field("rotary", Kind::Bool),
            field("causal", Kind::Bool),
        ],
    ),
    variant(
        "transformer_decoder",
        &[
            required("intermediate_dim", COUNT),
            required("num_heads", COUNT),
            field("dropout", DECAY),
            field("activation", ACTIVATION),
            field("norm_first", Kind::Bool),
            field("layer_norm_epsilon", POSITIVE),
            field("rotary", Kind::Bool),
        ],
    ),
    variant("position_embedding", &[required("sequence_length", COUNT), field("initializer", INITIALIZER)]),
    variant("sine_position_encoding", &[field("max_wavelength", POSITIVE)]),
    variant("lstm", LSTM),
    variant("gru", GRU),
    variant("simple_rnn", SIMPLE_RNN),
    variant(
        "bidirectional",
        &[
            required("layer", Kind::Tagged(RECURRENT)),
            field("merge_mode", Kind::Word(&["concat", "sum", "mul", "ave"])),
        ],
    ),
    variant("average_pooling1d", &[field("pool_size", COUNT), field("strides", COUNT), field("padding", PADDING)]),
    variant(
        "conv1d",
        &[
            required("filters", COUNT),
            required("kernel_size", COUNT),
            field("strides", COUNT),
            field("padding", CAUSAL_PADDING),
            field("dilation_rate", COUNT),
            field("groups", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("kernel_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "conv1d_transpose",
        &[
            required("filters", COUNT),
            required("kernel_size", COUNT),
            field("strides", COUNT),
            field("padding", PADDING),
            field("output_padding", Kind::Integer(0, 1 << 12)),
            field("dilation_rate", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("kernel_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "conv2d_transpose",
        &[
            required("filters", COUNT),
            required("kernel_size", WINDOW),
            field("strides", WINDOW),
            field("padding", PADDING),
            field("output_padding", Kind::Pair(0, 1 << 12)),
            field("dilation_rate", WINDOW),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("kernel_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "depthwise_conv1d",
        &[
            required("kernel_size", COUNT),
            field("strides", COUNT),
            field("padding", CAUSAL_PADDING),
            field("depth_multiplier", COUNT),
            field("dilation_rate", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("depthwise_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "depthwise_conv2d",
        &[
            required("kernel_size", WINDOW),
            field("strides", WINDOW),
            field("padding", PADDING),
            field("depth_multiplier", COUNT),
            field("dilation_rate", WINDOW),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("depthwise_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant("global_average_pooling1d", &[field("keepdims", Kind::Bool)]),
    variant("global_max_pooling1d", &[field("keepdims", Kind::Bool)]),
    variant("global_max_pooling2d", &[field("keepdims", Kind::Bool)]),
    variant("max_pooling1d", &[field("pool_size", COUNT), field("strides", COUNT), field("padding", PADDING)]),
    variant(
        "separable_conv1d",
        &[
            required("filters", COUNT),
            required("kernel_size", COUNT),
            field("strides", COUNT),
            field("padding", CAUSAL_PADDING),
            field("dilation_rate", COUNT),
            field("depth_multiplier", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("depthwise_initializer", INITIALIZER),
            field("pointwise_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant(
        "separable_conv2d",
        &[
            required("filters", COUNT),
            required("kernel_size", WINDOW),
            field("strides", WINDOW),
            field("padding", PADDING),
            field("dilation_rate", WINDOW),
            field("depth_multiplier", COUNT),
            field("activation", ACTIVATION),
            field("use_bias", Kind::Bool),
            field("depthwise_initializer", INITIALIZER),
            field("pointwise_initializer", INITIALIZER),
            field("bias_initializer", INITIALIZER),
        ],
    ),
    variant("up_sampling1d", &[field("size", COUNT)]),
    variant("up_sampling2d", &[field("size", WINDOW), field("interpolation", Kind::Word(&["nearest", "bilinear"]))]),
];
