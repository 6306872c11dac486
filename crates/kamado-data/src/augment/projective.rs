//! Maps of the plane that keep lines straight.

use super::affine_map::AffineMap;

/// `(x, y) = ((a x' + b y' + c) / (g x' + h y' + i), (d x' + e y' + f) / (g x' + h y' + i))`, rows `[a, b, c]`, `[d, e, f]`,
/// `[g, h, i]`, in pixels; the middle of the first pixel is (0, 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Projective(pub(super) [[f32; 3]; 3]);

impl Projective {
    /// `x = left + (x' - from_left) * scale`, between the edges of pixels, and likewise for y.
    pub(super) fn scaling(scale: [f32; 2], from: [f32; 2], to: [f32; 2]) -> Self {
        // Middles of pixels are half a pixel from their edges.
        let offset = |i: usize| to[i] + (0.5 - from[i]) * scale[i] - 0.5;
        Projective([[scale[0], 0.0, offset(0)], [0.0, scale[1], offset(1)], [0.0, 0.0, 1.0]])
    }

    /// The map that undoes the tilt of an image of `[height, width]` whose corners (upper left, upper right, lower right,
    /// lower left) have gone to `corners`, in pixels between the edges of pixels.
    ///
    /// Source: P. Heckbert, "Fundamentals of texture mapping and image warping", 1989, section 2.2.3.
    pub(super) fn untilting(corners: [[f32; 2]; 4], [height, width]: [usize; 2]) -> Self {
        let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
        let (dx1, dx2, dx3) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (dy1, dy2, dy3) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let area = dx1 * dy2 - dx2 * dy1;
        let (g, h) = ((dx3 * dy2 - dx2 * dy3) / area, (dx1 * dy3 - dx3 * dy1) / area);
        let from_square = Projective([
            [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
            [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
            [g, h, 1.0],
        ]);
        let to_middle = Projective([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]);
        let to_image = Projective([[width as f32, 0.0, -0.5], [0.0, height as f32, -0.5], [0.0, 0.0, 1.0]]);
        to_image.after(&from_square.inverse()).after(&to_middle)
    }

    /// First `other`, then this.
    pub(super) fn after(&self, other: &Self) -> Self {
        let cell = |row: usize, column: usize| (0..3).map(|k| self.0[row][k] * other.0[k][column]).sum();
        Projective(std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column))))
    }

    pub(super) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let [top, middle, bottom] = self.0.map(|[a, b, c]| a * x + b * y + c);
        (top / bottom, middle / bottom)
    }

    /// The map back; if there is none, its values are not finite.
    pub(super) fn inverse(&self) -> Self {
        let m = self.0.map(|row| row.map(f64::from));
        let minor = |row: usize, column: usize| {
            let [r, s] = [(row + 1) % 3, (row + 2) % 3];
            let [c, d] = [(column + 1) % 3, (column + 2) % 3];
            m[r][c] * m[s][d] - m[r][d] * m[s][c]
        };
        let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
        let cell = |row: usize, column: usize| (minor(column, row) / determinant) as f32;
        Projective(std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column))))
    }
}

impl From<AffineMap> for Projective {
    fn from(map: AffineMap) -> Self {
        Projective([[map.xx, map.xy, map.x0], [map.yx, map.yy, map.y0], [0.0, 0.0, 1.0]])
    }
}
