//! What attention, its logarithm of sums and its gradients share.

use crate::error::ShapeError;
use crate::op::{Case, Context, Fill, Op, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

use super::Attention;

/// Extents of the operands of an attention.
pub(super) struct Sizes {
    pub(super) batch: Dim,
    pub(super) queries: Dim,
    pub(super) heads: Dim,
    pub(super) value_dim: Dim,
}

/// Splits inputs into the first `N`, all floats, and the key mask behind them, if there is one.
pub(super) fn with_mask<const N: usize>(inputs: &[&TensorType]) -> Result<([Shape; N], Option<Shape>), ShapeError> {
    if inputs.len() == N + 1 {
        let [mask] = expect_floats(&inputs[N..])?;
        return Ok((expect_floats(&inputs[..N])?, Some(mask)));
    }
    Ok((expect_floats(inputs)?, None))
}

/// Compares queries, keys, values and mask with one another.
pub(super) fn sizes(q: &Shape, k: &Shape, v: &Shape, mask: Option<&Shape>) -> Result<Sizes, ShapeError> {
    let four = |shape: &Shape| <[Dim; 4]>::try_from(shape.to_vec()).ok();
    let (Some([b, t, n, d]), Some([bk, s, nk, dk]), Some([bv, sv, nv, e])) = (four(q), four(k), four(v)) else {
        return Err(ShapeError::new(format!(
            "expects queries, keys and values of shape [B, tokens, heads, features], got {q}, {k} and {v}"
        )));
    };
    if [b, n, d] != [bk, nk, dk] || [b, s, n] != [bv, sv, nv] {
        return Err(ShapeError::new(format!(
            "queries {q}, keys {k} and values {v} do not fit: all need the same batch and heads, queries and keys the \
             same features, keys and values the same tokens"
        )));
    }
    if [t, s, n, d, e].contains(&Dim::Fixed(0)) {
        return Err(ShapeError::new(format!("expects at least one token, head and feature, got {q}, {k} and {v}")));
    }
    match mask {
        Some(mask) if **mask != [b, s] => {
            Err(ShapeError::new(format!("expects a key mask of shape {} for keys {k}, got {mask}", Shape(vec![b, s]))))
        }
        _ => Ok(Sizes { batch: b, queries: t, heads: n, value_dim: e }),
    }
}

/// Whether each key is seen by each query, and their scores, computed naively.
pub(super) struct Scores<'a> {
    pub(super) op: &'a Attention,
    pub(super) q: &'a Tensor,
    pub(super) k: &'a Tensor,
    pub(super) mask: Option<&'a Tensor>,
}

impl Scores<'_> {
    /// The place of every query: batch, query, head.
    pub(super) fn each_query(&self, mut visit: impl FnMut([usize; 3])) {
        let [batch, queries, heads] = [0, 1, 2].map(|axis| self.q.shape[axis]);
        for place in 0..batch * queries * heads {
            visit([place / heads / queries, place / heads % queries, place % heads]);
        }
    }

    /// Where the probability of a query and a key lies in `[B, N, T, S]`.
    pub(super) fn element(&self, [b, t, n]: [usize; 3], s: usize) -> usize {
        ((b * self.q.shape[2] + n) * self.q.shape[1] + t) * self.k.shape[1] + s
    }

    /// The keys that a query sees, with the scores.
    pub(super) fn row(&self, [b, t, n]: [usize; 3]) -> Vec<(usize, f64)> {
        let seen = |s: &usize| {
            (!self.op.causal || *s <= t) && self.mask.is_none_or(|mask| mask.data[b * self.k.shape[1] + s] > 0.5)
        };
        let dot = |s| (0..self.q.shape[3]).map(|d| self.q.at(&[b, t, n, d]) * self.k.at(&[b, s, n, d])).sum::<f64>();
        (0..self.k.shape[1]).filter(seen).map(|s| (s, self.op.scale * dot(s))).collect()
    }
}

/// The logarithm of the sum of exponentials; 0 if there are none.
pub(super) fn log_sum(row: &[(usize, f64)]) -> f64 {
    let largest = row.iter().fold(f64::NEG_INFINITY, |m, (_, score)| m.max(*score));
    if row.is_empty() { 0.0 } else { row.iter().map(|(_, score)| (score - largest).exp()).sum::<f64>().ln() + largest }
}

/// Which gradient is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Query,
    Key,
    Value,
}

/// The type of a gradient of attention: that of the input `to`. Inputs: q, k, v, y, lse, dy and perhaps the mask.
pub(super) fn infer_grad(inputs: &[&TensorType], to: To) -> Result<TensorType, ShapeError> {
    let ([q, k, v, y, lse, dy], mask) = with_mask(inputs)?;
    let Sizes { batch, queries, heads, value_dim } = sizes(&q, &k, &v, mask.as_ref())?;
    let (result, sums) = (Shape(vec![batch, queries, heads, value_dim]), Shape(vec![batch, heads, queries]));
    if y != result || dy != result || lse != sums {
        return Err(ShapeError::new(format!(
            "expects the result {result}, its gradient of the same shape and sums {sums}, got {y}, {dy} and {lse}"
        )));
    }
    Ok(TensorType::f32(match to {
        To::Query => q,
        To::Key => k,
        To::Value => v,
    }))
}

/// A gradient of attention, from the same inputs.
pub(super) fn reference_grad(op: &Attention, inputs: &[&Tensor], context: &Context<'_>, to: To) -> Tensor {
    let &[q, k, v, y, lse, dy, ..] = inputs else { unreachable!("inference has checked the inputs") };
    let scores = Scores { op, q, k, mask: inputs.get(6).copied() };
    let mut gradient = Tensor::full(inputs[to as usize].shape.clone(), 0.0);
    let (d, e) = (q.shape[3], v.shape[3]);
    scores.each_query(|[b, t, n]| {
        let dy = |i: usize| dy.at(&[b, t, n, i]);
        let delta: f64 = (0..e).map(|i| dy(i) * y.at(&[b, t, n, i])).sum();
        for (s, score) in scores.row([b, t, n]) {
            let p = (score - lse.at(&[b, n, t])).exp();
            let kept = op.kept(context, scores.element([b, t, n], s));
            let slope = kept * (0..e).map(|i| dy(i) * v.at(&[b, s, n, i])).sum::<f64>() - delta;
            let slope = p * slope * op.scale;
            match to {
                To::Query => (0..d).for_each(|i| gradient.accumulate(&[b, t, n, i], slope * k.at(&[b, s, n, i]))),
                To::Key => (0..d).for_each(|i| gradient.accumulate(&[b, s, n, i], slope * q.at(&[b, t, n, i]))),
                To::Value => (0..e).for_each(|i| gradient.accumulate(&[b, s, n, i], kept * p * dy(i))),
            }
        }
    });
    gradient
}

/// An attention with the shapes of queries, keys, values and perhaps the mask, the mask's values, and a batch size.
pub(super) type Example = (Attention, Vec<(Shape, Fill)>, usize);

/// Self- and cross-attention, causal or not, with a mask that hides some keys, all of them, or none.
pub(super) fn examples() -> Vec<Example> {
    let example = |causal, [t, s, n, d, e]: [usize; 5], mask: Option<&[f64]>, batch| {
        let shape = |tokens, features| (Shape::batched(&[tokens, n, features]), Fill::Normal);
        let mut inputs = vec![shape(t, d), shape(s, d), shape(s, e)];
        inputs.extend(mask.map(|mask| (Shape::batched(&[s]), Fill::Values(mask.repeat(batch * s / mask.len())))));
        (Attention::new(causal, 1.0 / (d as f64).sqrt()), inputs, batch)
    };
    let mut examples = vec![
        example(false, [1, 1, 1, 1, 2], None, 1),
        example(false, [3, 5, 2, 4, 3], None, 2),
        example(true, [5, 5, 2, 4, 4], None, 2),
        example(true, [3, 7, 1, 2, 3], None, 1),
        example(true, [9, 4, 1, 3, 2], None, 1),
        example(false, [4, 3, 2, 5, 5], Some(&[1.0, 0.0, 1.0, 0.0, 0.0, 0.0]), 2),
        example(true, [4, 4, 1, 3, 3], Some(&[1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]), 2),
        example(true, [53, 53, 1, 8, 8], None, 1),
        example(false, [2, 131, 1, 3, 17], None, 1),
        example(true, [6, 6, 2, 3, 3], None, 2),
    ];
    examples.last_mut().into_iter().for_each(|(op, _, _)| (op.dropout, op.stream) = (0.4, 2));
    examples
}

/// The examples as cases of a gradient.
pub(super) fn grad_cases(op: impl Fn(Attention) -> Op) -> Vec<Case> {
    let case = |(attention, mut inputs, batch): Example| {
        let [b, t, n, _] = <[Dim; 4]>::try_from(inputs[0].0.to_vec()).expect("queries have four axes");
        let result = (Shape(vec![b, t, n, inputs[2].0[3]]), Fill::Normal);
        inputs.splice(3..3, [result.clone(), (Shape(vec![b, n, t]), Fill::Positive), result]);
        Case::new(op(attention), inputs).batch(batch)
    };
    examples().into_iter().map(case).collect()
}
