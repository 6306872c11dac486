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

/// The control points of one image and the displacements of one of its rows, as (x, y) pixels.
#[derive(Debug, Default)]
pub(super) struct Bend {
    points: Vec<(f32, f32)>,
    blended: Vec<(f32, f32)>,
    row: Vec<(f32, f32)>,
}

impl Elastic {
    pub(super) fn new(share: f32, cells: usize, height: usize, width: usize) -> Self {
        let along = |size: usize| (0..size).map(|pixel| Weights::at(pixel, size, cells)).collect();
        let reach = (share * width as f32, share * height as f32);
        Elastic { reach, points: cells + 3, rows: along(height), columns: along(width) }
    }

    /// Draws the control points of one image.
    pub(super) fn draw(&self, rng: &mut Rng, bend: &mut Bend) {
        let mut within = |reach: f32| reach * ((f64::from(rng.next_u32()) / f64::from(u32::MAX)) * 2.0 - 1.0) as f32;
        bend.points.clear();
        bend.points.extend((0..self.points * self.points).map(|_| (within(self.reach.0), within(self.reach.1))));
    }

    /// The displacements of row `y`.
    pub(super) fn row<'a>(&self, y: usize, bend: &'a mut Bend) -> &'a [(f32, f32)] {
        let at = self.rows[y];
        let lines: [&[(f32, f32)]; 4] =
            std::array::from_fn(|i| &bend.points[(at.first + i) * self.points..(at.first + i + 1) * self.points]);
        bend.blended.clear();
        bend.blended.extend((0..self.points).map(|x| at.blend([lines[0][x], lines[1][x], lines[2][x], lines[3][x]])));
        bend.row.clear();
        bend.row.extend(self.columns.iter().map(|at| {
            let near = &bend.blended[at.first..at.first + 4];
            at.blend([near[0], near[1], near[2], near[3]])
        }));
        &bend.row
    }
}

impl Weights {
    fn at(pixel: usize, size: usize, cells: usize) -> Self {
        let position = (pixel as f32 + 0.5) / size as f32 * cells as f32;
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
        let mut bend = Bend { points, ..Bend::default() };
        for y in 0..9 {
            for (x, &(dx, dy)) in elastic.row(y, &mut bend).iter().enumerate() {
                let (wanted_x, wanted_y) = line((x as f32 + 0.5) / 14.0 * 5.0, (y as f32 + 0.5) / 9.0 * 5.0);
                assert!((dx - wanted_x).abs() < 1e-5 && (dy - wanted_y).abs() < 1e-5, "({x}, {y}): {dx} {dy}");
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
