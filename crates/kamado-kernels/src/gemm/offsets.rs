//! Where the rows and columns of A begin.

use super::tile::RawOffsets;

/// Offsets that follow no single stride, such as those of the pixels under a convolution's kernel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OffsetTable {
    offsets: Vec<u32>,
    greatest: u32,
}

impl OffsetTable {
    /// Keeps the table with its greatest entry, so that a product need not search it.
    pub fn new(offsets: Vec<u32>) -> Self {
        let greatest = offsets.iter().copied().max().unwrap_or(0);
        OffsetTable { offsets, greatest }
    }

    /// The number of offsets.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}

/// Where the rows, or the columns, of a matrix begin.
#[derive(Clone, Copy, Debug)]
pub enum Offsets<'a> {
    /// At multiples of a stride.
    Stride(usize),
    /// Where a table says.
    Table(&'a OffsetTable),
}

impl Offsets<'_> {
    /// An upper bound of the first `n` offsets, which must exist; `n > 0`.
    pub(super) fn greatest(&self, n: usize) -> usize {
        match self {
            Offsets::Stride(stride) => (n - 1) * stride,
            Offsets::Table(table) => {
                assert!(n <= table.len(), "a table of {} offsets for {n} rows or columns", table.len());
                table.greatest as usize
            }
        }
    }

    pub(crate) fn raw(&self) -> RawOffsets {
        match self {
            Offsets::Stride(stride) => RawOffsets::Stride(*stride),
            Offsets::Table(table) => RawOffsets::Table(table.offsets.as_ptr()),
        }
    }
}
