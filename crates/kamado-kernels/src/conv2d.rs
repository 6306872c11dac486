//! Two-dimensional convolution (cross-correlation, as everywhere in machine learning), channels last:
//! `y[b, i, j, o] = Σ x[b, i·stride_h + p·dilation_h - pad_top, j·stride_w + q·dilation_w - pad_left, c] · w[p, q, c, o]`.
//!
//! Where every channel is a group, the sums are computed directly; see `depthwise`. Otherwise
//! all three directions are matrix products whose A is addressed by tables of offsets ("implicit im2col", S. Chetlur et
//! al., cuDNN, 2014), so no column matrix is built. Work is cut into bands of output rows by shape alone. Winograd's transforms round, so
//! operands known to hold bfloat16 numbers, which have instructions of their own, are multiplied as they are.

use crate::gemm::OffsetTable;

mod bands;
mod depthwise;
mod forward;
mod input_grad;
mod kernel_grad;
mod kernel_grads;
mod winograd;

use bands::Geometry;
use depthwise::Depthwise;

/// The sizes of a convolution of `x`, `[batch, in_h, in_w, in_c]`, with `w`, `[kernel_h, kernel_w, in_c / groups, out_c]`,
/// into `y`, `[batch, out_h, out_w, out_c]`. The padding below and on the right is what the output size implies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub struct Conv2dShape {
    pub batch: usize,
    pub in_h: usize,
    pub in_w: usize,
    pub in_c: usize,
    pub out_h: usize,
    pub out_w: usize,
    pub out_c: usize,
    pub kernel_h: usize,
    pub kernel_w: usize,
    pub stride_h: usize,
    pub stride_w: usize,
    pub pad_top: usize,
    pub pad_left: usize,
    pub dilation_h: usize,
    pub dilation_w: usize,
    pub groups: usize,
}

impl Conv2dShape {
    /// Input channels of one group.
    fn group_in(&self) -> usize {
        self.in_c / self.groups
    }

    /// Output channels of one group.
    fn group_out(&self) -> usize {
        self.out_c / self.groups
    }

    /// Weights that meet in one output value.
    fn taps(&self) -> usize {
        self.kernel_h * self.kernel_w * self.group_in()
    }

    fn x_len(&self) -> usize {
        self.batch * self.in_h * self.in_w * self.in_c
    }

    fn y_len(&self) -> usize {
        self.batch * self.out_h * self.out_w * self.out_c
    }

    fn w_len(&self) -> usize {
        self.taps() * self.out_c
    }

    /// Input rows that `rows` output rows need.
    fn rows_under(&self, rows: usize) -> usize {
        if rows == 0 { 0 } else { (rows - 1) * self.stride_h + (self.kernel_h.max(1) - 1) * self.dilation_h + 1 }
    }

    /// Input columns that a row of the output needs.
    fn cols_under(&self) -> usize {
        if self.out_w == 0 {
            0
        } else {
            (self.out_w - 1) * self.stride_w + (self.kernel_w.max(1) - 1) * self.dilation_w + 1
        }
    }

    /// Whether the kernel reaches beyond the input.
    fn padded(&self) -> bool {
        self.pad_top + self.pad_left > 0 || self.rows_under(self.out_h) > self.in_h || self.cols_under() > self.in_w
    }

    /// The convolution that turns dY into dX, if it is one: with the kernel turned around and the channels exchanged.
    fn backward(&self) -> Option<Conv2dShape> {
        if self.stride_h != 1 || self.stride_w != 1 {
            return None;
        }
        Some(Conv2dShape {
            in_h: self.out_h,
            in_w: self.out_w,
            in_c: self.out_c,
            out_h: self.in_h,
            out_w: self.in_w,
            out_c: self.in_c,
            pad_top: ((self.kernel_h.max(1) - 1) * self.dilation_h).checked_sub(self.pad_top)?,
            pad_left: ((self.kernel_w.max(1) - 1) * self.dilation_w).checked_sub(self.pad_left)?,
            ..*self
        })
    }
}

/// A convolution of one shape, with its tables.
#[derive(Debug)]
pub struct Conv2d {
    forward: Geometry,
    /// The convolution of dY that gives dX; none with strides, where dY's products are scattered instead.
    backward: Option<Geometry>,
    /// What computes all directions instead, if every channel is a group.
    depthwise: Option<Depthwise>,
}

impl Conv2d {
    /// Computes the tables.
    ///
    /// # Panics
    /// If the groups do not divide the channels, a stride or dilation is 0, or an image exceeds 2³² values.
    pub fn new(shape: Conv2dShape) -> Self {
        let Conv2dShape { groups, in_c, out_c, .. } = shape;
        assert!(
            groups > 0 && in_c % groups == 0 && out_c % groups == 0,
            "{groups} groups of {in_c} and {out_c} channels"
        );
        let steps = [shape.stride_h, shape.stride_w, shape.dilation_h, shape.dilation_w];
        assert!(steps.iter().all(|s| *s > 0), "strides and dilations are at least 1: {steps:?}");
        let depthwise = Depthwise::fits(&shape).then(|| Depthwise::new(shape));
        Conv2d { forward: Geometry::new(shape), backward: shape.backward().map(Geometry::new), depthwise }
    }

    /// The sizes.
    pub fn shape(&self) -> &Conv2dShape {
        &self.forward.shape
    }
}

/// A table of offsets, each of which must fit.
fn table(offsets: impl Iterator<Item = usize>) -> OffsetTable {
    let narrow = |offset| u32::try_from(offset).unwrap_or_else(|_| panic!("offset {offset} in an image exceeds 2³²"));
    OffsetTable::new(offsets.map(narrow).collect())
}
