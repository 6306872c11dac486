//! What an operator is: the four rules that each must state, and the closed list that gathers them.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::ops::*;
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The rules of an operator. None has a default, so none can be forgotten.
pub trait Operator {
    /// The type of the result.
    ///
    /// # Errors
    /// What the operator expects and what came, if the inputs do not fit.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError>;

    /// Adds the nodes that carry the gradient from the output to each input. The driver reduces a gradient over the
    /// axes along which its input was broadcast, and adds up the gradients of a node with several readers.
    ///
    /// # Errors
    /// If a node cannot be added, which is a mistake in the rule.
    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError>;

    /// The result, computed naively in f64.
    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor;

    /// Inputs that exercise the operator, awkward sizes among them, at points where the gradient is sensitive.
    fn cases() -> Vec<Case>
    where
        Self: Sized;
}

/// The place in the graph at which a gradient rule is asked.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The operator's inputs.
    pub inputs: &'a [NodeId],
    /// The operator's own node.
    pub output: NodeId,
    /// The gradient of the loss with respect to `output`.
    pub gradient: NodeId,
}

/// What a gradient rule answers for one input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InputGradient {
    /// The node that holds the gradient.
    Rule(NodeId),
    /// The derivative is zero wherever it exists.
    Zero {
        /// The reason.
        why: &'static str,
    },
    /// The result is to count as constant here, although it is not.
    Constant {
        /// The reason.
        why: &'static str,
    },
    /// No gradient is defined; asking for one through this input is an error.
    Stops {
        /// The reason.
        why: &'static str,
    },
}

/// What an evaluation depends on besides the inputs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The batch size.
    pub batch: usize,
    /// The seed of the run.
    pub seed: u64,
    /// The step of the run, from zero.
    pub step: u64,
    /// The inferred type of the result.
    pub output: &'a TensorType,
}

/// Inputs on which an operator is tested.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The operator with its attributes.
    pub op: Op,
    /// The shape and contents of each input.
    pub inputs: Vec<(Shape, Fill)>,
    /// The batch size.
    pub batch: usize,
}

impl Case {
    /// A case with a batch of 3.
    pub fn new(op: impl Into<Op>, inputs: impl Into<Vec<(Shape, Fill)>>) -> Self {
        Case { op: op.into(), inputs: inputs.into(), batch: 3 }
    }

    /// The same case with another batch size.
    pub fn batch(self, batch: usize) -> Self {
        Case { batch, ..self }
    }
}

/// How a test fills an input.
#[derive(Clone, PartialEq, Debug)]
pub enum Fill {
    /// Standard normal numbers.
    Normal,
    /// Between 0.5 and 2: for logarithms, roots and divisors.
    Positive,
    /// Normal, but at least 0.05 away from zero: for functions with a kink at zero.
    NonZero,
    /// A random order of equally spaced numbers, none zero: for functions that choose the largest.
    Distinct,
    /// Integer labels below this number.
    Labels(usize),
    /// These numbers.
    Values(Vec<f64>),
    /// These integers.
    Integers(Vec<i32>),
}

/// Declares the closed list of operators.
macro_rules! ops {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// An operator and its attributes: the closed list, so that the compiler names every place where a new one
        /// must appear.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "op")]
        #[allow(missing_docs)] // each is documented at its own type
        pub enum Op {
            $(#[serde(rename = $name)] $variant($variant),)*
        }

        $(impl From<$variant> for Op {
            fn from(op: $variant) -> Op {
                Op::$variant(op)
            }
        })*

        impl Op {
            /// The names of all operators.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name of the operator in the text form.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$variant(_) => $name,)* }
            }

            /// The type of the result; see [`Operator::infer`].
            ///
            /// # Errors
            /// If the inputs do not fit.
            pub fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
                let ty = match self { $(Op::$variant(op) => op.infer(inputs),)* }?;
                match ty.shape.elements() {
                    Some(_) => Ok(ty),
                    None => Err(ShapeError::new(format!("a result of shape {} has too many elements", ty.shape))),
                }
            }

            /// The gradient rule; see [`Operator::gradient`].
            ///
            /// # Errors
            /// If a node cannot be added.
            pub fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
                match self { $(Op::$variant(op) => op.gradient(graph, at),)* }
            }

            /// The naive result; see [`Operator::reference`].
            pub fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
                match self { $(Op::$variant(op) => op.reference(inputs, context),)* }
            }

            /// The cases of every operator, with its name.
            pub fn all_cases() -> Vec<(&'static str, Vec<Case>)> {
                vec![$(($name, $variant::cases())),*]
            }
        }
    };
}

ops! {
    Input = "input",
    Variable = "variable",
    Constant = "constant",
    Add = "add",
    Sub = "sub",
    Mul = "mul",
    Div = "div",
    Maximum = "maximum",
    Minimum = "minimum",
    Gate = "gate",
    Neg = "neg",
    Abs = "abs",
    Sign = "sign",
    Step = "step",
    Square = "square",
    Sqrt = "sqrt",
    Exp = "exp",
    Log = "log",
    Relu = "relu",
    Sigmoid = "sigmoid",
    Tanh = "tanh",
    Atan = "atan",
    Cos = "cos",
    Elu = "elu",
    Erf = "erf",
    Gelu = "gelu",
    GeluSlope = "gelu_slope",
    LeakyRelu = "leaky_relu",
    Silu = "silu",
    Sin = "sin",
    Softplus = "softplus",
    Scale = "scale",
    RoundBf16 = "round_bf16",
    StopGradient = "stop_gradient",
    Sum = "sum",
    Max = "max",
    Expand = "expand",
    Reshape = "reshape",
    Transpose = "transpose",
    Slice = "slice",
    Pad = "pad",
    Concatenate = "concatenate",
    Gather = "gather",
    GatherGrad = "gather_grad",
    TokenMask = "token_mask",
    SameRows = "same_rows",
    PickRows = "pick_rows",
    MatMul = "matmul",
    Conv2d = "conv2d",
    Conv2dInputGrad = "conv2d_input_grad",
    Conv2dKernelGrad = "conv2d_kernel_grad",
    Conv2dKernelGrads = "conv2d_kernel_grads",
    MaxPool2d = "max_pool2d",
    MaxPool2dGrad = "max_pool2d_grad",
    AveragePool2d = "average_pool2d",
    AveragePool2dGrad = "average_pool2d_grad",
    LayerNorm = "layer_norm",
    RmsNorm = "rms_norm",
    NormGrad = "norm_grad",
    NormScaleGrad = "norm_scale_grad",
    Resize = "resize",
    ResizeGrad = "resize_grad",
    ChannelAffine = "channel_affine",
    ChannelVariance = "channel_variance",
    Softmax = "softmax",
    LogSoftmax = "log_softmax",
    SoftmaxCrossEntropy = "softmax_cross_entropy",
    SoftmaxCrossEntropyGrad = "softmax_cross_entropy_grad",
    SigmoidCrossEntropy = "sigmoid_cross_entropy",
    Ctc = "ctc",
    CtcGrad = "ctc_grad",
    InfoNce = "info_nce",
    InfoNceGrad = "info_nce_grad",
    DropoutMask = "dropout_mask",
    Uniform = "uniform",
    Attention = "attention",
    AttentionLogSumExp = "attention_log_sum_exp",
    AttentionQueryGrad = "attention_query_grad",
    AttentionKeyGrad = "attention_key_grad",
    AttentionValueGrad = "attention_value_grad",
    Rotary = "rotary",
    SinusoidalPositions = "sinusoidal_positions",
    Recurrent = "recurrent",
    RecurrentTape = "recurrent_tape",
    RecurrentGrad = "recurrent_grad",
    RecurrentInnerGrad = "recurrent_inner_grad",
    RecurrentKernelGrad = "recurrent_kernel_grad",
}

/// Checks the number of inputs and that all are floats.
///
/// # Errors
/// What came, if it is something else.
pub fn expect_floats<const N: usize>(inputs: &[&TensorType]) -> Result<[Shape; N], ShapeError> {
    let shapes: Vec<Shape> = inputs.iter().map(|t| t.shape.clone()).collect();
    if inputs.iter().any(|t| t.dtype != crate::shape::DType::F32) {
        let types: Vec<_> = inputs.iter().map(ToString::to_string).collect();
        return Err(ShapeError::new(format!("expects floats, got {}", types.join(", "))));
    }
    shapes.try_into().map_err(|s: Vec<_>| ShapeError::new(format!("expects {N} inputs, got {}", s.len())))
}
