//! What the layers that consist of several parts share; `prefix` is the path of a part's weights within the layer.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::{Dim, Shape};

use super::{LayerBuilder, Mode};
use crate::error::NnError;
use crate::init::Initializer;

/// Time steps and features of an input `[B, T, F]`.
pub(super) fn sequence(b: &LayerBuilder<'_>, x: NodeId) -> Result<[usize; 2], NnError> {
    let shape = b.features(x)?;
    <[usize; 2]>::try_from(shape.as_slice())
        .ok()
        .filter(|shape| !shape.contains(&0))
        .ok_or_else(|| b.error(format!("expected a sequence [B, time steps, features], got {}", b.graph.shape(x))))
}

/// `x · kernel + bias` over the last axis, with weights of the shapes given, whose axes behind the input's are merged.
pub(super) fn project(
    b: &mut LayerBuilder<'_>,
    prefix: &str,
    x: NodeId,
    (kernel, bias): (&[usize], &[usize]),
    use_bias: bool,
) -> Result<NodeId, NnError> {
    let columns: usize = bias.iter().product();
    let rows = kernel.iter().product::<usize>() / columns.max(1);
    let weight = b.trainable(&format!("{prefix}.kernel"), kernel, Initializer::GlorotUniform)?;
    let weight = flat(b, weight, &[rows, columns])?;
    let y = b.graph.matmul(x, weight, false, false)?;
    if !use_bias {
        return Ok(y);
    }
    let offset = b.trainable(&format!("{prefix}.bias"), bias, Initializer::Zeros)?;
    let offset = flat(b, offset, &[columns])?;
    Ok(b.graph.add(y, offset)?)
}

fn flat(b: &mut LayerBuilder<'_>, weight: NodeId, shape: &[usize]) -> Result<NodeId, NnError> {
    let shape = Shape::fixed(shape);
    Ok(if *b.graph.shape(weight) == shape { weight } else { b.graph.reshape(weight, shape)? })
}

/// `gamma · (x - mean) / √(variance + epsilon) + beta` over the last axis.
pub(super) fn layer_norm(b: &mut LayerBuilder<'_>, prefix: &str, x: NodeId, epsilon: f64) -> Result<NodeId, NnError> {
    let axis = b.graph.shape(x).rank() - 1;
    let features = match b.graph.shape(x)[axis] {
        Dim::Fixed(n) => n,
        Dim::Batch(_) => return Err(b.error("expected features behind the batch axis")),
    };
    let gamma = b.trainable(&format!("{prefix}.gamma"), &[features], Initializer::Ones)?;
    let beta = b.trainable(&format!("{prefix}.beta"), &[features], Initializer::Zeros)?;
    Ok(b.graph.layer_norm(x, gamma, beta, epsilon)?)
}

/// Dropout while training.
pub(super) fn dropout(b: &mut LayerBuilder<'_>, x: NodeId, rate: f64) -> Result<NodeId, NnError> {
    if b.mode != Mode::Training || rate == 0.0 {
        return Ok(x);
    }
    let stream = b.stream();
    Ok(b.graph.dropout(x, rate, stream)?)
}

/// Refuses a share of dropped elements outside `[0, 1)`.
pub(super) fn check_dropout(b: &LayerBuilder<'_>, rate: f64) -> Result<(), NnError> {
    match (0.0..1.0).contains(&rate) {
        true => Ok(()),
        false => Err(b.error(format!(
            "dropout must be at least 0 and less than 1, got {rate}; it is the share of elements that is dropped"
        ))),
    }
}
