//! Tables as files of Parquet in groups of rows, for data that memory does not hold.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema as ArrowSchema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::columnar::{KIND, columns, guarded, parquet_batches};
use super::inputs::{self, Input};
use super::raw::RawTable;
use super::{Format, Log, ReadOptions, Schema, infer};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::media::Media;

/// Rows that are read and kept together.
const GROUP: usize = 1024;

/// Writes a table as `dir/part-00000.parquet`, `dir/part-00001.parquet`, … of `rows_per_shard` rows, in groups of up to
/// 1,024 rows. With `embed`, the pictures and sounds themselves go into the files in place of their locations, so that the
/// folder is all that is needed.
///
/// # Errors
/// If there are no rows, the folder already holds Parquet files, something cannot be written, or a picture or sound cannot be
/// read.
pub fn write_parquet_shards(frame: &Frame, dir: &Path, rows_per_shard: usize, embed: Option<&Media>) -> Result<usize> {
    if frame.rows() == 0 || rows_per_shard == 0 {
        let problem = format!("{} rows in shards of {rows_per_shard} make no files", frame.rows());
        return Err(DataError::request(problem, "Write at least one row, in shards of at least one"));
    }
    fs::create_dir_all(dir).map_err(|error| DataError::io(dir, "make it", error))?;
    let entries = fs::read_dir(dir).map_err(|error| DataError::io(dir, "list it", error))?;
    if entries.flatten().any(|entry| entry.path().extension().is_some_and(|ending| ending == "parquet")) {
        let remedy = "Choose another folder, or take the old files away";
        return Err(DataError::malformed(dir.display().to_string(), "a folder without Parquet files", "some", remedy));
    }
    let rows: Vec<usize> = (0..frame.rows()).collect();
    let shards = rows.chunks(rows_per_shard);
    let count = shards.len();
    for (index, rows) in shards.enumerate() {
        let path = dir.join(format!("part-{index:05}.parquet"));
        // Under another name until it is complete, so that a shard that is there is whole.
        let draft = path.with_extension("partial");
        write_shard(frame, rows, &draft, embed)?;
        fs::rename(&draft, &path).map_err(|error| DataError::io(&path, "rename it", error))?;
    }
    Ok(count)
}

fn write_shard(frame: &Frame, rows: &[usize], path: &Path, embed: Option<&Media>) -> Result<()> {
    let file = File::create(path).map_err(|error| DataError::io(path, "create it", error))?;
    let failed = |problem: String| {
        DataError::request(
            format!("{}: cannot write the table: {problem}", path.display()),
            "Check the space on the disk",
        )
    };
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut file = Some(file);
    for rows in rows.chunks(GROUP) {
        let batch = batch(&frame.take(rows)?, embed)?;
        if let Some(file) = file.take() {
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(GROUP))
                .build();
            let started = ArrowWriter::try_new(file, batch.schema(), Some(properties));
            writer = Some(started.map_err(|error| failed(error.to_string()))?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch).and_then(|()| writer.flush()).map_err(|error| failed(error.to_string()))?;
        }
    }
    match writer {
        Some(writer) => writer.close().map(drop).map_err(|error| failed(error.to_string())),
        None => Ok(()),
    }
}

fn batch(frame: &Frame, embed: Option<&Media>) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for column in frame.columns() {
        let array = match (column.kind(), embed) {
            (Kind::Image | Kind::Audio, Some(media)) => embedded(column, media)?,
            _ => Arc::clone(column.values()),
        };
        let kind = serde_json::to_string(column.kind()).unwrap_or_default();
        let field = Field::new(column.name(), array.data_type().clone(), true);
        fields.push(field.with_metadata([(KIND.to_owned(), kind)]));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays)
        .map_err(|error| DataError::request(format!("the table cannot be written: {error}"), "Check its columns"))
}

fn embedded(column: &Column, media: &Media) -> Result<ArrayRef> {
    let mut values = LargeBinaryBuilder::new();
    let mut bytes = Vec::new();
    for location in column.texts()?.iter() {
        match location {
            Some(location) => {
                media.read_into(location, &mut bytes)?;
                values.append_value(&bytes);
            }
            None => values.append_null(),
        }
    }
    Ok(Arc::new(values.finish()))
}

/// A group of rows in a file.
#[derive(Debug)]
struct Group {
    file: usize,
    group: usize,
    rows: usize,
}

/// A table in Parquet files of which only some groups of rows are in memory at a time.
///
/// Together with [`order::buffered`](crate::order::buffered) over [`group_sizes`](ParquetShards::group_sizes) it gives data
/// that memory does not hold in random order: with as many groups kept as the order's window has, each is read once.
#[derive(Debug)]
pub struct ParquetShards {
    inputs: Vec<Input>,
    groups: Vec<Group>,
    /// Where the rows of each group begin, and their number at the end.
    starts: Vec<usize>,
    options: ReadOptions,
    media: Media,
    kept: usize,
    /// The latest used at the back.
    cache: Mutex<VecDeque<(usize, Frame)>>,
}

impl ParquetShards {
    /// Opens the files that the options mean, of which up to `kept` groups of rows will be in memory. The kinds of columns
    /// that neither the files nor the options say are inferred from the first group.
    ///
    /// # Errors
    /// If there are none, one cannot be read, or the first group cannot be a table.
    pub fn open(options: &ReadOptions, kept: usize) -> Result<Self> {
        let media = Media::new();
        let wanted = ReadOptions { format: Some(Format::Parquet), ..options.clone() };
        let inputs = inputs::discover(&wanted, &media, &mut Log::default())?;
        let mut groups = Vec::new();
        for (file, input) in inputs.iter().enumerate() {
            let opened = media.file(&input.location)?;
            let metadata = guarded(&input.location, || {
                let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| error.to_string())?;
                Ok(Arc::clone(builder.metadata()))
            })?;
            for group in 0..metadata.num_row_groups() {
                let rows = usize::try_from(metadata.row_group(group).num_rows()).unwrap_or(0);
                groups.push(Group { file, group, rows });
            }
        }
        groups.retain(|group| group.rows > 0);
        let mut starts = vec![0usize];
        groups.iter().for_each(|group| starts.push(starts[starts.len() - 1].saturating_add(group.rows)));
        if groups.is_empty() {
            return Err(DataError::malformed(options.paths.join(", "), "rows", "none", "Write the files again"));
        }
        let cache = Mutex::default();
        let mut shards = ParquetShards { inputs, groups, starts, options: wanted, media, kept: kept.max(1), cache };
        shards.options.kinds = Schema::of(&shards.group(0)?).kinds();
        Ok(shards)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.starts[self.groups.len()]
    }

    /// The number of rows of each group, in order; rows are numbered through.
    pub fn group_sizes(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.rows).collect()
    }

    /// The group that a row is in, and its number there.
    pub fn locate(&self, row: usize) -> Option<(usize, usize)> {
        let group = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        (group < self.groups.len()).then(|| (group, row - self.starts[group]))
    }

    /// The rows of a group, from memory if it was used lately.
    ///
    /// # Errors
    /// If there is no such group, or it cannot be read.
    pub fn group(&self, index: usize) -> Result<Frame> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cache = lock();
        if let Some(entry) = cache.iter().position(|&(known, _)| known == index).and_then(|place| cache.remove(place)) {
            let frame = entry.1.clone();
            cache.push_back(entry);
            return Ok(frame);
        }
        // Others may use what is there while this is read.
        drop(cache);
        let frame = self.read_group(index)?;
        let mut cache = lock();
        while cache.len() >= self.kept {
            cache.pop_front();
        }
        cache.push_back((index, frame.clone()));
        Ok(frame)
    }

    fn read_group(&self, index: usize) -> Result<Frame> {
        let missing =
            || DataError::request(format!("there is no group {index}"), format!("There are {}", self.groups.len()));
        let group = self.groups.get(index).ok_or_else(missing)?;
        let location = &self.inputs[group.file].location;
        let opened = self.media.file(location)?;
        let batches = guarded(location, || parquet_batches(opened, Some(group.group)))?;
        let before: usize =
            self.groups.iter().take(index).filter(|other| other.file == group.file).map(|other| other.rows).sum();
        let columns = columns(&batches, location, before)?;
        let places = (0..group.rows).map(|row| (0, (before + row) as u64 + 1)).collect();
        let table = RawTable { columns, files: vec![location.clone()], places };
        let mut log = Log::default();
        let frame = infer::frame(table, &self.options, &mut log)?;
        match log.quarantine.into_iter().next() {
            None => Ok(frame),
            Some(bad) => {
                Err(DataError::malformed(bad.place, "a row that can be used", bad.reason, "Clean the table first"))
            }
        }
    }
}
