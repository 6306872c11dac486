//! Turning, moving, scaling and slanting as one map from output to source pixels.

use kamado_graph::rng::Rng;

use super::Augment;

/// `source = matrix * output + offset`, in pixels (x, y).
#[derive(Clone, Copy, Debug)]
pub(super) struct AffineMap {
    pub(super) xx: f32,
    pub(super) xy: f32,
    pub(super) yx: f32,
    pub(super) yy: f32,
    pub(super) x0: f32,
    pub(super) y0: f32,
}

impl AffineMap {
    /// Draws a map within the limits of `settings`.
    ///
    /// Content is slanted, turned and scaled about the centre `c`, then moved by `t`: `out = R S z (source - c) + c + t`;
    /// this is the inverse, `source = S^-1 R^-1 (out - c - t) / z + c`.
    pub(super) fn draw(settings: &Augment, height: usize, width: usize, rng: &mut Rng) -> Self {
        let mut within = |limit: f32| limit * (2.0 * rng.uniform() - 1.0) as f32;
        let (sin, cos) = within(settings.rotation).to_radians().sin_cos();
        let slant = within(settings.shear).to_radians().tan();
        let zoom = 1.0 + within(settings.zoom);
        let (tx, ty) = (within(settings.shift) * width as f32, within(settings.shift) * height as f32);
        let (xx, xy) = ((cos + slant * sin) / zoom, (sin - slant * cos) / zoom);
        let (yx, yy) = (-sin / zoom, cos / zoom);
        let (cx, cy) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
        let (dx, dy) = (cx + tx, cy + ty);
        AffineMap { xx, xy, yx, yy, x0: cx - xx * dx - xy * dy, y0: cy - yx * dx - yy * dy }
    }
}
