//! AMX: two by two tiles of 16 by 16 sums; a step multiplies 32 columns of A with 32 rows of B.
//!
//! In assembly, since Rust's intrinsics for AMX are not stable. The compiler itself never touches the tiles, so what they
//! hold survives from one block of assembly to the next, and no block has to name them.

use std::arch::asm;

use super::WIDTH;

pub(super) const ROWS: usize = 32;

/// Rows and, in pairs or sums, columns of a tile.
const TILE: usize = 16;
/// Bytes of a row of a panel or of the stage.
const LINE: usize = WIDTH * 4;

/// The layout of `ldtilecfg`'s operand for palette 1.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    /// Bytes of a row of each tile.
    widths: [u16; 16],
    /// Rows of each tile.
    heights: [u8; 16],
}

static ALL_WHOLE: Configuration = {
    let mut tiles = Configuration { palette: 1, start_row: 0, reserved: [0; 14], widths: [0; 16], heights: [0; 16] };
    let mut tile = 0;
    while tile < 8 {
        tiles.widths[tile] = 64;
        tiles.heights[tile] = TILE as u8;
        tile += 1;
    }
    tiles
};

/// Makes all eight tiles of this thread 16 rows of 64 bytes.
///
/// # Safety
/// The processor must have tiles, and the system must permit them.
pub(super) unsafe fn configure() {
    // SAFETY: the caller vouches for the instruction; the operand is 64 bytes long.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const ALL_WHOLE, options(nostack, readonly, preserves_flags)) };
}

/// Gives the tiles back, so that the system need not save them.
///
/// # Safety
/// As for [`configure`].
pub(super) unsafe fn release() {
    // SAFETY: the caller vouches for the instruction.
    unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
}

/// # Safety
/// This thread's tiles must be configured; see [`super::multiply`].
pub(super) unsafe fn multiply(a: *const u32, b: *const u32, depth: usize, [rows, cols]: [usize; 2], stage: *mut f32) {
    // SAFETY: the caller vouches for the tiles and the memory; strips and panels are filled up to whole tiles.
    unsafe {
        if rows > TILE && cols > TILE {
            return four(a, b, depth, stage);
        }
        for row in (0..rows).step_by(TILE) {
            for col in (0..cols).step_by(TILE) {
                one(a.add(row * depth), b.add(col), depth, stage.add(row * WIDTH + col));
            }
        }
    }
}

/// One tile of sums.
///
/// # Safety
/// As for [`multiply`].
unsafe fn one(a: *const u32, b: *const u32, depth: usize, stage: *mut f32) {
    // SAFETY: `depth` is a multiple of 16 and not 0; a step reads 16 rows of 64 bytes of A, 4 · depth apart, and of B.
    unsafe {
        asm!(
            "tilezero tmm0",
            "2:",
            "tileloadd tmm4, [{a} + {a_line}]",
            "tileloadd tmm6, [{b} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "add {a}, 64",
            "add {b}, {b_step}",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{c} + {line}], tmm0",
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            steps = inout(reg) depth / TILE => _,
            a_line = in(reg) depth * 4,
            line = in(reg) LINE,
            b_step = const TILE * LINE,
            c = in(reg) stage,
            options(nostack),
        );
    }
}

/// Two by two tiles of sums.
///
/// # Safety
/// As for [`multiply`].
unsafe fn four(a: *const u32, b: *const u32, depth: usize, stage: *mut f32) {
    // SAFETY: as in `one`, with 32 rows of A and 128 bytes of each row of B.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{a} + {a_line}]",
            "tileloadd tmm6, [{b} + {line}]",
            "tileloadd tmm7, [{b} + {line} + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm5, [{lower} + {a_line}]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 64",
            "add {lower}, 64",
            "add {b}, {b_step}",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{c} + {line}], tmm0",
            "tilestored [{c} + {line} + 64], tmm1",
            "tilestored [{c} + {line} + {half}], tmm2",
            "tilestored [{c} + {line} + {half} + 64], tmm3",
            a = inout(reg) a => _,
            lower = inout(reg) a.wrapping_add(TILE * depth) => _,
            b = inout(reg) b => _,
            steps = inout(reg) depth / TILE => _,
            a_line = in(reg) depth * 4,
            line = in(reg) LINE,
            b_step = const TILE * LINE,
            half = const TILE * LINE,
            c = in(reg) stage,
            options(nostack),
        );
    }
}
