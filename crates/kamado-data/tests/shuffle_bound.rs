//! Data that memory does not hold, in random order: what is live stays within the window.

use std::alloc::System;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use arrow_array::{FixedSizeListArray, UInt8Array};
use arrow_schema::{DataType, Field};
use kamado_data::readers::{ParquetShards, ReadOptions, write_parquet_shards};
use kamado_data::{Column, Frame, Kind, order};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROWS: usize = 16 * 1024;
const BYTES: usize = 2048;

#[test]
fn a_shuffle_of_32_megabytes_lives_in_a_window_of_4() {
    let directory = tempfile::tempdir().unwrap();
    {
        // Noise, which no codec makes smaller.
        let noise = (0..ROWS * BYTES).map(|i| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) as u8);
        let item = Arc::new(Field::new("item", DataType::UInt8, false));
        let noise =
            FixedSizeListArray::try_new(item, BYTES as i32, Arc::new(noise.collect::<UInt8Array>()), None).unwrap();
        let x = Column::new("x", Kind::Tensor(vec![BYTES]), Arc::new(noise)).unwrap();
        let id = Column::of_numbers("id", (0..ROWS).map(|row| Some(row as f64)));
        write_parquet_shards(&Frame::new(vec![x, id]).unwrap(), directory.path(), ROWS / 4, None).unwrap();
    }
    let shards = ParquetShards::open(&ReadOptions::of([directory.path().to_string_lossy()]), 2).unwrap();
    let rows = order::buffered(7, 0, &shards.group_sizes(), 2);
    let region = Region::new(GLOBAL);
    let (mut most, mut seen, mut out_of_order) = (0, vec![false; ROWS], 0);
    for (place, row) in rows.into_iter().enumerate() {
        let (group, row_in_group) = shards.locate(row).unwrap();
        let frame = shards.group(group).unwrap();
        let id = frame.column("id").unwrap().numbers().unwrap().value(row_in_group) as usize;
        assert_eq!(id, row);
        let first =
            frame.column("x").unwrap().tensors().unwrap().value(row_in_group).as_primitive::<UInt8Type>().value(0);
        assert_eq!(first, ((row * BYTES) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) as u8);
        seen[id] = true;
        out_of_order += usize::from(id != place);
        let change = region.change();
        most = most.max(change.bytes_allocated.saturating_sub(change.bytes_deallocated));
    }
    assert!(seen.into_iter().all(|seen| seen) && out_of_order > ROWS / 2);
    // Two groups of 2 MB, and as much again for a group that is being read.
    assert!(most < 12 << 20, "{most} bytes were live at once");
}
