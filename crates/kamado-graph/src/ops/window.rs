//! The geometry of sliding windows, which convolution and pooling share.

use serde::{Deserialize, Serialize};

use crate::error::ShapeError;
use crate::shape::{Dim, Shape};

/// What lies beyond the edge of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: windows stay inside the image.
    #[default]
    Valid,
    /// As many empty cells as an output of `⌈input / stride⌉` needs; of an odd number, the extra one is at the end.
    /// As in TensorFlow and Keras.
    Same,
    /// As many empty cells before the image as make each window end at its own cell, so that an output depends on nothing
    /// that comes after it: `⌈input / stride⌉` outputs. As in Keras' Conv1D.
    Causal,
}

/// The windows along one axis of an image: window `o` covers the cells `o·stride + k·dilation - pad_begin` for `k` in
/// `0..size`, of which those outside `0..input` are empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The extent of the image.
    pub input: usize,
    /// The number of windows.
    pub output: usize,
    /// The number of cells of a window.
    pub size: usize,
    /// The distance from window to window.
    pub stride: usize,
    /// The distance from cell to cell within a window.
    pub dilation: usize,
    /// The empty cells before the image.
    pub pad_begin: usize,
}

impl Window {
    /// The windows of one axis.
    ///
    /// # Errors
    /// If a number is zero that may not be, or if a window without padding is larger than the image.
    pub fn new(
        input: usize,
        size: usize,
        stride: usize,
        dilation: usize,
        padding: Padding,
    ) -> Result<Self, ShapeError> {
        if size == 0 || stride == 0 || dilation == 0 {
            return Err(ShapeError::new(format!(
                "window size, stride and dilation must be at least 1, got {size}, {stride} and {dilation}"
            )));
        }
        let span = (size - 1).checked_mul(dilation).and_then(|n| n.checked_add(1));
        // No cell of a window lies beyond the sum, so that later sums of positions cannot overflow.
        let span = span.filter(|n| n.checked_add(input).is_some()).ok_or_else(|| {
            ShapeError::new(format!("a window of {size} cells with dilation {dilation} is far too large"))
        })?;
        let (output, pad_begin) = match padding {
            Padding::Valid if span > input => {
                let dilated = if dilation == 1 { String::new() } else { format!(" (dilated from {size})") };
                return Err(ShapeError::new(format!(
                    "a window of {span} cells{dilated} does not fit into {input}; make it smaller or the padding \"same\""
                )));
            }
            Padding::Valid => ((input - span) / stride + 1, 0),
            Padding::Same => {
                let output = input.div_ceil(stride);
                // The cells from the start of the last window to the end of the image.
                let rest = input - output.saturating_sub(1) * stride;
                (output, span.saturating_sub(rest) / 2)
            }
            Padding::Causal => (input.div_ceil(stride), span - 1),
        };
        Ok(Window { input, output, size, stride, dilation, pad_begin })
    }

    /// The cells of window `o` that lie in the image: their positions in the window and in the image.
    pub fn cells(&self, o: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Window { input, size, stride, dilation, pad_begin, .. } = *self;
        (0..size).filter_map(move |k| {
            let cell = (o * stride + k * dilation).checked_sub(pad_begin)?;
            (cell < input).then_some((k, cell))
        })
    }
}

/// The windows along the height and the width of an image.
///
/// # Errors
/// As [`Window::new`], naming the axis.
pub fn windows(
    image: [usize; 2],
    size: [usize; 2],
    strides: [usize; 2],
    dilation: [usize; 2],
    padding: Padding,
) -> Result<[Window; 2], ShapeError> {
    let axis = |i: usize, name: &str| {
        Window::new(image[i], size[i], strides[i], dilation[i], padding)
            .map_err(|why| ShapeError::new(format!("along the {name}, {why}")))
    };
    Ok([axis(0, "height")?, axis(1, "width")?])
}

/// All pairs below two numbers, row by row.
pub(super) fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..columns).map(move |j| (i, j)))
}

/// The parts of an image shape `[batch, height, width, channels]`.
pub(super) struct Image {
    pub(super) batch: Dim,
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
}

impl Image {
    /// Takes a shape apart; `name` says whose shape it is.
    pub(super) fn new(name: &str, shape: &Shape) -> Result<Self, ShapeError> {
        match shape[..] {
            [batch, Dim::Fixed(height), Dim::Fixed(width), Dim::Fixed(channels)] => {
                Ok(Image { batch, size: [height, width], channels })
            }
            _ => Err(ShapeError::new(format!("expects {name} of shape [batch, height, width, channels], got {shape}"))),
        }
    }

    /// The shape of an image of as many examples, with one cell for each window.
    pub(super) fn of_windows(&self, windows: [Window; 2], channels: usize) -> Shape {
        let [rows, columns] = windows.map(|w| Dim::Fixed(w.output));
        Shape(vec![self.batch, rows, columns, Dim::Fixed(channels)])
    }
}

/// Says that a gradient does not have the shape of what it is the gradient of.
pub(super) fn expect_gradient(dy: &Shape, output: &Shape) -> Result<(), ShapeError> {
    if dy == output {
        return Ok(());
    }
    Err(ShapeError::new(format!("the gradient has shape {dy}, but the result it belongs to has shape {output}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(input: usize, size: usize, stride: usize, dilation: usize, padding: Padding) -> (usize, usize) {
        let window = Window::new(input, size, stride, dilation, padding).unwrap();
        (window.output, window.pad_begin)
    }

    #[test]
    fn outputs_and_padding_follow_tensorflow() {
        use Padding::{Causal, Same, Valid};
        assert_eq!(geometry(28, 3, 1, 1, Valid), (26, 0));
        assert_eq!(geometry(7, 2, 2, 1, Valid), (3, 0));
        assert_eq!(geometry(7, 3, 1, 2, Valid), (3, 0));
        assert_eq!(geometry(28, 3, 1, 1, Same), (28, 1));
        assert_eq!(geometry(28, 3, 2, 1, Same), (14, 0)); // one empty cell, at the end
        assert_eq!(geometry(7, 3, 2, 1, Same), (4, 1));
        assert_eq!(geometry(6, 5, 2, 1, Same), (3, 1)); // three empty cells, two at the end
        assert_eq!(geometry(5, 3, 1, 2, Same), (5, 2));
        assert_eq!(geometry(7, 2, 3, 1, Same), (3, 0));
        assert_eq!(geometry(0, 3, 1, 1, Same), (0, 1));
        assert_eq!(geometry(5, 3, 1, 2, Causal), (5, 4));
        assert_eq!(geometry(6, 3, 2, 1, Causal), (3, 2));
    }

    #[test]
    fn cells_skip_the_padding() {
        let window = Window::new(6, 5, 2, 1, Padding::Same).unwrap();
        assert_eq!(window.cells(0).collect::<Vec<_>>(), [(1, 0), (2, 1), (3, 2), (4, 3)]);
        assert_eq!(window.cells(2).collect::<Vec<_>>(), [(0, 3), (1, 4), (2, 5)]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let error =
            |size, stride, dilation, padding| Window::new(5, size, stride, dilation, padding).unwrap_err().to_string();
        assert!(error(6, 1, 1, Padding::Valid).contains("a window of 6 cells does not fit into 5"));
        assert!(error(3, 1, 3, Padding::Valid).contains("7 cells (dilated from 3) does not fit into 5"));
        assert!(error(3, 0, 1, Padding::Same).contains("at least 1, got 3, 0 and 1"));
        assert!(error(usize::MAX, 1, 2, Padding::Same).contains("far too large"));
    }
}
