//! What the pooling operators share.

use super::window::{Image, Padding, Window, grid};
use crate::error::ShapeError;
use crate::shape::Shape;

/// The shape of a pooled image.
pub(super) fn pooled(
    x: &Shape,
    windows: impl Fn([usize; 2]) -> Result<[Window; 2], ShapeError>,
) -> Result<Shape, ShapeError> {
    let image = Image::new("an image", x)?;
    Ok(image.of_windows(windows(image.size)?, image.channels))
}

/// Calls `visit` with the place of every element `[b, i, j, c]` of a pooled image, and with the places in the image `x`
/// that its window covers.
pub(super) fn each_window(x: &[usize], windows: [Window; 2], mut visit: impl FnMut([usize; 4], &[[usize; 4]])) {
    let [rows, columns] = windows;
    for (b, i) in grid(x[0], rows.output) {
        for (j, c) in grid(columns.output, x[3]) {
            let cells = rows.cells(i).flat_map(|(_, row)| columns.cells(j).map(move |(_, column)| [b, row, column, c]));
            visit([b, i, j, c], &cells.collect::<Vec<_>>());
        }
    }
}

/// Pool size, strides, padding, the shape of an image and a batch size.
type Example = ([usize; 2], [usize; 2], Padding, Shape, usize);

/// Windows that overlap, leave gaps, cover all and run over the edge, and channels around the widths of vectors.
pub(super) fn examples() -> Vec<Example> {
    use Padding::{Same, Valid};
    let example = |size, strides, padding, x: [usize; 3], batch| (size, strides, padding, Shape::batched(&x), batch);
    vec![
        example([1, 1], [1, 1], Valid, [1, 1, 1], 1),
        example([2, 2], [2, 2], Valid, [4, 6, 2], 3),
        example([2, 2], [2, 2], Valid, [5, 7, 3], 1),
        example([2, 2], [2, 2], Same, [5, 7, 3], 2),
        example([2, 2], [2, 2], Valid, [4, 4, 17], 2),
        example([2, 2], [2, 2], Valid, [2, 4, 33], 1),
        example([3, 3], [2, 2], Valid, [7, 5, 2], 2),
        example([3, 3], [2, 2], Same, [6, 8, 8], 1),
        example([3, 3], [1, 1], Same, [4, 5, 2], 2),
        example([1, 3], [2, 1], Valid, [5, 6, 2], 1),
        example([2, 2], [3, 3], Same, [7, 8, 2], 1),
        example([4, 3], [4, 3], Valid, [4, 3, 5], 3),
    ]
}
