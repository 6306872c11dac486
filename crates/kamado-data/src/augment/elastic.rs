//! Bending: random displacements at control points, smooth in between (uniform cubic B-spline).

use kamado_graph::rng::Rng;

/// Four weights that add up to 1, for the control points `first..first + 4` around a pixel.
#[derive(Clone, Copy, Debug)]
struct Weights {
    first: usize,
    weights: [f32; 4],
}

/// The bending of images of one size.
#[derive(Debug)]
pub(super) struct Elastic {
    /// The greatest displacement of a control point along x and y, in pixels.
    reach: (f32, f32),
    /// Control points along each axis.
    points: usize,
    rows: Vec<Weights>,
    columns: Vec<Weights>,
}

/// The displacements of the control points of one image, as (x, y) pixels.
#[derive(Clone, Debug, Default)]
pub(super) struct Bend {
    cells: usize,
    points: Vec<(f32, f32)>,
}

/// The displacements of one row of an image.
#[derive(Debug, Default)]
pub(super) struct Row {
    blended: Vec<(f32, f32)>,
    row: Vec<(f32, f32)>,
}

impl Bend {
    /// Displaces nothing from now on.
    pub(super) fn clear(&mut self) {
        self.cells = 0;
    }

    /// The displacement at a place of an image of `[height, width]`.
    pub(super) fn at(&self, (x, y): (f32, f32), [height, width]: [usize; 2]) -> (f32, f32) {
        if self.cells == 0 {
            return (0.0, 0.0);
        }
        let along = |place: f32, size: usize| Weights::at(place.clamp(-0.5, size as f32 - 0.5), size, self.cells);
        let (down, across) = (along(y, height), along(x, width));
        let line = |row: usize| {
            let start = (down.first + row) * (self.cells + 3) + across.first;
            let near = &self.points[start..start + 4];
            across.blend([near[0], near[1], near[2], near[3]])
        };
        down.blend([line(0), line(1), line(2), line(3)])
    }
}

impl Elastic {
    pub(super) fn new(share: f32, cells: usize, height: usize, width: usize) -> Self {
        let along = |size: usize| (0..size).map(|pixel| Weights::at(pixel as f32, size, cells)).collect();
        let reach = (share * width as f32, share * height as f32);
        Elastic { reach, points: cells + 3, rows: along(height), columns: along(width) }
    }

    /// Draws the control points of one image.
    pub(super) fn draw(&self, rng: &mut Rng, bend: &mut Bend) {
        let mut within = |reach: f32| reach * ((f64::from(rng.next_u32()) / f64::from(u32::MAX)) * 2.0 - 1.0) as f32;
        bend.cells = self.points - 3;
        bend.points.clear();
        bend.points.extend((0..self.points * self.points).map(|_| (within(self.reach.0), within(self.reach.1))));
    }

    /// The displacements of row `y`.
    pub(super) fn row<'a>(&self, y: usize, bend: &Bend, row: &'a mut Row) -> &'a [(f32, f32)] {
        let at = self.rows[y];
        let lines: [&[(f32, f32)]; 4] =
            std::array::from_fn(|i| &bend.points[(at.first + i) * self.points..(at.first + i + 1) * self.points]);
        row.blended.clear();
        row.blended.extend((0..self.points).map(|x| at.blend([lines[0][x], lines[1][x], lines[2][x], lines[3][x]])));
        row.row.clear();
        row.row.extend(self.columns.iter().map(|at| {
            let near = &row.blended[at.first..at.first + 4];
            at.blend([near[0], near[1], near[2], near[3]])
        }));
        &row.row
    }
}

impl Weights {
    fn at(pixel: f32, size: usize, cells: usize) -> Self {
        let position = (pixel + 0.5) / size as f32 * cells as f32;
        let first = (position as usize).min(cells - 1);
        let t = position - first as f32;
        // The basis of the uniform cubic B-spline, times 6.
        let weights =
            [(1.0 - t).powi(3), 3.0 * t * t * t - 6.0 * t * t + 4.0, 3.0 * (t + t * t - t * t * t) + 1.0, t * t * t];
        let weights = weights.map(|weight| weight / 6.0);
        Weights { first, weights }
    }

    fn blend(&self, near: [(f32, f32); 4]) -> (f32, f32) {
        let sum = |pick: fn((f32, f32)) -> f32| (0..4).map(|i| self.weights[i] * pick(near[i])).sum::<f32>();
        (sum(|point| point.0), sum(|point| point.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displacements_between_control_points_on_a_line_are_on_the_line() {
        // A cubic B-spline reproduces linear functions: control point i of an axis lies at cell position i - 1.
        let elastic = Elastic::new(0.1, 5, 9, 14);
        let line = |x: f32, y: f32| (2.0 * x - y + 1.0, 0.5 * y);
        let points = (0..64).map(|i| line((i % 8) as f32 - 1.0, (i / 8) as f32 - 1.0)).collect();
        let (bend, mut row) = (Bend { cells: 5, points }, Row::default());
        for y in 0..9 {
            for (x, &(dx, dy)) in elastic.row(y, &bend, &mut row).iter().enumerate() {
                let (wanted_x, wanted_y) = line((x as f32 + 0.5) / 14.0 * 5.0, (y as f32 + 0.5) / 9.0 * 5.0);
                assert!((dx - wanted_x).abs() < 1e-5 && (dy - wanted_y).abs() < 1e-5, "({x}, {y}): {dx} {dy}");
                let (at_x, at_y) = bend.at((x as f32, y as f32), [9, 14]);
                assert!((at_x - dx).abs() < 1e-5 && (at_y - dy).abs() < 1e-5, "({x}, {y}): {at_x} {at_y}");
            }
        }
    }

    #[test]
    fn control_points_stay_within_reach() {
        let (elastic, mut bend) = (Elastic::new(0.1, 4, 20, 10), Bend::default());
        elastic.draw(&mut Rng::new(1, 2), &mut bend);
        assert_eq!(bend.points.len(), 49);
        assert!(bend.points.iter().all(|&(x, y)| x.abs() <= 1.0 && y.abs() <= 2.0));
        assert!(bend.points.iter().any(|&(x, _)| x.abs() > 0.5) && bend.points.iter().any(|&(_, y)| y.abs() > 1.0));
    }
}
