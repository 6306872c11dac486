//! What the transformer's blocks share.

use kamado_graph::graph::NodeId;

use super::parts::{check_dropout, dropout, layer_norm, project, sequence};
use super::{Activation, LayerBuilder, MultiHeadAttention};
use crate::error::NnError;

/// The settings of a block.
pub(super) struct Block {
    pub(super) intermediate_dim: usize,
    pub(super) num_heads: usize,
    pub(super) dropout: f64,
    pub(super) activation: Activation,
    pub(super) norm_first: bool,
    pub(super) layer_norm_epsilon: f64,
    pub(super) rotary: bool,
}

impl Block {
    /// Checks the settings for inputs `[B, T, width]`.
    pub(super) fn check(&self, b: &LayerBuilder<'_>, x: NodeId) -> Result<(), NnError> {
        let [_, width] = sequence(b, x)?;
        b.at_least_one("intermediate_dim", &[self.intermediate_dim])?;
        b.at_least_one("num_heads", &[self.num_heads])?;
        if !width.is_multiple_of(self.num_heads) {
            return Err(b.error(format!(
                "its input has {width} features, which {} heads cannot share evenly; choose num_heads so that it divides \
                 {width}",
                self.num_heads
            )));
        }
        if !(self.layer_norm_epsilon > 0.0 && self.layer_norm_epsilon.is_finite()) {
            return Err(b.error(format!("layer_norm_epsilon must be greater than 0, got {}", self.layer_norm_epsilon)));
        }
        check_dropout(b, self.dropout)
    }

    /// `x + dropout(f(norm(x)))` with `norm_first`, otherwise `norm(x + dropout(f(x)))`.
    fn residual(
        &self,
        b: &mut LayerBuilder<'_>,
        name: &str,
        x: NodeId,
        f: impl FnOnce(&mut LayerBuilder<'_>, NodeId) -> Result<NodeId, NnError>,
    ) -> Result<NodeId, NnError> {
        let norm = format!("{name}_layer_norm");
        let inner = if self.norm_first { layer_norm(b, &norm, x, self.layer_norm_epsilon)? } else { x };
        let y = f(b, inner)?;
        let y = dropout(b, y, self.dropout)?;
        let sum = b.graph.add(x, y)?;
        if self.norm_first { Ok(sum) } else { layer_norm(b, &norm, sum, self.layer_norm_epsilon) }
    }

    /// Attention to `memory` with the mask of its time steps, or of `x` to itself.
    pub(super) fn attention(
        &self,
        b: &mut LayerBuilder<'_>,
        name: &str,
        x: NodeId,
        memory: Option<NodeId>,
        mask: Option<NodeId>,
        causal: bool,
    ) -> Result<NodeId, NnError> {
        let [_, width] = sequence(b, x)?;
        let attention = MultiHeadAttention::new(self.num_heads, width / self.num_heads.max(1))
            .dropout(self.dropout)
            .use_causal_mask(causal)
            .rotary(self.rotary && memory.is_none());
        self.residual(b, name, x, |b, query| {
            let memory = memory.unwrap_or(query);
            attention.attend(b, &format!("{name}."), [query, memory, memory], mask)
        })
    }

    /// Two dense layers with the activation between them.
    pub(super) fn feedforward(&self, b: &mut LayerBuilder<'_>, x: NodeId) -> Result<NodeId, NnError> {
        let ([_, width], inner) = (sequence(b, x)?, self.intermediate_dim);
        self.residual(b, "feedforward", x, |b, x| {
            let hidden = project(b, "feedforward_intermediate_dense", x, (&[width, inner], &[inner]), true)?;
            let hidden = self.activation.apply(b, hidden)?;
            project(b, "feedforward_output_dense", hidden, (&[inner, width], &[width]), true)
        })
    }
}

/// Declares a block's settings and how they are set.
macro_rules! block_layer {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident),* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The units between the two dense layers.
            pub intermediate_dim: usize,
            /// The number of heads; it divides the features of the input.
            pub num_heads: usize,
            /// The share that is dropped while training, of probabilities and of what is added; 0 by default.
            #[serde(default)]
            pub dropout: f64,
            /// The function between the two dense layers; relu by default.
            #[serde(default = "relu")]
            pub activation: Activation,
            /// Whether each part normalises its input instead of its result; false by default.
            #[serde(default)]
            pub norm_first: bool,
            /// Added to the variances; 1e-5 by default.
            #[serde(default = "layer_norm_epsilon")]
            pub layer_norm_epsilon: f64,
            /// Whether queries and keys of self-attention are turned by their positions; false by default.
            #[serde(default)]
            pub rotary: bool,
            $($(#[$field_meta])* #[serde(default)] pub $field: bool,)*
        }

        fn relu() -> Activation {
            Activation::Relu
        }

        fn layer_norm_epsilon() -> f64 {
            1e-5
        }

        impl $name {
            /// A block with KerasHub's defaults.
            pub fn new(intermediate_dim: usize, num_heads: usize) -> Self {
                $name {
                    intermediate_dim,
                    num_heads,
                    dropout: 0.0,
                    activation: relu(),
                    norm_first: false,
                    layer_norm_epsilon: layer_norm_epsilon(),
                    rotary: false,
                    $($field: false,)*
                }
            }

            /// Dropping this share while training.
            pub fn dropout(self, dropout: f64) -> Self {
                $name { dropout, ..self }
            }

            /// With this function between the two dense layers.
            pub fn activation(self, activation: Activation) -> Self {
                $name { activation, ..self }
            }

            /// Normalising the inputs of its parts, or their results.
            pub fn norm_first(self, norm_first: bool) -> Self {
                $name { norm_first, ..self }
            }

            /// With this number added to the variances.
            pub fn layer_norm_epsilon(self, layer_norm_epsilon: f64) -> Self {
                $name { layer_norm_epsilon, ..self }
            }

            /// With or without rotary positions.
            pub fn rotary(self, rotary: bool) -> Self {
                $name { rotary, ..self }
            }

            fn block(&self) -> Block {
                Block {
                    intermediate_dim: self.intermediate_dim,
                    num_heads: self.num_heads,
                    dropout: self.dropout,
                    activation: self.activation,
                    norm_first: self.norm_first,
                    layer_norm_epsilon: self.layer_norm_epsilon,
                    rotary: self.rotary,
                }
            }
        }
    };
}
pub(super) use block_layer;
