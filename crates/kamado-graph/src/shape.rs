//! Shapes with a symbolic batch size.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One extent of a shape: a number, or a multiple of the batch size `B`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dim {
    /// A number known when the graph is built.
    Fixed(usize),
    /// This number times the batch size.
    Batch(usize),
}

impl Dim {
    /// The batch size itself.
    pub const B: Dim = Dim::Batch(1);
    /// An extent of one, which broadcasts.
    pub const ONE: Dim = Dim::Fixed(1);

    /// The extent for a batch of `batch` examples; `usize::MAX` if it overflows.
    pub fn at(self, batch: usize) -> usize {
        match self {
            Dim::Fixed(n) => n,
            Dim::Batch(n) => n.saturating_mul(batch),
        }
    }

    /// The product of two extents; `None` if both depend on the batch size or the product overflows.
    pub fn checked_mul(self, other: Dim) -> Option<Dim> {
        match (self, other) {
            (Dim::Fixed(a), Dim::Fixed(b)) => a.checked_mul(b).map(Dim::Fixed),
            (Dim::Fixed(a), Dim::Batch(b)) | (Dim::Batch(a), Dim::Fixed(b)) => a.checked_mul(b).map(Dim::Batch),
            (Dim::Batch(_), Dim::Batch(_)) => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(n) => write!(f, "{n}"),
            Dim::Batch(1) => f.write_str("B"),
            Dim::Batch(n) => write!(f, "{n}B"),
        }
    }
}

impl std::str::FromStr for Dim {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix('B') {
            Some("") => Ok(Dim::B),
            Some(n) => n.parse().map(Dim::Batch),
            None => text.parse().map(Dim::Fixed),
        }
    }
}

/// The extents of a tensor, outermost first; a scalar has none.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Shape(pub Vec<Dim>);

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Self {
        Shape(Vec::new())
    }

    /// `[B, dims…]`.
    pub fn batched(dims: &[usize]) -> Self {
        Shape(std::iter::once(Dim::B).chain(dims.iter().map(|&n| Dim::Fixed(n))).collect())
    }

    /// `[dims…]`, without a batch axis.
    pub fn fixed(dims: &[usize]) -> Self {
        Shape(dims.iter().map(|&n| Dim::Fixed(n)).collect())
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The extents for a batch of `batch` examples.
    pub fn at(&self, batch: usize) -> Vec<usize> {
        self.0.iter().map(|d| d.at(batch)).collect()
    }

    /// The number of elements; `None` if the batch size enters twice or the product overflows.
    pub fn elements(&self) -> Option<Dim> {
        self.0.iter().try_fold(Dim::ONE, |n, &d| n.checked_mul(d))
    }

    /// The shape of an elementwise result under NumPy's broadcasting rules; `None` if they do not fit.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let axis = |s: &Shape, i: usize| (i + s.rank()).checked_sub(rank).map_or(Dim::ONE, |j| s.0[j]);
        (0..rank)
            .map(|i| match (axis(self, i), axis(other, i)) {
                (a, b) if a == b => Some(a),
                (Dim::ONE, d) | (d, Dim::ONE) => Some(d),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(Shape)
    }
}

impl std::ops::Deref for Shape {
    type Target = [Dim];

    fn deref(&self) -> &[Dim] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<_> = self.0.iter().map(Dim::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

/// The type of an element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DType {
    /// A 32-bit float.
    F32,
    /// A 32-bit integer: class labels and indices.
    I32,
}

/// What a node yields: element type and shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TensorType {
    /// The type of the elements.
    pub dtype: DType,
    /// The extents.
    pub shape: Shape,
}

impl TensorType {
    /// A tensor of 32-bit floats.
    pub fn f32(shape: Shape) -> Self {
        TensorType { dtype: DType::F32, shape }
    }

    /// A tensor of 32-bit integers.
    pub fn i32(shape: Shape) -> Self {
        TensorType { dtype: DType::I32, shape }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dtype = match self.dtype {
            DType::F32 => "f32",
            DType::I32 => "i32",
        };
        write!(f, "{dtype}{}", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let a = Shape::batched(&[4, 1, 3]);
        assert_eq!(a.broadcast(&Shape::fixed(&[5, 3])), Some(Shape::batched(&[4, 5, 3])));
        assert_eq!(a.broadcast(&Shape::scalar()), Some(a.clone()));
        assert_eq!(a.broadcast(&Shape::fixed(&[2])), None);
    }

    #[test]
    fn elements_and_text() {
        assert_eq!(Shape::batched(&[4, 5]).elements(), Some(Dim::Batch(20)));
        assert_eq!(Shape(vec![Dim::B, Dim::B]).elements(), None);
        assert_eq!(Shape::fixed(&[usize::MAX, 2]).elements(), None);
        assert_eq!(TensorType::f32(Shape(vec![Dim::B, Dim::Batch(3), Dim::Fixed(2)])).to_string(), "f32[B, 3B, 2]");
        for dim in [Dim::B, Dim::Batch(12), Dim::Fixed(7)] {
            assert_eq!(dim.to_string().parse(), Ok(dim));
        }
    }
}
