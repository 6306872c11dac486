//! Convolutions with a 3x3 kernel and stride 1 by Winograd's algorithm: a tile of 4x4 results needs 36 products a pair of
//! channels, where the direct way takes 144.
//!
//! Tiles of the input are transformed, multiplied with the transformed kernel, one matrix product for each position in
//! the tile, and the products transformed to results; chunks of tiles are small enough for all this to stay in the
//! level-2 cache. An infinity in the input becomes NaN in the whole tile, not only where the kernel reaches it.
//!
//! Precision: the error is some two to three times that of the direct sums: 8e-7 of the results in the root mean square with
//! 64 channels, against 3e-7; tiles of 2x2 have 3e-7 too, but were slower at all sizes measured.
//! It is relative to the sums of the whole tile, so a result that sees little but padding is less precise beside itself.
//!
//! Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks" (2016).

use crate::gemm::{Ahead, DEPTH, Finish, Panels, RawOffsets, Strided};
use crate::simd::Simd;

use super::Conv2dShape;
use transform::{Linear, Square};

mod forward;
mod kernel_grad;
mod transform;

/// Floats of transformed tiles and products that a chunk aims at.
const CHUNK: usize = 96 << 10;
/// Tiles of a chunk are a multiple of this, so that no strip of rows is short on any instruction set.
const STRIP: usize = 12;
/// Most tiles of a chunk.
const MOST_TILES: usize = 192;
/// Chunks that an image or a batch is cut into, if it has so many strips.
const CHUNKS: usize = 16;

/// Results along a tile's side.
const OUT: usize = 4;
/// Pixels of the input under them.
const IN: usize = OUT + 2;
/// Positions in a tile: products for each pair of channels.
const POSITIONS: usize = IN * IN;

/// What a tile costs for each channel of the input and the output besides its products, and the kernel for each pair of
/// channels, in multiply-adds of the direct way; measured on AVX2 with 8 to 128 channels.
const CHANNEL: usize = 600;
const PAIR: usize = 100;

/// A convolution cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Winograd {
    shape: Conv2dShape,
    tiles_h: usize,
    tiles_w: usize,
}

/// The first result of a tile.
#[derive(Clone, Copy)]
struct Tile {
    image: usize,
    row: usize,
    col: usize,
}

impl Winograd {
    /// The tiling, if it is possible and costs less than the direct way. The shape alone decides, so that results do not
    /// depend on the machine's speed.
    pub(super) fn new(shape: Conv2dShape) -> Option<Self> {
        let Conv2dShape { kernel_h: 3, kernel_w: 3, stride_h: 1, stride_w: 1, .. } = shape else { return None };
        let Conv2dShape { dilation_h: 1, dilation_w: 1, groups: 1, .. } = shape else { return None };
        if shape.in_c > DEPTH || shape.y_len() == 0 {
            return None;
        }
        let plan = Winograd { shape, tiles_h: shape.out_h.div_ceil(OUT), tiles_w: shape.out_w.div_ceil(OUT) };
        let columns = shape.out_c.next_multiple_of(8);
        let pairs = shape.in_c * columns;
        let direct = shape.batch * shape.out_h * shape.out_w * 9 * pairs;
        let tiles = plan.tiles() * (POSITIONS * pairs + CHANNEL * (shape.in_c + columns));
        (tiles + PAIR * pairs < direct).then_some(plan)
    }

    fn tiles(&self) -> usize {
        self.shape.batch * self.tiles_h * self.tiles_w
    }

    fn tile(&self, index: usize) -> Tile {
        let (row, col) = (index / self.tiles_w, index % self.tiles_w);
        Tile { image: row / self.tiles_h, row: row % self.tiles_h * OUT, col: col * OUT }
    }

    /// Distances between the tiles of a chunk in the transformed input and in the products.
    fn steps(&self) -> (usize, usize) {
        (self.shape.in_c.next_multiple_of(16), self.shape.out_c.next_multiple_of(16))
    }

    /// Pointers to the input pixels under a tile; those outside the image point to zeros.
    #[inline(always)]
    fn pixels(&self, x: *const f32, zeros: *const f32, tile: Tile) -> [[*const f32; IN]; IN] {
        let s = &self.shape;
        let mut pixels = [[zeros; IN]; IN];
        let (top, left) = (tile.row.wrapping_sub(s.pad_top), tile.col.wrapping_sub(s.pad_left));
        let image = x.wrapping_add(tile.image * s.in_h * s.in_w * s.in_c);
        let inside = |first: usize, size: usize| first < size && size - first >= IN;
        if inside(top, s.in_h) && inside(left, s.in_w) {
            let corner = image.wrapping_add((top * s.in_w + left) * s.in_c);
            for (i, line) in pixels.iter_mut().enumerate() {
                for (j, pixel) in line.iter_mut().enumerate() {
                    *pixel = corner.wrapping_add((i * s.in_w + j) * s.in_c);
                }
            }
            return pixels;
        }
        for (i, line) in pixels.iter_mut().enumerate() {
            for (j, pixel) in line.iter_mut().enumerate() {
                let (row, col) = (top.wrapping_add(i), left.wrapping_add(j));
                if row < s.in_h && col < s.in_w {
                    *pixel = image.wrapping_add((row * s.in_w + col) * s.in_c);
                }
            }
        }
        pixels
    }

    /// Where the results of a tile lie in Y; [`OUTSIDE`] for those outside the image.
    #[inline(always)]
    fn results(&self, tile: Tile) -> [[usize; OUT]; OUT] {
        let s = &self.shape;
        let mut places = [[OUTSIDE; OUT]; OUT];
        for (i, line) in places.iter_mut().enumerate().take(s.out_h - tile.row) {
            for (j, place) in line.iter_mut().enumerate().take(s.out_w - tile.col) {
                *place = ((tile.image * s.out_h + tile.row + i) * s.out_w + tile.col + j) * s.out_c;
            }
        }
        places
    }
}

/// The place of a result that does not exist.
const OUTSIDE: usize = usize::MAX;

/// Where transformed squares go: positions `step` apart, channels in panels, `panel` apart, of `width` floats.
#[derive(Clone, Copy)]
struct Target {
    start: *mut f32,
    step: usize,
    panel: usize,
    width: usize,
}

/// Transforms a square of pixels, vector by vector of its channels.
///
/// # Safety
/// Each pixel must have `channels` floats, and the target whole vectors for them.
#[inline(always)]
unsafe fn spread<L: Linear<A, B>, S: Simd, const A: usize, const B: usize>(
    simd: S,
    pixels: &[[*const f32; A]; A],
    channels: usize,
    to: Target,
) {
    let mut channel = 0;
    while channel < channels {
        let lanes = S::LANES.min(channels - channel);
        let mut half = Square::<S::V, A, B>::new();
        for (i, pixels) in pixels.iter().enumerate() {
            let mut row = [simd.splat(0.0); A];
            for (v, pixel) in row.iter_mut().zip(pixels) {
                // SAFETY: the pixel has `lanes` more channels.
                *v = unsafe { load(simd, pixel.wrapping_add(channel), lanes) };
            }
            half.set_column(i, L::apply(simd, row));
        }
        let start = to.start.wrapping_add(channel / to.width * to.panel + channel % to.width);
        for j in 0..B {
            // SAFETY: all columns are set.
            let column = L::apply(simd, unsafe { half.row(j) });
            for (i, v) in column.into_iter().enumerate() {
                // SAFETY: the caller vouches for the target.
                unsafe { simd.store(start.wrapping_add((i * B + j) * to.step), v) };
            }
        }
        channel += S::LANES;
    }
}

/// The first `lanes` floats at `p`.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn load<S: Simd>(simd: S, p: *const f32, lanes: usize) -> S::V {
    // SAFETY: the caller vouches for it.
    unsafe { if lanes == S::LANES { simd.load(p) } else { simd.load_first(p, lanes) } }
}

/// A product of one position: A of `m` rows and `k` columns, whose steps are given, and B in panels.
///
/// # Safety
/// The operands must be valid for the sizes, `c` for whole vectors of columns.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn multiply<S: Simd>(
    simd: S,
    [m, n, k]: [usize; 3],
    a: *const f32,
    [row, col]: [usize; 2],
    b: *const f32,
    c: *mut f32,
    ldc: usize,
    add_c: bool,
) {
    let (width, null) = (2 * S::LANES, std::ptr::null());
    let finish = Finish { add_c, bias: null, relu: false, mask: null };
    let (rows, cols, ahead) = (RawOffsets::Stride(row), Strided(col), Ahead::NOTHING);
    let n = n.next_multiple_of(S::LANES);
    simd.vectorize(Panels { a, rows, cols, b, b_step: width, b_next: width * k, c, ldc, m, n, k, finish, ahead });
}
