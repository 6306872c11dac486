//! Where the parts of a picture went, so that boxes and masks can follow.

use super::elastic::Bend;
use super::projective::Projective;
use crate::vision::Region;

/// Where a picture lay before it was distorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The part of the picture that was resized.
    pub(crate) region: Region,
    /// Where it lies in the input: its first row and column, and how many there are.
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Height and width of the picture.
    pub(crate) picture: [usize; 2],
}

impl Origin {
    /// A picture that has the size of the input.
    pub(crate) fn whole([height, width]: [usize; 2]) -> Self {
        let region = Region::whole(height, width);
        Origin { region, top: 0, left: 0, rows: height, columns: width, picture: [height, width] }
    }
}

/// Where the parts of a picture went when it became an input.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    origin: Option<Origin>,
    /// Height and width of the input.
    size: [usize; 2],
    /// In the order in which they were done; each from a pixel to where it came from.
    stages: Vec<Projective>,
    /// The bending that the first stage adds.
    pub(super) bend: Option<Bend>,
}

/// A box in pixels: `[left, top, right, bottom]`, between the edges of pixels, so that the first pixel is `[0, 0, 1, 1]`.
pub type BoundingBox = [f32; 4];

impl Placement {
    pub(super) fn begin(&mut self, origin: Origin, size: [usize; 2]) {
        (self.origin, self.size) = (Some(origin), size);
        self.stages.clear();
        self.bend.iter_mut().for_each(Bend::clear);
    }

    pub(super) fn push(&mut self, stage: Projective) {
        self.stages.push(stage);
    }

    /// From a pixel of the input to a place in the picture.
    fn to_picture(origin: &Origin) -> Projective {
        let Region { left, top, width, height } = origin.region;
        let scale = [width / origin.columns as f32, height / origin.rows as f32];
        Projective::scaling(scale, [origin.left as f32, origin.top as f32], [left, top])
    }

    /// Where pixel `(x, y)` of the input came from: a place in the picture, whose first pixel has its middle at (0, 0).
    /// None where the input is black because the picture does not reach there.
    pub fn source(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let origin = self.origin.as_ref()?;
        let mut at = (x, y);
        for (i, stage) in self.stages.iter().enumerate().rev() {
            let bend = self.bend.as_ref().filter(|_| i == 0).map_or((0.0, 0.0), |bend| bend.at(at, self.size));
            let (x, y) = stage.apply(at.0, at.1);
            at = (x + bend.0, y + bend.1);
            if !is_inside(at, 0, 0, self.size) {
                return None;
            }
        }
        let inside = is_inside(at, origin.top, origin.left, [origin.rows, origin.columns]);
        inside.then(|| Self::to_picture(origin).apply(at.0, at.1))
    }

    /// Where place `(x, y)` of the picture went in the input.
    fn target(&self, origin: &Origin, x: f32, y: f32) -> (f32, f32) {
        let mut at = Self::to_picture(origin).inverse().apply(x, y);
        for (i, stage) in self.stages.iter().enumerate() {
            let (back, wanted) = (stage.inverse(), at);
            at = back.apply(wanted.0, wanted.1);
            if let Some(bend) = self.bend.as_ref().filter(|_| i == 0) {
                // The displacement changes slowly from place to place, so that this comes to rest in a few steps.
                for _ in 0..12 {
                    let (dx, dy) = bend.at(at, self.size);
                    at = back.apply(wanted.0 - dx, wanted.1 - dy);
                }
            }
        }
        at
    }

    /// A box of the picture in the input: the smallest that holds all of it, cut off at the edge. None if less than
    /// `visible` (0 to 1) of its area is left; outside is what was cut off before as well as what is now.
    ///
    /// What [`Augment::cutout`](super::Augment::cutout) blanks counts as visible, as in Torchvision.
    pub fn bounding_box(&self, bounds: BoundingBox, visible: f32) -> Option<BoundingBox> {
        const STEPS: usize = 16;
        let origin = self.origin.as_ref()?;
        let [left, top, right, bottom] = bounds;
        let mut whole = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
        for i in 0..=STEPS {
            let along = |from: f32, to: f32| from + (to - from) * i as f32 / STEPS as f32;
            let (x, y) = (along(left, right), along(top, bottom));
            for (x, y) in [(x, top), (x, bottom), (left, y), (right, y)] {
                let (x, y) = self.target(origin, x - 0.5, y - 0.5);
                whole = [whole[0].min(x + 0.5), whole[1].min(y + 0.5), whole[2].max(x + 0.5), whole[3].max(y + 0.5)];
            }
        }
        let [height, width] = self.size.map(|side| side as f32);
        let cut = [whole[0].max(0.0), whole[1].max(0.0), whole[2].min(width), whole[3].min(height)];
        let area = |[left, top, right, bottom]: BoundingBox| (right - left).max(0.0) * (bottom - top).max(0.0);
        let (left_over, all) = (area(cut), area(whole));
        (left_over > 0.0 && left_over >= visible * all).then_some(cut)
    }

    /// Writes a mask `[height, width]` of the picture (a class or an object per pixel) as it lies in the input to `out`:
    /// the nearest pixel, and `outside` where the picture does not reach.
    pub fn mask(&self, mask: &[u8], outside: u8, out: &mut [u8]) {
        let [rows, columns] = self.origin.map_or([0, 0], |origin| origin.picture);
        for (i, out) in out.iter_mut().enumerate() {
            let (x, y) = (i % self.size[1].max(1), i / self.size[1].max(1));
            let pixel = self.source(x as f32, y as f32).and_then(|(x, y)| {
                let (x, y) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
                mask.get(y.min(rows.checked_sub(1)?) * columns + x.min(columns.checked_sub(1)?)).copied()
            });
            *out = pixel.unwrap_or(outside);
        }
    }
}

fn is_inside((x, y): (f32, f32), top: usize, left: usize, [rows, columns]: [usize; 2]) -> bool {
    let (x, y) = (x - left as f32, y - top as f32);
    x >= -0.5 && y >= -0.5 && x <= columns as f32 - 0.5 && y <= rows as f32 - 0.5
}
