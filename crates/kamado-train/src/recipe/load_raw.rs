//! From raw files to the examples: read, divided, and encoded by a pipeline that is fitted on the training part.

use std::path::Path;
use std::sync::Arc;

use kamado_data::media::Media;
use kamado_data::pipeline::{Fitted, LabelType, Pipeline, PipelineConfig};
use kamado_data::readers::{self, ReadOptions, Schema};
use kamado_data::split::{
    Fold, grouped_k_fold, grouped_split, groups, k_fold, moments, stratified_k_fold, time_k_fold, time_split,
};
use kamado_data::table::TableConfig;
use kamado_data::{DataError, Frame, Kind, Part, Preprocessing, random_split, stratified_split};

use super::config::{DataConfig, Source, Validation};
use super::load::{Parts, request};

/// The rows of the parts.
struct Division {
    train: Frame,
    validation: Option<Frame>,
    test: Frame,
}

impl DataConfig {
    /// Reads raw files and divides them. `kept` is the pipeline of a model that is measured; without one it is fitted.
    pub(super) fn load_raw(&self, seed: u64, kept: Option<&Pipeline>) -> Result<Parts, DataError> {
        let media = Arc::new(Media::new());
        let options = self.read_options(&self.raw.files)?;
        let mut read = readers::read_with(&options, &media)?;
        let mut test = None;
        if !self.raw.test_files.is_empty() {
            let kinds = Schema::of(&read.frame).kinds();
            let options = ReadOptions { kinds, ..self.read_options(&self.raw.test_files)? };
            let mut found = readers::read_with(&options, &media)?;
            read.quarantine.append(&mut found.quarantine);
            test = Some(found.frame);
        }
        let name = options.paths.join(", ");
        let Division { train, validation, test } = self.divide_rows(read.frame, test, seed)?;
        let fitted = match kept {
            Some(pipeline) => pipeline.training_set(&name, &train, &media)?,
            None => Pipeline::fit(&name, &train, &self.pipeline_config(&train, seed)?, &options, &media)?,
        };
        let Fitted { pipeline, train, quarantine } = fitted;
        read.quarantine.extend(quarantine);
        let test = pipeline.dataset(&name, &test, &media)?;
        let validation = match (self.validation, validation) {
            (Validation::Test, _) => Some(test.clone()),
            (_, rows) => rows.map(|rows| pipeline.dataset(&name, &rows, &media)).transpose()?,
        };
        let preprocessing = Preprocessing { pipeline: Some(Box::new(pipeline)), ..Preprocessing::default() };
        let (quarantine, notes) = (read.quarantine, read.notes);
        Ok(Parts { train, validation, test, preprocessing, quarantine, notes })
    }

    fn read_options(&self, files: &[String]) -> Result<ReadOptions, DataError> {
        let raw = &self.raw;
        let folder = self.path.as_deref();
        let paths = match (folder, files) {
            (None, []) => {
                let remedy = "Set data.path or data.files, or give the data with `--data PATH`";
                return Err(request("the recipe does not say where the data are", remedy));
            }
            (Some(path), []) => vec![path.to_string_lossy().into_owned()],
            // `--data` may name the only file itself.
            (Some(path), [_]) if path.is_file() => vec![path.to_string_lossy().into_owned()],
            (folder, files) => {
                let folder = folder.unwrap_or(Path::new(""));
                files.iter().map(|file| folder.join(file).to_string_lossy().into_owned()).collect()
            }
        };
        let kinds = raw.columns.iter().filter_map(|(name, column)| Some((name.clone(), column.kind.clone()?)));
        Ok(ReadOptions {
            paths,
            format: raw.format,
            delimiter: raw.delimiter,
            quote: raw.quote.clone(),
            header: raw.header,
            names: raw.names.clone(),
            encoding: raw.encoding.clone(),
            comment: raw.comment,
            decimal: raw.decimal,
            missing: raw.missing_values.clone(),
            kinds: kinds.collect(),
            path_pattern: raw.path_pattern.clone(),
            threads: None,
        })
    }

    fn label(&self) -> &str {
        self.raw.label.as_deref().unwrap_or("label")
    }

    /// What the pipeline is to do; columns that only tell about a file are no inputs unless the recipe lists them.
    fn pipeline_config(&self, train: &Frame, seed: u64) -> Result<PipelineConfig, DataError> {
        let raw = &self.raw;
        let mut columns = raw.columns.clone();
        for column in train.columns() {
            let name = column.name();
            let medium = matches!(column.kind(), Kind::Image | Kind::Audio);
            let about_a_file = self.source != Source::Table && !medium;
            let group = raw.split.group.as_deref() == Some(name);
            if (about_a_file || group) && name != self.label() && !raw.columns.contains_key(name) {
                columns.entry(name.to_owned()).or_default().ignore = true;
            }
        }
        columns.retain(|name, _| train.column(name).is_ok() || raw.columns.contains_key(name));
        let defaults = raw.table.clone();
        Ok(PipelineConfig {
            label: self.label().to_owned(),
            label_type: raw.label_type,
            label_aliases: raw.label_aliases.clone(),
            table: TableConfig {
                columns,
                number: defaults.number,
                category: defaults.category,
                date: defaults.date,
                drop_duplicates: defaults.drop_duplicates,
                seed,
            },
            smote: defaults.smote,
            text: raw.text.clone(),
            picture: raw.picture.clone(),
            augment: self.augment.clone(),
            sound: raw.sound.clone(),
        })
    }

    fn divide_rows(&self, frame: Frame, test: Option<Frame>, seed: u64) -> Result<Division, DataError> {
        let part = match &self.raw.split.part {
            Some(part) => Some(part.as_str()),
            None => (self.source != Source::Table && frame.column("split").is_ok()).then_some("split"),
        };
        let (mut frame, mut test, mut validation) = (frame, test, None);
        if let Some(part) = part {
            let [train, val, own_test] = by_name(&frame, part)?;
            let rows = |rows: &[usize]| frame.take(rows)?.without(part);
            validation = if val.is_empty() { None } else { Some(rows(&val)?) };
            test = if own_test.is_empty() { test } else { Some(rows(&own_test)?) };
            frame = rows(&train)?;
        }
        if let Some(folds) = self.raw.split.folds {
            let Fold { train, test: fold } = self.fold(&frame, folds, seed)?;
            (test, frame) = (Some(frame.take(&fold)?), frame.take(&train)?);
        }
        let test_split = match (&test, self.test_split) {
            (Some(_), Some(_)) => {
                let remedy = "Leave it out: the data have a test set of their own";
                return Err(request("data.test_split has no effect", remedy));
            }
            (Some(_), None) => None,
            (None, split) => Some(split.unwrap_or(0.2)),
        };
        let wanted = self.validation == Validation::Split && validation.is_none();
        let validation_split = self.validation_split.filter(|_| wanted);
        let fractions: Vec<f64> = [test_split, validation_split].into_iter().flatten().collect();
        let mut parts = self.row_parts(&frame, &fractions, seed)?.into_iter();
        let mut next = |wanted: bool| if wanted { parts.next() } else { None };
        let (cut_test, cut_validation) = (next(test_split.is_some()), next(validation_split.is_some()));
        let train = next(true).unwrap_or_default();
        let test = match (test, cut_test) {
            (Some(test), _) => test,
            (None, rows) => frame.take(&rows.unwrap_or_default())?,
        };
        if self.validation == Validation::Split {
            validation = validation.or(cut_validation.map(|rows| frame.take(&rows)).transpose()?);
        }
        Ok(Division { train: frame.take(&train)?, validation, test })
    }

    /// The rows of one part for each fraction, and of the rest.
    fn row_parts(&self, frame: &Frame, fractions: &[f64], seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
        if fractions.is_empty() {
            return Ok(vec![(0..frame.rows()).collect()]);
        }
        let parts: Vec<Part> = fractions.iter().map(|&f| Part::Fraction(f)).chain([Part::Rest]).collect();
        let split = &self.raw.split;
        if let Some(time) = &split.time {
            // The test set is the latest part, so it comes last here and first in the answer.
            let mut in_time: Vec<Part> = parts.clone();
            in_time.reverse();
            let mut rows = time_split(&moments(frame, time)?, &in_time)?;
            rows.reverse();
            return Ok(rows);
        }
        if let Some(group) = &split.group {
            return grouped_split(&groups(frame, group)?, &parts, seed);
        }
        match self.classes(frame)? {
            Some(classes) => stratified_split(&classes, &parts, seed),
            None => random_split(frame.rows(), &parts, seed),
        }
    }

    /// The rows of round `fold` of `folds`.
    fn fold(&self, frame: &Frame, folds: usize, seed: u64) -> Result<Fold, DataError> {
        let split = &self.raw.split;
        let fold = split.fold.unwrap_or(0);
        let mut rounds = match (&split.time, &split.group, self.classes(frame)?) {
            (Some(time), ..) => time_k_fold(&moments(frame, time)?, folds)?,
            (_, Some(group), _) => grouped_k_fold(&groups(frame, group)?, folds, seed)?,
            (_, _, Some(classes)) => stratified_k_fold(&classes, folds, seed)?,
            _ => k_fold(frame.rows(), folds, seed)?,
        };
        if fold >= rounds.len() {
            return Err(request(&format!("there is no fold {fold}"), &format!("Choose 0 to {}", rounds.len() - 1)));
        }
        Ok(rounds.swap_remove(fold))
    }

    /// The class of each row, if splits are to keep their proportions.
    fn classes(&self, frame: &Frame) -> Result<Option<Vec<i32>>, DataError> {
        let classes = matches!(frame.column(self.label())?.kind(), Kind::Category | Kind::Text)
            || self.raw.label_type == Some(LabelType::Class);
        if !(self.stratify && classes) {
            return Ok(None);
        }
        Ok(Some(groups(frame, self.label())?.into_iter().map(|class| class as i32).collect()))
    }
}

/// The rows for training, validation and test, as a column names them.
fn by_name(frame: &Frame, column: &str) -> Result<[Vec<usize>; 3], DataError> {
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for (row, name) in frame.column(column)?.texts()?.iter().enumerate() {
        let part = match name.unwrap_or_default() {
            "train" | "training" => 0,
            "val" | "valid" | "validation" | "dev" => 1,
            "test" => 2,
            other => {
                let place = frame.place(row);
                let problem = format!("{place}: column {column:?} is {other:?}, which is no part of the data");
                return Err(request(&problem, "Write train, val or test"));
            }
        };
        parts[part].push(row);
    }
    Ok(parts)
}
