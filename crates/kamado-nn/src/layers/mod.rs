//! The layers, one file each: a plain description with Keras's names and defaults, and how it becomes graph nodes.

mod activation;
mod add;
mod average;
mod average_pooling1d;
mod average_pooling2d;
mod batch_normalization;
mod bidirectional;
mod builder;
mod category_embedding;
mod concatenate;
mod conv1d;
mod conv1d_transpose;
mod conv2d;
mod conv2d_transpose;
mod convolution;
mod cropping1d;
mod cropping2d;
mod decoding;
mod dense;
mod depthwise_conv1d;
mod depthwise_conv2d;
mod dot;
mod dropout;
mod elu;
mod embedding;
mod flatten;
mod gaussian_noise;
mod global_average_pooling1d;
mod global_average_pooling2d;
mod global_max_pooling1d;
mod global_max_pooling2d;
mod group_normalization;
mod gru;
mod layer_normalization;
mod leaky_relu;
mod lstm;
mod masking;
mod max_pooling1d;
mod max_pooling2d;
mod maximum;
mod minimum;
mod multi_head_attention;
mod multiply;
mod nested;
mod no_settings;
mod parts;
mod permute;
mod pooling;
mod position_embedding;
mod prelu;
mod recurrent;
mod repeat_vector;
mod reshape;
mod rms_normalization;
mod separable_conv1d;
mod separable_conv2d;
mod simple_rnn;
mod sine_position_encoding;
mod softmax;
mod spatial_dropout;
mod subtract;
mod tied_dense;
mod transformer;
mod transformer_decoder;
mod transformer_encoder;
mod up_sampling1d;
mod up_sampling2d;
mod zero_padding1d;
mod zero_padding2d;

pub use activation::{Activation, ActivationLayer};
pub use add::Add;
pub use average::Average;
pub use average_pooling1d::AveragePooling1d;
pub use average_pooling2d::AveragePooling2d;
pub use batch_normalization::BatchNormalization;
pub use bidirectional::{Bidirectional, MergeMode};
pub use builder::{LayerBuilder, Mode};
pub use category_embedding::CategoryEmbedding;
pub use concatenate::Concatenate;
pub use conv1d::Conv1d;
pub use conv1d_transpose::Conv1dTranspose;
pub use conv2d::Conv2d;
pub use conv2d_transpose::Conv2dTranspose;
pub use cropping1d::Cropping1d;
pub use cropping2d::Cropping2d;
pub use decoding::Memory;
pub use dense::Dense;
pub use depthwise_conv1d::DepthwiseConv1d;
pub use depthwise_conv2d::DepthwiseConv2d;
pub use dot::Dot;
pub use dropout::Dropout;
pub use elu::Elu;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use gaussian_noise::GaussianNoise;
pub use global_average_pooling1d::GlobalAveragePooling1d;
pub use global_average_pooling2d::GlobalAveragePooling2d;
pub use global_max_pooling1d::GlobalMaxPooling1d;
pub use global_max_pooling2d::GlobalMaxPooling2d;
pub use group_normalization::GroupNormalization;
pub use gru::Gru;
pub use kamado_graph::ops::Interpolation;
pub use kamado_graph::ops::Padding;
pub use layer_normalization::LayerNormalization;
pub use leaky_relu::LeakyRelu;
pub use lstm::Lstm;
pub use masking::Masking;
pub use max_pooling1d::MaxPooling1d;
pub use max_pooling2d::MaxPooling2d;
pub use maximum::Maximum;
pub use minimum::Minimum;
pub use multi_head_attention::MultiHeadAttention;
pub use multiply::Multiply;
pub use nested::Nested;
pub use permute::Permute;
pub use position_embedding::PositionEmbedding;
pub use prelu::PRelu;
pub use repeat_vector::RepeatVector;
pub use reshape::Reshape;
pub use rms_normalization::RmsNormalization;
pub use separable_conv1d::SeparableConv1d;
pub use separable_conv2d::SeparableConv2d;
pub use simple_rnn::SimpleRnn;
pub use sine_position_encoding::SinePositionEncoding;
pub use softmax::Softmax;
pub use spatial_dropout::{SpatialDropout1d, SpatialDropout2d};
pub use subtract::Subtract;
pub use tied_dense::TiedDense;
pub use transformer_decoder::TransformerDecoder;
pub use transformer_encoder::TransformerEncoder;
pub use up_sampling1d::UpSampling1d;
pub use up_sampling2d::UpSampling2d;
pub use zero_padding1d::ZeroPadding1d;
pub use zero_padding2d::ZeroPadding2d;

pub(crate) use builder::Weights;
pub(crate) use decoding::Decoding;

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use crate::error::NnError;

/// How a layer becomes nodes of a graph.
pub trait Layer {
    /// Adds the layer's weights and operators; the result is its output.
    ///
    /// # Errors
    /// [`NnError::Layer`] if a setting or an input is not possible: what was expected, what came, what to do.
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError>;
}

/// Declares the closed list of layers.
macro_rules! layers {
    ($($variant:ident($type:ident) = $name:literal, $class:literal);* $(;)?) => {
        /// Any layer: the closed list, so that the compiler names every place where a new one must appear.
        ///
        /// In a recipe and in the model file it is a table with the key `type`, such as
        /// `{ type = "dense", units = 10 }`; an unknown key is an error.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "type")]
        #[allow(missing_docs)] // each is documented at its own type
        pub enum LayerConfig {
            $(#[serde(rename = $name)] $variant($type),)*
        }

        $(impl From<$type> for LayerConfig {
            fn from(layer: $type) -> Self {
                LayerConfig::$variant(layer)
            }
        })*

        impl LayerConfig {
            /// The types of layer, as written in a recipe.
            pub const KINDS: &'static [&'static str] = &[$($name),*];

            /// The type, as written in a recipe; automatic names begin with it.
            pub fn kind(&self) -> &'static str {
                match self { $(LayerConfig::$variant(_) => $name,)* }
            }

            /// The class name in Keras, which the summary shows.
            pub fn class(&self) -> &'static str {
                match self { $(LayerConfig::$variant(_) => $class,)* }
            }
        }

        impl Layer for LayerConfig {
            fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
                match self { $(LayerConfig::$variant(layer) => layer.build(b, inputs),)* }
            }
        }
    };
}

layers! {
    Dense(Dense) = "dense", "Dense";
    Conv2d(Conv2d) = "conv2d", "Conv2D";
    MaxPooling2d(MaxPooling2d) = "max_pooling2d", "MaxPooling2D";
    AveragePooling2d(AveragePooling2d) = "average_pooling2d", "AveragePooling2D";
    GlobalAveragePooling2d(GlobalAveragePooling2d) = "global_average_pooling2d", "GlobalAveragePooling2D";
    Flatten(Flatten) = "flatten", "Flatten";
    Dropout(Dropout) = "dropout", "Dropout";
    SpatialDropout1d(SpatialDropout1d) = "spatial_dropout1d", "SpatialDropout1D";
    SpatialDropout2d(SpatialDropout2d) = "spatial_dropout2d", "SpatialDropout2D";
    GaussianNoise(GaussianNoise) = "gaussian_noise", "GaussianNoise";
    BatchNormalization(BatchNormalization) = "batch_normalization", "BatchNormalization";
    Elu(Elu) = "elu", "ELU";
    LeakyRelu(LeakyRelu) = "leaky_relu", "LeakyReLU";
    PRelu(PRelu) = "prelu", "PReLU";
    Softmax(Softmax) = "softmax", "Softmax";
    GroupNormalization(GroupNormalization) = "group_normalization", "GroupNormalization";
    LayerNormalization(LayerNormalization) = "layer_normalization", "LayerNormalization";
    RmsNormalization(RmsNormalization) = "rms_normalization", "RMSNormalization";
    Activation(ActivationLayer) = "activation", "Activation";
    Reshape(Reshape) = "reshape", "Reshape";
    Add(Add) = "add", "Add";
    Multiply(Multiply) = "multiply", "Multiply";
    MultiHeadAttention(MultiHeadAttention) = "multi_head_attention", "MultiHeadAttention";
    TransformerEncoder(TransformerEncoder) = "transformer_encoder", "TransformerEncoder";
    TransformerDecoder(TransformerDecoder) = "transformer_decoder", "TransformerDecoder";
    PositionEmbedding(PositionEmbedding) = "position_embedding", "PositionEmbedding";
    SinePositionEncoding(SinePositionEncoding) = "sine_position_encoding", "SinePositionEncoding";
    Subtract(Subtract) = "subtract", "Subtract";
    Average(Average) = "average", "Average";
    Maximum(Maximum) = "maximum", "Maximum";
    Minimum(Minimum) = "minimum", "Minimum";
    Concatenate(Concatenate) = "concatenate", "Concatenate";
    Dot(Dot) = "dot", "Dot";
    Embedding(Embedding) = "embedding", "Embedding";
    CategoryEmbedding(CategoryEmbedding) = "category_embedding", "CategoryEmbedding";
    TiedDense(TiedDense) = "tied_dense", "TiedDense";
    Masking(Masking) = "masking", "Masking";
    Permute(Permute) = "permute", "Permute";
    RepeatVector(RepeatVector) = "repeat_vector", "RepeatVector";
    ZeroPadding1d(ZeroPadding1d) = "zero_padding1d", "ZeroPadding1D";
    ZeroPadding2d(ZeroPadding2d) = "zero_padding2d", "ZeroPadding2D";
    Cropping1d(Cropping1d) = "cropping1d", "Cropping1D";
    Cropping2d(Cropping2d) = "cropping2d", "Cropping2D";
    Nested(Nested) = "model", "Functional";
    Lstm(Lstm) = "lstm", "LSTM";
    Gru(Gru) = "gru", "GRU";
    SimpleRnn(SimpleRnn) = "simple_rnn", "SimpleRNN";
    Bidirectional(Bidirectional) = "bidirectional", "Bidirectional";
    AveragePooling1d(AveragePooling1d) = "average_pooling1d", "AveragePooling1D";
    Conv1d(Conv1d) = "conv1d", "Conv1D";
    Conv1dTranspose(Conv1dTranspose) = "conv1d_transpose", "Conv1DTranspose";
    Conv2dTranspose(Conv2dTranspose) = "conv2d_transpose", "Conv2DTranspose";
    DepthwiseConv1d(DepthwiseConv1d) = "depthwise_conv1d", "DepthwiseConv1D";
    DepthwiseConv2d(DepthwiseConv2d) = "depthwise_conv2d", "DepthwiseConv2D";
    GlobalAveragePooling1d(GlobalAveragePooling1d) = "global_average_pooling1d", "GlobalAveragePooling1D";
    GlobalMaxPooling1d(GlobalMaxPooling1d) = "global_max_pooling1d", "GlobalMaxPooling1D";
    GlobalMaxPooling2d(GlobalMaxPooling2d) = "global_max_pooling2d", "GlobalMaxPooling2D";
    MaxPooling1d(MaxPooling1d) = "max_pooling1d", "MaxPooling1D";
    SeparableConv1d(SeparableConv1d) = "separable_conv1d", "SeparableConv1D";
    SeparableConv2d(SeparableConv2d) = "separable_conv2d", "SeparableConv2D";
    UpSampling1d(UpSampling1d) = "up_sampling1d", "UpSampling1D";
    UpSampling2d(UpSampling2d) = "up_sampling2d", "UpSampling2D";
}
