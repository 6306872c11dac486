//! Pictures and sounds that are values in a Parquet file: `part.parquet!/COLUMN/ROW`, rows counted from 0.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::error::{DataError, Result};
use crate::readers::guarded;

/// So many bytes of groups of rows are kept for the next use.
const KEPT: usize = 256 << 20;

#[derive(Debug)]
pub(super) struct Embedded {
    file: File,
    metadata: ArrowReaderMetadata,
    /// Where the rows of each group begin, and their number at the end.
    starts: Vec<usize>,
    /// Columns of groups; the latest used at the back.
    cache: Mutex<VecDeque<((usize, usize), ArrayRef)>>,
}

impl Embedded {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| DataError::io(path, "open it", error))?;
        let metadata = guarded(&path.display().to_string(), || {
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| error.to_string())
        })?;
        let mut starts = vec![0usize];
        for group in metadata.metadata().row_groups() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            starts.push(starts[starts.len() - 1].saturating_add(rows));
        }
        Ok(Embedded { file, metadata, starts, cache: Mutex::default() })
    }

    /// The value that `COLUMN/ROW` names.
    pub(super) fn read(&self, location: &str, name: &str) -> Result<Vec<u8>> {
        let missing = |found: &str| {
            let expected = format!("a column and a row inside, not {name:?}");
            DataError::malformed(location, expected, found, "Read the table again: its files may have changed")
        };
        let (column, row) = name.rsplit_once('/').ok_or_else(|| missing("no row"))?;
        let row: usize = row.parse().map_err(|_| missing("no row"))?;
        let group = self.starts.partition_point(|&start| start <= row).saturating_sub(1);
        if group + 1 >= self.starts.len() {
            return Err(missing("fewer rows"));
        }
        let fields = self.metadata.schema().fields();
        let column = fields.iter().position(|field| field.name() == column).ok_or_else(|| missing("no such column"))?;
        let values = self.values(location, group, column)?;
        let row = row - self.starts[group];
        if row >= values.len() || values.is_null(row) {
            return Err(missing("no value"));
        }
        match values.data_type() {
            DataType::LargeBinary => Ok(values.as_binary::<i64>().value(row).to_vec()),
            DataType::Binary => Ok(values.as_binary::<i32>().value(row).to_vec()),
            other => Err(missing(&format!("values of type {other}"))),
        }
    }

    fn values(&self, location: &str, group: usize, column: usize) -> Result<ArrayRef> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cache = lock();
        let known = cache.iter().position(|(known, _)| *known == (group, column));
        if let Some(entry) = known.and_then(|place| cache.remove(place)) {
            let values = Arc::clone(&entry.1);
            cache.push_back(entry);
            return Ok(values);
        }
        drop(cache);
        let values = guarded(location, || {
            let file = self.file.try_clone().map_err(|error| error.to_string())?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
            let rows = self.starts[group + 1] - self.starts[group];
            let reader = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(rows).build();
            let batch =
                reader.map_err(|error| error.to_string())?.next().ok_or("fewer rows than its directory says")?;
            Ok(Arc::clone(batch.map_err(|error| error.to_string())?.column(0)))
        })?;
        let mut cache = lock();
        cache.push_back(((group, column), Arc::clone(&values)));
        let mut bytes: usize = cache.iter().map(|(_, values)| values.get_array_memory_size()).sum();
        while bytes > KEPT && cache.len() > 1 {
            bytes -= cache.pop_front().map_or(0, |(_, values)| values.get_array_memory_size());
        }
        Ok(values)
    }
}
