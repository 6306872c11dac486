//! What a user can say about the columns of a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::categories::Encode;
use super::dates::DatePart;
use super::scale::Scale;
use crate::clean::{Missing, Outliers};
use crate::error::{DataError, Result};
use crate::frame::Kind;

/// How the columns of a table are cleaned and encoded.
///
/// What a column does not say, the default of its kind says; what that does not say either is chosen so:
/// numbers are filled with the median and standardised; a missing category is a category of its own, and categories are
/// one-hot (hashed into 64 numbers if there are more than 256); dates are filled with the median and become
/// [`DatePart::Days`] (standardised), [`DatePart::MonthCycle`] and [`DatePart::WeekdayCycle`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableConfig {
    /// What is said about single columns, by name.
    pub columns: BTreeMap<String, ColumnConfig>,
    /// What holds for all columns of numbers.
    pub number: ColumnConfig,
    /// What holds for all columns of categories.
    pub category: ColumnConfig,
    /// What holds for all columns of dates.
    pub date: ColumnConfig,
    /// Whether a training row that is exactly equal to an earlier one is put aside.
    pub drop_duplicates: bool,
    /// Decides what is random: the folds of target encoding and the rows that neighbours are sought in.
    pub seed: u64,
}

/// What is said about one column; None leaves it to the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnConfig {
    /// What its values mean, where the reader should not guess.
    pub kind: Option<Kind>,
    /// Whether it is left out.
    pub ignore: bool,
    /// What happens to missing values.
    pub missing: Option<Missing>,
    /// Whether a column of 0 and 1 tells where values were missing.
    pub indicator: Option<bool>,
    /// What happens to numbers far from the others.
    pub outliers: Option<Outliers>,
    /// How numbers, ordinal codes, target means and date parts are scaled.
    pub scale: Option<Scale>,
    /// How categories become numbers.
    pub encode: Option<Encode>,
    /// The categories, in the order of their codes; without it those of the training rows, sorted.
    pub categories: Option<Vec<String>>,
    /// Categories with fewer training rows count as unseen, so that a network learns what an unseen one is.
    pub min_count: Option<usize>,
    /// The weight of the mean over all rows in [`Encode::Target`], in rows; without it found from the variances.
    pub smoothing: Option<f64>,
    /// What a date becomes.
    pub parts: Option<Vec<DatePart>>,
}

impl ColumnConfig {
    /// These settings, and those of `default` where there are none.
    fn or(&self, default: &ColumnConfig) -> ColumnConfig {
        let (own, other) = (self.clone(), default.clone());
        ColumnConfig {
            kind: own.kind.or(other.kind),
            ignore: own.ignore || other.ignore,
            missing: own.missing.or(other.missing),
            indicator: own.indicator.or(other.indicator),
            outliers: own.outliers.or(other.outliers),
            scale: own.scale.or(other.scale),
            encode: own.encode.or(other.encode),
            categories: own.categories.or(other.categories),
            min_count: own.min_count.or(other.min_count),
            smoothing: own.smoothing.or(other.smoothing),
            parts: own.parts.or(other.parts),
        }
    }

    /// The first setting that has no meaning for values of `kind`.
    fn misplaced(&self, kind: &Kind) -> Option<&'static str> {
        let category = *kind == Kind::Category;
        let scaled = !category || matches!(self.encode, Some(Encode::Ordinal | Encode::Target));
        let settings = [
            ("outliers", self.outliers.is_some(), *kind == Kind::Number),
            ("scale", self.scale.is_some(), scaled),
            ("encode", self.encode.is_some(), category),
            ("categories", self.categories.is_some(), category),
            ("min_count", self.min_count.is_some(), category),
            ("smoothing", self.smoothing.is_some(), self.encode == Some(Encode::Target)),
            ("parts", self.parts.is_some(), *kind == Kind::Date),
        ];
        settings.into_iter().find(|&(_, given, allowed)| given && !allowed).map(|(name, ..)| name)
    }
}

impl TableConfig {
    /// What holds for column `name` with values of `kind`.
    ///
    /// # Errors
    /// If a setting has no meaning for values of this kind.
    pub fn column(&self, name: &str, kind: &Kind) -> Result<ColumnConfig> {
        let default = match kind {
            Kind::Number => &self.number,
            Kind::Category => &self.category,
            Kind::Date => &self.date,
            _ => &ColumnConfig::default(),
        };
        let config = self.columns.get(name).map_or_else(|| default.clone(), |own| own.or(default));
        match config.misplaced(kind) {
            Some(setting) => Err(DataError::request(
                format!("column {name:?}: {setting:?} has no meaning for a {} column as it is encoded", kind.word()),
                "Remove the setting, or say another kind or encoding",
            )),
            None => Ok(config),
        }
    }

    /// Whether the column `name` with values of `kind` is encoded by a table: numbers, categories and dates that are
    /// not to be ignored.
    pub fn takes(&self, name: &str, kind: &Kind) -> bool {
        let ignored = self.columns.get(name).is_some_and(|config| config.ignore);
        !ignored && matches!(kind, Kind::Number | Kind::Category | Kind::Date)
    }
}
