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
        let map = AffineMap { xx, xy, yx, yy, x0: cx - xx * dx - xy * dy, y0: cy - yx * dx - yy * dy };
        // Drawn last and only if wanted, so that the other draws do not depend on it.
        let mut map = if settings.horizontal_flip && rng.uniform() < 0.5 { map.mirrored(width) } else { map };
        if settings.vertical_flip && rng.uniform() < 0.5 {
            map = map.upside_down(height);
        }
        if settings.crop > 0 {
            let mut pixels = || rng.below(2 * settings.crop as u64 + 1) as f32 - settings.crop as f32;
            (map.x0, map.y0) = (map.x0 + pixels(), map.y0 + pixels());
        }
        map
    }

    /// The map whose result is mirrored top to bottom.
    fn upside_down(self, height: usize) -> Self {
        let last = height as f32 - 1.0;
        let (x0, y0) = (self.x0 + self.xy * last, self.y0 + self.yy * last);
        AffineMap { xy: -self.xy, yy: -self.yy, x0, y0, ..self }
    }

    /// Whether every pixel stays where it is.
    pub(super) fn is_copy(self) -> bool {
        self.is_turn([1.0, 0.0, 0.0, 1.0]) && self.x0 == 0.0 && self.y0 == 0.0
    }

    /// Whether it mirrors left to right and does nothing else.
    pub(super) fn is_mirror(self, width: usize) -> bool {
        self.is_turn([-1.0, 0.0, 0.0, 1.0]) && self.x0 == width as f32 - 1.0 && self.y0 == 0.0
    }

    fn is_turn(self, matrix: [f32; 4]) -> bool {
        [self.xx, self.xy, self.yx, self.yy] == matrix
    }

    /// The map whose result is mirrored left to right: `x` takes the place of `width - 1 - x`.
    fn mirrored(self, width: usize) -> Self {
        let last = width as f32 - 1.0;
        let (x0, y0) = (self.x0 + self.xx * last, self.y0 + self.yx * last);
        AffineMap { xx: -self.xx, yx: -self.yx, x0, y0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_undoes_slanting_turning_scaling_and_moving() {
        let settings = Augment { rotation: 30.0, shift: 0.2, zoom: 0.3, shear: 20.0, ..Augment::default() };
        for stream in 0..50 {
            let map = AffineMap::draw(&settings, 20, 10, &mut Rng::new(5, stream));
            // The same draws, in the documented order, taken forward in f64.
            let mut rng = Rng::new(5, stream);
            let mut within = |limit: f64| limit * (2.0 * rng.uniform() - 1.0);
            let (angle, slant) = (within(30.0).to_radians(), within(20.0).to_radians().tan());
            let (zoom, tx, ty) = (1.0 + within(0.3), within(0.2) * 10.0, within(0.2) * 20.0);
            let (x, y) = (2.0, 17.0);
            let (u, v) = (x - 4.5 + slant * (y - 9.5), y - 9.5);
            let out_x = zoom * (angle.cos() * u - angle.sin() * v) + 4.5 + tx;
            let out_y = zoom * (angle.sin() * u + angle.cos() * v) + 9.5 + ty;
            let back_x = f64::from(map.xx) * out_x + f64::from(map.xy) * out_y + f64::from(map.x0);
            let back_y = f64::from(map.yx) * out_x + f64::from(map.yy) * out_y + f64::from(map.y0);
            assert!((back_x - x).abs() < 1e-4 && (back_y - y).abs() < 1e-4, "{stream}: {back_x} {back_y}");
        }
    }
}
