//! Losses of boxes, the last axis of output and targets: `[B, 4]` or `[B, boxes, 4]`.
//!
//! All are `1 - IoU`, the intersection of the two boxes over their union, plus what pulls boxes together that do not
//! meet. Divisors have 1e-7 added.
//!
//! Sources: Rezatofighi et al., "Generalized intersection over union", 2019; Zheng et al., "Distance-IoU loss", 2020;
//! definitions as in torchvision.

use std::f64::consts::PI;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Dim, Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::errors::at_least;
use super::{EPSILON, Each, Rule, Site, error};
use crate::error::NnError;

/// The four numbers of a box.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoxFormat {
    /// Two corners, `x1, y1, x2, y2` with `x1 ≤ x2` and `y1 ≤ y2`.
    #[default]
    Xyxy,
    /// The centre and the extents, `cx, cy, w, h`.
    Cxcywh,
}

macro_rules! box_losses {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $rule:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $type {
                /// What the four numbers are; two corners by default.
                pub format: BoxFormat,
            }

            impl Rule for $type {
                const NAME: &'static str = $name;

                fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
                    four_numbers(self, output)
                }

                fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
                    let mut pair = Pair::new(at, self.format)?;
                    let loss = pair.$rule()?;
                    let places = Shape(pair.graph.shape(loss)[..pair.graph.shape(loss).rank() - 1].to_vec());
                    Ok(pair.graph.reshape(loss, places)?.into())
                }
            }
        )*
    };
}

box_losses! {
    /// `1 - IoU`; boxes that do not meet get no gradient.
    Iou = "iou", iou_loss;
    /// `1 - IoU + (hull - union) / hull`, with the area of the smallest box around both.
    Giou = "giou", giou_loss;
    /// `1 - IoU + d² / c²`, with the distance `d` of the centres and the diagonal `c` of the smallest box around both.
    Diou = "diou", diou_loss;
    /// [`Diou`] plus `α·v`, with `v = 4/π² · (atan(w/h of the target) - atan(w/h))²` and `α = v / (1 - IoU + v)`, which counts
    /// as a constant in the gradient.
    Ciou = "ciou", ciou_loss;
}

fn four_numbers<R: Rule>(rule: &R, output: &Shape) -> Result<Option<TensorType>, NnError> {
    match output.last() {
        Some(Dim::Fixed(4)) => Ok(Some(TensorType::f32(output.clone()))),
        _ => Err(error(rule, format!("expected boxes [B, …, 4], got {output}; give the last layer units = 4"))),
    }
}

/// The sides of a box, each `[B, …, 1]`.
#[derive(Clone, Copy)]
struct Sides {
    left: NodeId,
    top: NodeId,
    right: NodeId,
    bottom: NodeId,
}

/// A box and the one it should be.
struct Pair<'a> {
    graph: &'a mut Graph,
    output: Sides,
    target: Sides,
}

impl<'a> Pair<'a> {
    fn new(at: &'a mut Site<'_>, format: BoxFormat) -> Result<Self, NnError> {
        let output = sides(at.graph, at.output, format)?;
        let target = sides(at.graph, at.targets, format)?;
        Ok(Pair { graph: at.graph, output, target })
    }

    /// `a / (b + 1e-7)`.
    fn ratio(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, NnError> {
        let epsilon = self.graph.constant(EPSILON, Shape::scalar())?;
        let b = self.graph.add(b, epsilon)?;
        Ok(self.graph.div(a, b)?)
    }

    fn extents(&mut self, sides: Sides) -> Result<(NodeId, NodeId), NnError> {
        Ok((self.graph.sub(sides.right, sides.left)?, self.graph.sub(sides.bottom, sides.top)?))
    }

    fn area(&mut self, sides: Sides) -> Result<NodeId, NnError> {
        let (width, height) = self.extents(sides)?;
        Ok(self.graph.mul(width, height)?)
    }

    /// The smallest box around both.
    fn hull(&mut self) -> Result<Sides, NnError> {
        let (a, b) = (self.output, self.target);
        Ok(Sides {
            left: self.graph.minimum(a.left, b.left)?,
            top: self.graph.minimum(a.top, b.top)?,
            right: self.graph.maximum(a.right, b.right)?,
            bottom: self.graph.maximum(a.bottom, b.bottom)?,
        })
    }

    /// The intersection over the union, and the union.
    fn iou(&mut self) -> Result<(NodeId, NodeId), NnError> {
        let (a, b) = (self.output, self.target);
        let common = Sides {
            left: self.graph.maximum(a.left, b.left)?,
            top: self.graph.maximum(a.top, b.top)?,
            right: self.graph.minimum(a.right, b.right)?,
            bottom: self.graph.minimum(a.bottom, b.bottom)?,
        };
        let (width, height) = self.extents(common)?;
        let (width, height) = (at_least(self.graph, width, 0.0)?, at_least(self.graph, height, 0.0)?);
        let intersection = self.graph.mul(width, height)?;
        let (one, other) = (self.area(a)?, self.area(b)?);
        let both = self.graph.add(one, other)?;
        let union = self.graph.sub(both, intersection)?;
        Ok((self.ratio(intersection, union)?, union))
    }

    fn one_minus(&mut self, x: NodeId) -> Result<NodeId, NnError> {
        let one = self.graph.constant(1.0, Shape::scalar())?;
        Ok(self.graph.sub(one, x)?)
    }

    fn iou_loss(&mut self) -> Result<NodeId, NnError> {
        let (iou, _) = self.iou()?;
        self.one_minus(iou)
    }

    fn giou_loss(&mut self) -> Result<NodeId, NnError> {
        let (iou, union) = self.iou()?;
        let hull = self.hull()?;
        let hull = self.area(hull)?;
        let empty = self.graph.sub(hull, union)?;
        let empty = self.ratio(empty, hull)?;
        let loss = self.one_minus(iou)?;
        Ok(self.graph.add(loss, empty)?)
    }

    /// The squared distance of the centres over the squared diagonal of the hull.
    fn apart(&mut self) -> Result<NodeId, NnError> {
        let (a, b, hull) = (self.output, self.target, self.hull()?);
        let mut distance = |from: [NodeId; 2], to: [NodeId; 2], factor| -> Result<NodeId, NnError> {
            let (from, to) = (self.graph.add(from[0], from[1])?, self.graph.add(to[0], to[1])?);
            let distance = self.graph.sub(from, to)?;
            let distance = self.graph.scale(distance, factor)?;
            Ok(self.graph.square(distance)?)
        };
        let dx = distance([a.left, a.right], [b.left, b.right], 0.5)?;
        let dy = distance([a.top, a.bottom], [b.top, b.bottom], 0.5)?;
        let distance = self.graph.add(dx, dy)?;
        let (width, height) = self.extents(hull)?;
        let (width, height) = (self.graph.square(width)?, self.graph.square(height)?);
        let diagonal = self.graph.add(width, height)?;
        self.ratio(distance, diagonal)
    }

    fn diou_loss(&mut self) -> Result<NodeId, NnError> {
        let loss = self.iou_loss()?;
        let apart = self.apart()?;
        Ok(self.graph.add(loss, apart)?)
    }

    fn ciou_loss(&mut self) -> Result<NodeId, NnError> {
        let overlap = self.iou_loss()?;
        let apart = self.apart()?;
        let (own, wanted) = (self.angle(self.output)?, self.angle(self.target)?);
        let difference = self.graph.sub(wanted, own)?;
        let square = self.graph.square(difference)?;
        let v = self.graph.scale(square, 4.0 / (PI * PI))?;
        let sum = self.graph.add(overlap, v)?;
        let alpha = self.ratio(v, sum)?;
        let alpha = self.graph.stop_gradient(alpha)?;
        let shape = self.graph.mul(alpha, v)?;
        let loss = self.graph.add(overlap, apart)?;
        Ok(self.graph.add(loss, shape)?)
    }

    /// `atan(width / height)`.
    fn angle(&mut self, sides: Sides) -> Result<NodeId, NnError> {
        let (width, height) = self.extents(sides)?;
        let height = at_least(self.graph, height, EPSILON)?;
        let ratio = self.graph.div(width, height)?;
        Ok(self.graph.atan(ratio)?)
    }
}

fn sides(graph: &mut Graph, boxes: NodeId, format: BoxFormat) -> Result<Sides, NnError> {
    let axis = graph.shape(boxes).rank() - 1;
    let number = |graph: &mut Graph, i| graph.slice(boxes, axis, i, 1);
    let [a, b, c, d] = [number(graph, 0)?, number(graph, 1)?, number(graph, 2)?, number(graph, 3)?];
    if format == BoxFormat::Xyxy {
        return Ok(Sides { left: a, top: b, right: c, bottom: d });
    }
    let (half_width, half_height) = (graph.scale(c, 0.5)?, graph.scale(d, 0.5)?);
    Ok(Sides {
        left: graph.sub(a, half_width)?,
        top: graph.sub(b, half_height)?,
        right: graph.add(a, half_width)?,
        bottom: graph.add(b, half_height)?,
    })
}
