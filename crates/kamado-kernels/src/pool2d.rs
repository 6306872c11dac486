//! Two-dimensional max and average pooling and their gradients, channels last.
//!
//! y[n, i, j, c] = max or mean of x[n, i·sh + a − pt, j·sw + b − pl, c] over the cells (a, b) of the window that lie
//! inside the image. Padding is never read: the mean divides by the number of cells inside (Keras "same"; PyTorch
//! `count_include_pad=False`). A window wholly in padding gives −∞ and 0.
//!
//! Gradients: max sends g to the first largest cell in row-major order, found again from x, so no index is stored (with
//! NaN: to the last NaN, as PyTorch does); average sends g divided by the number of cells to each.

use crate::Exec;
use crate::elementwise::maximum;
use crate::isa::multiversion;
use crate::parallel::{self, TASK};

/// Channels that are handled together in the gradient of max pooling: many, or as few as there are.
const MANY: usize = 64;
const FEW: usize = 8;

/// Sizes of a pooling: x is `[batch, in_h, in_w, channels]`, y `[batch, out_h, out_w, channels]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pool2dShape {
    /// Images.
    pub batch: usize,
    /// Rows of the input.
    pub in_h: usize,
    /// Columns of the input.
    pub in_w: usize,
    /// Channels, the last axis.
    pub channels: usize,
    /// Rows of the output.
    pub out_h: usize,
    /// Columns of the output.
    pub out_w: usize,
    /// Rows of the window.
    pub pool_h: usize,
    /// Columns of the window.
    pub pool_w: usize,
    /// Rows between windows.
    pub stride_h: usize,
    /// Columns between windows.
    pub stride_w: usize,
    /// Rows of padding above.
    pub pad_top: usize,
    /// Columns of padding on the left.
    pub pad_left: usize,
}

/// The cells of one window that lie inside the image: rows and columns `first..last`.
#[derive(Clone, Copy)]
struct Window {
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Pool2dShape {
    fn input_len(&self) -> usize {
        self.batch * self.image_len()
    }

    fn output_len(&self) -> usize {
        self.batch * self.out_h * self.out_w * self.channels
    }

    fn image_len(&self) -> usize {
        self.in_h * self.in_w * self.channels
    }

    #[inline(always)]
    fn window(&self, row: usize, column: usize) -> Window {
        let clip = |at: usize, stride: usize, pad: usize, pool: usize, size: usize| {
            let start = at * stride;
            (start.saturating_sub(pad).min(size), (start + pool).saturating_sub(pad).min(size))
        };
        Window {
            rows: clip(row, self.stride_h, self.pad_top, self.pool_h, self.in_h),
            columns: clip(column, self.stride_w, self.pad_left, self.pool_w, self.in_w),
        }
    }

    /// Calls `body` with the offset in the image of every cell of the window, in row-major order.
    #[inline(always)]
    fn for_each_cell(&self, window: Window, mut body: impl FnMut(usize)) {
        for row in window.rows.0..window.rows.1 {
            for column in window.columns.0..window.columns.1 {
                body((row * self.in_w + column) * self.channels);
            }
        }
    }
}

impl Window {
    #[inline(always)]
    fn cells(&self) -> usize {
        (self.rows.1 - self.rows.0) * (self.columns.1 - self.columns.0)
    }
}

/// Max pooling.
///
/// # Panics
/// If a length does not fit `shape`.
pub fn max_pool2d(exec: Exec<'_>, shape: &Pool2dShape, x: &[f32], y: &mut [f32]) {
    forward(exec, shape, x, y, |image, row, y| max_row(exec.isa, shape, image, row, y));
}

/// Average pooling.
///
/// # Panics
/// If a length does not fit `shape`.
pub fn average_pool2d(exec: Exec<'_>, shape: &Pool2dShape, x: &[f32], y: &mut [f32]) {
    forward(exec, shape, x, y, |image, row, y| average_row(exec.isa, shape, image, row, y));
}

/// The gradient of max pooling for its input: `dx` as x, `dy` as y.
///
/// # Panics
/// If a length does not fit `shape`.
pub fn max_pool2d_gradient(exec: Exec<'_>, shape: &Pool2dShape, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert_eq!(x.len(), shape.input_len(), "x against {shape:?}");
    backward(exec, shape, dy, dx, |image, dy, dx| {
        let x = &x[image * shape.image_len()..][..shape.image_len()];
        max_gradient(exec.isa, shape, x, dy, dx);
    });
}

/// The gradient of average pooling for its input: `dx` as x, `dy` as y.
///
/// # Panics
/// If a length does not fit `shape`.
pub fn average_pool2d_gradient(exec: Exec<'_>, shape: &Pool2dShape, dy: &[f32], dx: &mut [f32]) {
    backward(exec, shape, dy, dx, |_, dy, dx| average_gradient(exec.isa, shape, dy, dx));
}

/// Calls `body(image, row, y)` for every row of every output image.
fn forward(
    exec: Exec<'_>,
    shape: &Pool2dShape,
    x: &[f32],
    y: &mut [f32],
    body: impl Fn(&[f32], usize, &mut [f32]) + Sync,
) {
    assert_eq!((x.len(), y.len()), (shape.input_len(), shape.output_len()), "x and y against {shape:?}");
    let width = shape.out_w * shape.channels;
    let rows = (TASK / (width * shape.pool_h * shape.pool_w).max(1)).max(1);
    parallel::for_each_chunk(exec.pool, y, (rows * width).max(1), |first, y| {
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            let (image, row) = ((first / width + i) / shape.out_h, (first / width + i) % shape.out_h);
            body(&x[image * shape.image_len()..][..shape.image_len()], row, y);
        }
    });
}

/// Calls `body(image, dy, dx)` for every image, whose `dx` is zero.
fn backward(
    exec: Exec<'_>,
    shape: &Pool2dShape,
    dy: &[f32],
    dx: &mut [f32],
    body: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) {
    assert_eq!((dx.len(), dy.len()), (shape.input_len(), shape.output_len()), "dx and dy against {shape:?}");
    let (image_len, out_len) = (shape.image_len(), shape.out_h * shape.out_w * shape.channels);
    let images = (TASK / image_len.max(1)).max(1);
    parallel::for_each_chunk(exec.pool, dx, (images * image_len).max(1), |first, dx| {
        for (i, dx) in dx.chunks_exact_mut(image_len).enumerate() {
            let image = first / image_len + i;
            dx.fill(0.0);
            body(image, &dy[image * out_len..][..out_len], dx);
        }
    });
}

multiversion! {
    fn max_row(isa; shape: &Pool2dShape, image: &[f32], row: usize, y: &mut [f32]) {
        if shape.channels == 1 {
            y.fill(f32::NEG_INFINITY);
            return along_row(shape, image, row, y, maximum);
        }
        for (column, y) in y.chunks_exact_mut(shape.channels).enumerate() {
            y.fill(f32::NEG_INFINITY);
            shape.for_each_cell(shape.window(row, column), |at| {
                for (y, &x) in y.iter_mut().zip(&image[at..at + shape.channels]) {
                    *y = maximum(*y, x);
                }
            });
        }
    }
}

multiversion! {
    fn average_row(isa; shape: &Pool2dShape, image: &[f32], row: usize, y: &mut [f32]) {
        if shape.channels == 1 {
            y.fill(0.0);
            along_row(shape, image, row, y, |y, x| y + x);
            let cells = |column| shape.window(row, column).cells().max(1) as f32;
            return y.iter_mut().enumerate().for_each(|(column, y)| *y /= cells(column));
        }
        for (column, y) in y.chunks_exact_mut(shape.channels).enumerate() {
            let window = shape.window(row, column);
            y.fill(0.0);
            shape.for_each_cell(window, |at| {
                for (y, &x) in y.iter_mut().zip(&image[at..at + shape.channels]) {
                    *y += x;
                }
            });
            let cells = window.cells().max(1) as f32;
            for y in y.iter_mut() {
                *y /= cells;
            }
        }
    }
}

/// Of images with one channel, combines every cell of each window of a row with the window's value. One cell of all windows
/// after the other, so that the inner loop is long.
#[inline(always)]
fn along_row(shape: &Pool2dShape, image: &[f32], row: usize, y: &mut [f32], combine: impl Fn(f32, f32) -> f32 + Copy) {
    let (top, bottom) = shape.window(row, 0).rows;
    let stride = shape.stride_w;
    for line in image.chunks_exact(shape.in_w).take(bottom).skip(top) {
        for cell in 0..shape.pool_w {
            let first = shape.pad_left.saturating_sub(cell).div_ceil(stride);
            let start = first * stride + cell - shape.pad_left;
            let (Some(y), Some(x)) = (y.get_mut(first..), line.get(start..)) else { continue };
            match stride {
                1 => y.iter_mut().zip(x).for_each(|(y, x)| *y = combine(*y, *x)),
                2 => {
                    let pairs = x.chunks_exact(2);
                    let last = (y.get_mut(pairs.len()), pairs.remainder());
                    if let (Some(y), [x]) = last {
                        *y = combine(*y, *x);
                    }
                    y.iter_mut().zip(pairs).for_each(|(y, x)| *y = combine(*y, x[0]));
                }
                _ => y.iter_mut().zip(x.iter().step_by(stride)).for_each(|(y, x)| *y = combine(*y, *x)),
            }
        }
    }
}

multiversion! {
    fn average_gradient(isa; shape: &Pool2dShape, dy: &[f32], dx: &mut [f32]) {
        for (i, dy) in dy.chunks_exact(shape.channels).enumerate() {
            let window = shape.window(i / shape.out_w, i % shape.out_w);
            let cells = window.cells() as f32;
            shape.for_each_cell(window, |at| {
                for (dx, &g) in dx[at..at + shape.channels].iter_mut().zip(dy) {
                    *dx += g / cells;
                }
            });
        }
    }
}

multiversion! {
    fn max_gradient(isa; shape: &Pool2dShape, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        for (i, dy) in dy.chunks_exact(shape.channels).enumerate() {
            let window = shape.window(i / shape.out_w, i % shape.out_w);
            match shape.channels {
                1 => scatter_to_largest::<1>(shape, window, 0, x, dy, dx),
                ..=FEW => scatter_to_largest::<FEW>(shape, window, 0, x, dy, dx),
                _ => {
                    for (block, dy) in dy.chunks(MANY).enumerate() {
                        scatter_to_largest::<MANY>(shape, window, block * MANY, x, dy, dx);
                    }
                }
            }
        }
    }
}

/// Adds `dy`, the gradients of at most `N` channels from `first` on, to the largest cells of one window.
#[inline(always)]
fn scatter_to_largest<const N: usize>(
    shape: &Pool2dShape,
    window: Window,
    first: usize,
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    let mut largest = [f32::NEG_INFINITY; N];
    let mut chosen = [0u32; N];
    let mut cell = 0;
    shape.for_each_cell(window, |at| {
        let x = &x[at + first..][..dy.len()];
        for ((largest, chosen), &x) in largest.iter_mut().zip(&mut chosen).zip(x) {
            let better = (x > *largest) | x.is_nan();
            *largest = maximum(*largest, x);
            // Cells are numbered upwards, so the maximum is the last choice.
            *chosen = (*chosen).max(if better { cell } else { 0 });
        }
        cell += 1;
    });
    cell = 0;
    shape.for_each_cell(window, |at| {
        let dx = &mut dx[at + first..][..dy.len()];
        for ((dx, &g), &chosen) in dx.iter_mut().zip(dy).zip(&chosen) {
            *dx += if chosen == cell { g } else { 0.0 };
        }
        cell += 1;
    });
}
