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
