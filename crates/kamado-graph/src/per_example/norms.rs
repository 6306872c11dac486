//! The squared norm of an example's share of a weight's gradient, by the cheapest rule.
//!
//! Of a product `aᵀ·b` over n steps it is `|a|²·|b|²` for a single step, otherwise the sum of the elements of
//! `(a·aᵀ) ⊙ (b·bᵀ)`, which needs n² numbers instead of as many as the weight has ("ghost"), or that of the squares of the
//! product itself ("direct").

use super::Clipper;
use super::contraction::Product;
use crate::error::GraphError;
use crate::graph::NodeId;
use crate::op::Op;
use crate::ops::{GatherGrad, PickRows, SameRows};
use crate::shape::{Dim, Shape};

/// An example's share of a weight is kept, and weighed later, if it has at most so many elements.
const KEPT: usize = 1 << 14;
/// Relative to the sum of the squares of all terms, the most that rounding may hide of a sum of products.
const HIDDEN: f64 = 1.0 / (1u32 << 20) as f64;
/// The steps up to which [`HIDDEN`] suffices; the rounding of longer sums grows with their number.
const STEPS: f64 = 256.0;

/// How the clipped sum of a weight is had.
pub(super) struct Route {
    /// Of each example, `[B]`.
    pub(super) squared_norm: NodeId,
    /// Every example's share of the gradient, `[B, …]`, if it is kept.
    pub(super) each: Option<NodeId>,
    /// Otherwise what sums over the examples.
    pub(super) contractions: Vec<NodeId>,
}

/// A share that is never written out.
enum Hidden {
    Product(Product),
    /// `values [B, n, D]`, added to the rows that the indices address.
    Rows {
        indices: NodeId,
        values: NodeId,
        op: GatherGrad,
    },
}

impl Clipper<'_> {
    /// How to get the norms and the clipped sum of a weight with this gradient.
    pub(super) fn route(&mut self, gradient: NodeId) -> Result<Route, GraphError> {
        let contractions = self.contractions(gradient)?;
        let size = elements(self.graph.shape(gradient));
        match (&contractions[..], self.factor_of_path(gradient)) {
            (&[only], Some(factor)) => {
                if let Some(square) = self.hidden_norm(only, size)? {
                    let squared_norm = self.graph.scale(square, factor * factor)?;
                    return Ok(Route { squared_norm, each: None, contractions });
                }
                let each = self.each(gradient)?;
                let squared_norm = self.squared_norm(each)?;
                // A share that is too large to be kept is used for its norm alone.
                let keep = size <= KEPT || self.must_keep(only);
                Ok(Route { squared_norm, each: keep.then_some(each), contractions })
            }
            _ => self.route_of_several(gradient, contractions, size),
        }
    }

    /// The weight is used several times, or parts of it are.
    fn route_of_several(
        &mut self,
        gradient: NodeId,
        contractions: Vec<NodeId>,
        size: usize,
    ) -> Result<Route, GraphError> {
        let plain = self.is_plain_sum(gradient);
        let rows = contractions.iter().any(|&c| matches!(self.graph.node(c).op, Op::GatherGrad(_)));
        if plain && (size > KEPT || rows) {
            let hidden = contractions.iter().map(|&c| self.hidden(c)).collect::<Result<Option<Vec<_>>, _>>()?;
            if let Some(hidden) = hidden {
                let squared_norm = self.norm_of_sum(&hidden)?;
                return Ok(Route { squared_norm, each: None, contractions });
            }
        }
        let each = self.each(gradient)?;
        let squared_norm = self.squared_norm(each)?;
        Ok(Route { squared_norm, each: Some(each), contractions })
    }

    /// The factor that stands between the only contraction and the gradient, if nothing else does that changes a norm.
    fn factor_of_path(&self, gradient: NodeId) -> Option<f64> {
        if self.is_contraction(gradient) {
            return Some(1.0);
        }
        let node = self.graph.node(gradient);
        let before = |factor: f64| Some(factor * self.factor_of_path(node.inputs[0])?);
        match &node.op {
            Op::Reshape(_) | Op::Transpose(_) | Op::Neg(_) | Op::Pad(_) => before(1.0),
            Op::Scale(scale) if scale.divide_by.is_empty() => before(scale.factor),
            _ => None,
        }
    }

    /// Whether the gradient is a sum of contractions and nothing else.
    fn is_plain_sum(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        self.is_contraction(id) || matches!(node.op, Op::Add(_)) && node.inputs.iter().all(|&i| self.is_plain_sum(i))
    }

    fn must_keep(&self, contraction: NodeId) -> bool {
        matches!(self.graph.node(contraction).op, Op::Sum(_) | Op::NormScaleGrad(_))
    }

    /// `Σ x²` of each example.
    fn squared_norm(&mut self, each: NodeId) -> Result<NodeId, GraphError> {
        let squares = self.graph.square(each)?;
        let axes: Vec<usize> = (1..self.graph.shape(each).rank()).collect();
        self.graph.sum(squares, &axes, false)
    }

    /// The norm of a contraction without its share being written out, where that is cheaper than writing and keeping it.
    fn hidden_norm(&mut self, contraction: NodeId, size: usize) -> Result<Option<NodeId>, GraphError> {
        if let Op::GatherGrad(_) = self.graph.node(contraction).op {
            let Some(rows) = self.hidden(contraction)? else { return Ok(None) };
            return self.norm_of_sum(&[rows]).map(Some);
        }
        let Some(products) = self.products(contraction)? else { return Ok(None) };
        let steps = products.first().map_or(1, |p| self.graph.shape(p.a)[1].at(1));
        // Ghost if its arithmetic is less; direct shares that are small are kept, which saves a product later.
        if steps > 1 && (size <= KEPT || 2 * steps.saturating_mul(steps) > size) {
            return Ok(None);
        }
        let norms = products.iter().map(|p| self.norm_of_product(p, steps)).collect::<Result<Vec<_>, _>>()?;
        self.total(&norms).map(Some)
    }

    fn norm_of_product(&mut self, product: &Product, steps: usize) -> Result<NodeId, GraphError> {
        if steps > 1 {
            return self.norm_of_sum(&[Hidden::Product(*product)]);
        }
        let (a, b) = (self.squared_norm(product.a)?, self.squared_norm(product.b)?);
        self.graph.mul(a, b)
    }

    fn hidden(&mut self, contraction: NodeId) -> Result<Option<Hidden>, GraphError> {
        let node = self.graph.node(contraction).clone();
        if let Op::GatherGrad(op) = node.op {
            let width = self.graph.shape(node.inputs[1]).last().copied().unwrap_or(Dim::ONE);
            let places = match self.graph.shape(node.inputs[1]).elements() {
                Some(Dim::Batch(all)) => all / width.at(1).max(1),
                _ => return Ok(None),
            };
            let values = self.graph.reshape(node.inputs[1], Shape(vec![Dim::B, Dim::Fixed(places), width]))?;
            return Ok(Some(Hidden::Rows { indices: node.inputs[0], values, op }));
        }
        Ok(match self.products(contraction)?.as_deref() {
            Some(&[only]) => Some(Hidden::Product(only)),
            _ => None,
        })
    }

    /// `‖Σ shares‖²`, with all terms between different shares, and never less than the truth.
    fn norm_of_sum(&mut self, shares: &[Hidden]) -> Result<NodeId, GraphError> {
        let mut terms = Vec::new();
        for (i, first) in shares.iter().enumerate() {
            terms.push(self.inner_product(first, first)?);
            for second in &shares[i + 1..] {
                let product = self.inner_product(first, second)?;
                terms.push(self.graph.scale(product, 2.0)?);
            }
        }
        let sum = self.total(&terms)?;
        let sum = self.graph.relu(sum)?;
        let sizes = shares.iter().map(|share| self.size_of_terms(share)).collect::<Result<Vec<_>, _>>()?;
        let size = self.total(&sizes)?;
        let steps: usize = shares.iter().map(|share| self.steps_of(share)).sum();
        let hidden = self.graph.scale(size, HIDDEN * (steps as f64 / STEPS).max(1.0))?;
        self.graph.add(sum, hidden)
    }

    /// The sum of the elements of the product of two shares, of each example.
    fn inner_product(&mut self, first: &Hidden, second: &Hidden) -> Result<NodeId, GraphError> {
        let (left, right) = match (first, second) {
            (Hidden::Product(p), Hidden::Product(q)) => {
                (self.graph.matmul(p.a, q.a, false, true)?, self.graph.matmul(p.b, q.b, false, true)?)
            }
            (Hidden::Rows { indices, values, op }, Hidden::Rows { indices: others, values: other_values, .. }) => {
                let same = SameRows { gather: op.gather.clone(), table_rows: op.table_rows };
                let same = self.graph.push(same, &[*indices, *others])?;
                (same, self.graph.matmul(*values, *other_values, false, true)?)
            }
            (Hidden::Rows { indices, values, op }, Hidden::Product(p))
            | (Hidden::Product(p), Hidden::Rows { indices, values, op }) => {
                let picked = self.graph.push(PickRows { gather: op.gather.clone() }, &[p.a, *indices])?;
                (picked, self.graph.matmul(*values, p.b, false, true)?)
            }
        };
        let product = self.graph.mul(left, right)?;
        self.graph.sum(product, &[1, 2], false)
    }

    /// The sum of the squared norms of the terms of a share.
    fn size_of_terms(&mut self, share: &Hidden) -> Result<NodeId, GraphError> {
        let mut rows = |x: NodeId| {
            let squares = self.graph.square(x)?;
            self.graph.sum(squares, &[2], false)
        };
        let squares = match share {
            Hidden::Rows { values, .. } => rows(*values)?,
            Hidden::Product(p) => {
                let (a, b) = (rows(p.a)?, rows(p.b)?);
                self.graph.mul(a, b)?
            }
        };
        self.graph.sum(squares, &[1], false)
    }

    fn steps_of(&self, share: &Hidden) -> usize {
        let (Hidden::Rows { values: x, .. } | Hidden::Product(Product { a: x, .. })) = share;
        self.graph.shape(*x)[1].at(1)
    }
}

/// The number of elements of an example, or of a weight.
pub(super) fn elements(shape: &Shape) -> usize {
    shape.elements().map_or(usize::MAX, |n| n.at(1))
}
