//! What a layer builds with: the graph, its place in the model, and the weights declared so far.

use kamado_graph::graph::{Graph, NodeId, Role, VariableId, VariableInfo};
use kamado_graph::shape::{DType, Dim, Shape};

use super::Decoding;
use crate::error::NnError;
use crate::init::Initializer;

/// What a graph is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Prediction and evaluation: dropout passes through, batch normalisation uses its moving statistics.
    Inference,
    /// Training: dropout drops, batch normalisation uses the statistics of the batch.
    Training,
    /// Generation: as [`Mode::Inference`], on one new token of each sequence, with memories of those before it.
    Decode,
}

/// The weights and the side effects of a model's layers, gathered while its graph is built.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// How each variable starts, in the order of the graph's variables.
    pub(crate) initializers: Vec<Initializer>,
    /// Moving averages: variable, momentum, and the value taken in.
    pub(crate) averages: Vec<(VariableId, f64, NodeId)>,
    /// Rows of variables that start at zero.
    pub(crate) zero_rows: Vec<(VariableId, usize)>,
    /// The number of random streams in use.
    streams: u32,
    /// What a decoding graph is given besides the new token.
    pub(crate) decoding: Decoding,
}

/// The context in which a layer adds its weights and operators.
#[derive(Debug)]
pub struct LayerBuilder<'a> {
    /// The graph that is being built.
    pub graph: &'a mut Graph,
    /// What the graph is for.
    pub mode: Mode,
    pub(crate) weights: &'a mut Weights,
    pub(crate) index: usize,
    pub(crate) name: &'a str,
    pub(crate) kind: &'static str,
    /// The layer whose weights are used, if not its own.
    pub(crate) shares: Option<&'a str>,
    /// Whether its weights are trained.
    pub(crate) trainable: bool,
    /// Which time steps of each input are real.
    pub(crate) masks: &'a [Option<NodeId>],
    /// What the layer said of its result; `None` if nothing.
    pub(crate) result_mask: Option<Option<NodeId>>,
}

impl LayerBuilder<'_> {
    /// An error that names this layer.
    pub fn error(&self, problem: impl Into<String>) -> NnError {
        let (index, name, kind) = (self.index, self.name.to_owned(), self.kind);
        NnError::Layer { index, name, kind, problem: problem.into() }
    }

    /// The only input.
    ///
    /// # Errors
    /// If there are none or several.
    pub fn one(&self, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(self.error(format!("expected one input, got {}", inputs.len()))),
        }
    }

    /// The first two inputs and the others.
    ///
    /// # Errors
    /// If there are fewer than two, or their numbers of axes differ.
    pub fn several<'i>(&self, inputs: &'i [NodeId]) -> Result<(NodeId, NodeId, &'i [NodeId]), NnError> {
        let shapes: Vec<_> = inputs.iter().map(|&x| self.graph.shape(x)).collect();
        if shapes.windows(2).any(|w| w[0].rank() != w[1].rank() || w[0].broadcast(w[1]).is_none()) {
            let shapes: Vec<_> = shapes.iter().map(|s| s.to_string()).collect();
            return Err(self.error(format!("expected inputs of the same shape, got {}", shapes.join(" and "))));
        }
        match inputs {
            [first, second, rest @ ..] => Ok((*first, *second, rest)),
            _ => Err(self.error(format!(
                "expected two or more inputs, got {}; layers that merge need the functional builder",
                inputs.len()
            ))),
        }
    }

    /// The extents of an input behind the batch axis.
    ///
    /// # Errors
    /// If there is no batch axis in front, or one behind.
    pub fn features(&self, x: NodeId) -> Result<Vec<usize>, NnError> {
        let shape = self.graph.shape(x);
        let fixed = |d: &Dim| match d {
            Dim::Fixed(n) => Some(*n),
            Dim::Batch(_) => None,
        };
        let features = match &shape.0[..] {
            [Dim::Batch(1), rest @ ..] => rest.iter().map(fixed).collect(),
            _ => None,
        };
        features.ok_or_else(|| self.error(format!("expected an input of shape [B, …], got {shape}")))
    }

    /// Height, width and channels of an input.
    ///
    /// # Errors
    /// If it has other axes.
    pub fn image(&self, x: NodeId) -> Result<[usize; 3], NnError> {
        self.features(x)?.try_into().map_err(|_| {
            self.error(format!(
                "expected images [B, height, width, channels], got {}; for images without a channel axis, add a \
                 reshape layer with target_shape [height, width, 1] before it",
                self.graph.shape(x)
            ))
        })
    }

    /// The time steps and features of an input.
    ///
    /// # Errors
    /// If it has other axes.
    pub fn sequence(&self, x: NodeId) -> Result<[usize; 2], NnError> {
        let shape = self.graph.shape(x);
        self.features(x)?
            .try_into()
            .map_err(|_| self.error(format!("expected sequences [B, time, features], got {shape}")))
    }

    /// The only input, which holds integers.
    ///
    /// # Errors
    /// If there are none or several, or it holds floats.
    pub fn integers(&self, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = self.one(inputs)?;
        match self.graph.node(x).ty.dtype {
            DType::I32 => Ok(x),
            DType::F32 => Err(self.error(format!(
                "expected integers, got {}; give the model an input of integers, with `Sequential::with_tokens` or \
                 `FunctionalBuilder::input_i32`",
                self.graph.node(x).ty
            ))),
        }
    }

    /// An axis of an input behind the batch axis, counted from the end if negative.
    ///
    /// # Errors
    /// If there is no such axis; `setting` names where it was given.
    pub fn axis(&self, setting: &str, x: NodeId, axis: isize) -> Result<usize, NnError> {
        let rank = self.graph.shape(x).rank();
        let counted = if axis < 0 { rank.checked_add_signed(axis) } else { usize::try_from(axis).ok() };
        counted.filter(|axis| (1..rank).contains(axis)).ok_or_else(|| {
            self.error(format!(
                "{setting} must name an axis of {} behind the batch axis, 1 being the first and -1 the last, got {axis}",
                self.graph.shape(x)
            ))
        })
    }

    /// `x` without `before` and `after` elements along an axis of `extent` elements.
    ///
    /// # Errors
    /// If nothing is left.
    pub(super) fn crop(
        &mut self,
        x: NodeId,
        axis: usize,
        extent: usize,
        [before, after]: [usize; 2],
    ) -> Result<NodeId, NnError> {
        match extent.checked_sub(before).and_then(|n| n.checked_sub(after)).filter(|&n| n > 0) {
            Some(len) => Ok(self.graph.slice(x, axis, before, len)?),
            None => Err(self.error(format!("cropping [{before}, {after}] leaves nothing of {extent} elements"))),
        }
    }

    /// Refuses a setting that is zero.
    ///
    /// # Errors
    /// Naming the setting.
    pub fn at_least_one(&self, setting: &str, values: &[usize]) -> Result<(), NnError> {
        match values.contains(&0) {
            true => Err(self.error(format!("{setting} must be at least 1, got {values:?}"))),
            false => Ok(()),
        }
    }

    /// Declares a weight, named after the layer, or finds the one of the layer whose weights are shared.
    ///
    /// # Errors
    /// If the other layer has no such weight.
    pub fn weight(
        &mut self,
        suffix: &str,
        shape: &[usize],
        role: Role,
        initializer: Initializer,
    ) -> Result<VariableId, NnError> {
        let name = format!("{}.{suffix}", self.shares.unwrap_or(self.name));
        if Shape::fixed(shape).elements().is_none() {
            return Err(self.error(format!("{suffix} of shape {shape:?} has too many elements")));
        }
        if let Some(problem) = initializer.problem() {
            return Err(self.error(format!("{suffix}_initializer: {problem}")));
        }
        let role = if self.trainable { role } else { Role::NonTrainable };
        let Some(other) = self.shares else {
            self.weights.initializers.push(initializer);
            return Ok(self.graph.declare(VariableInfo { name, shape: shape.to_vec(), role }));
        };
        match self.graph.variables().iter().position(|v| v.name == name) {
            Some(i) if self.graph.variables()[i].shape == shape => Ok(VariableId(i as u32)),
            Some(i) => Err(self.error(format!(
                "needs {suffix} of shape {shape:?} for its input, but that of layer {other:?}, which it shares, is {:?}",
                self.graph.variables()[i].shape
            ))),
            None => Err(self.error(format!("layer {other:?}, whose weights it shares, has no {suffix}"))),
        }
    }

    /// Declares a weight that is trained, and reads it.
    ///
    /// # Errors
    /// As [`LayerBuilder::weight`].
    pub fn trainable(&mut self, suffix: &str, shape: &[usize], initializer: Initializer) -> Result<NodeId, NnError> {
        let id = self.weight(suffix, shape, Role::Trainable, initializer)?;
        Ok(self.graph.read(id)?)
    }

    /// Has a row of the layer's own weight start at zero.
    pub(super) fn start_with_zero_row(&mut self, suffix: &str, row: usize) {
        let own = self.weight_of_path(self.name, &[suffix]);
        self.weights.zero_rows.extend(own.filter(|_| self.shares.is_none()).map(|id| (id, row)));
    }

    /// The first weight of these suffixes that an earlier layer of the same model has.
    pub(super) fn weight_of(&self, layer: &str, suffixes: &[&str]) -> Option<VariableId> {
        // Inside a layer that holds a model, names begin with that layer's.
        let own = self.shares.unwrap_or(self.name);
        let path = own.rsplit_once('.').map_or_else(|| layer.to_owned(), |(outer, _)| format!("{outer}.{layer}"));
        self.weight_of_path(&path, suffixes)
    }

    fn weight_of_path(&self, path: &str, suffixes: &[&str]) -> Option<VariableId> {
        let find = |suffix: &&str| {
            let name = format!("{path}.{suffix}");
            self.graph.variables().iter().position(|v| v.name == name)
        };
        suffixes.iter().find_map(find).map(|i| VariableId(i as u32))
    }

    /// Has a training step update `variable ← momentum · variable + (1 - momentum) · value`.
    ///
    /// # Errors
    /// If another call of a shared layer does so already.
    pub fn moving_average(&mut self, variable: VariableId, momentum: f64, value: NodeId) -> Result<(), NnError> {
        if self.shares.is_some() {
            return Err(self.error("its moving statistics cannot be shared; use a layer of its own"));
        }
        self.weights.averages.push((variable, momentum, value));
        Ok(())
    }

    /// Which time steps of the input at this position are real: 1 or 0 in `[B, T]`; `None` if all of them.
    pub fn mask(&self, input: usize) -> Option<NodeId> {
        self.masks.get(input).copied().flatten()
    }

    /// Says which time steps of the result are real, `[B, T]`; `None` for all of them. A layer that says nothing passes
    /// on the masks of its inputs as long as its result still has their time steps.
    pub fn set_mask(&mut self, mask: Option<NodeId>) {
        self.result_mask = Some(mask);
    }

    /// The mask of the layer's result: what the layer said, otherwise the product of its inputs' masks, provided that the
    /// result has their time steps behind the batch axis and another axis behind these.
    pub(crate) fn mask_of_result(&mut self, result: NodeId) -> Result<Option<NodeId>, NnError> {
        if let Some(mask) = self.result_mask {
            return Ok(mask);
        }
        let mut product: Option<NodeId> = None;
        for &mask in self.masks.iter().flatten() {
            let (mask_shape, shape) = (self.graph.shape(mask), self.graph.shape(result));
            if shape.rank() < 3 || shape[..2] != mask_shape[..] {
                return Ok(None);
            }
            product = match product {
                Some(other) if other != mask => Some(self.graph.mul(other, mask)?),
                _ => Some(mask),
            };
        }
        Ok(product)
    }

    /// A random stream of its own.
    pub fn stream(&mut self) -> u32 {
        self.weights.streams += 1;
        self.weights.streams - 1
    }
}
