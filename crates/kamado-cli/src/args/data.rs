//! The words of `kamado data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    after_help = "PATH is a file (CSV, TSV, JSON lines, Parquet, Arrow, npy, npz, text, picture, sound), a folder, an archive
(.tar, .tar.gz, .zip, read in place), a name inside one (a.zip!/train.csv) or a pattern (\"logs/*.csv\").

Examples:
  kamado data inspect adult.csv --label income
  kamado data report adult.csv --label income --out report.html
  kamado data clean adult.csv --config clean.toml --out clean.csv
  kamado data split adult.csv --label income --test 0.2 --out parts
  kamado data preview photos --augment mine.toml --out sheet.png
  kamado data convert \"logs/*.csv\" --out shards"
)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) task: DataTask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataTask {
    /// Show columns, sizes, missing values, ranges and the balance of classes.
    Inspect {
        #[command(flatten)]
        read: ReadArgs,
        /// The column to be predicted.
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Write one HTML page with histograms, correlations, missing values, duplicates, samples and warnings.
    Report {
        #[command(flatten)]
        read: ReadArgs,
        /// The column to be predicted.
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,
        /// Where to write the page.
        #[arg(long, value_name = "FILE.html", default_value = "report.html")]
        out: PathBuf,
    },
    /// Fill or drop missing values, treat outliers, drop duplicates; bad rows go to a file of their own.
    Clean {
        #[command(flatten)]
        read: ReadArgs,
        /// The column to be predicted, which is not changed.
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,
        /// What to do, as in a recipe: [number], [category], [date], [columns.NAME], drop_duplicates [default: fill numbers
        /// with the median, categories with one of their own].
        #[arg(long, value_name = "FILE.toml")]
        config: Option<PathBuf>,
        /// Where to write the clean rows; those put aside are written beside it, as FILE.quarantine.jsonl.
        #[arg(long, value_name = "FILE.csv|DIR")]
        out: PathBuf,
    },
    /// Divide rows into training, validation and test, and look for leaks between them.
    Split {
        #[command(flatten)]
        read: ReadArgs,
        /// The column to be predicted; parts keep the proportions of its classes.
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,
        /// Rows that share a value of this column stay in one part.
        #[arg(long, value_name = "COLUMN", conflicts_with = "time")]
        group: Option<String>,
        /// The last rows by this column of dates or numbers are the test, those before them the validation.
        #[arg(long, value_name = "COLUMN")]
        time: Option<String>,
        /// The share of the rows to test with.
        #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
        test: f64,
        /// The share of the rows to validate with.
        #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
        validation: f64,
        /// What the division follows from.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// The directory for train.csv, validation.csv and test.csv.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write a picture with samples, as they are or as training distorts them.
    Preview {
        #[command(flatten)]
        read: ReadArgs,
        /// A recipe whose [data.augment] is shown, several times for each picture.
        #[arg(long, value_name = "FILE.toml")]
        augment: Option<PathBuf>,
        /// How many pictures.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=200))]
        count: u32,
        /// What the choice and the distortion follow from.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// Where to write the picture.
        #[arg(long, value_name = "FILE.png", default_value = "preview.png")]
        out: PathBuf,
    },
    /// Write all rows as Parquet files, which are read fast and in any order.
    Convert {
        #[command(flatten)]
        read: ReadArgs,
        /// The directory for the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How many rows a file holds.
        #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
        rows_per_shard: u32,
        /// Copy pictures and sounds into the files, instead of where they are.
        #[arg(long)]
        embed: bool,
    },
}

/// How to read.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Files, folders, archives or patterns.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// What separates the fields of a CSV file [default: found by trying].
    #[arg(long, value_name = "C")]
    pub(crate) delimiter: Option<char>,
    /// Whether the first row of a CSV file holds the names of the columns.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = ["auto", "yes", "no"])]
    pub(crate) header: String,
    /// The names of the columns, for files without them or in place of theirs.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
    /// The encoding of texts, such as windows-1252 or gb18030 [default: UTF-8, or what a byte order mark says].
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,
    /// Lines of a CSV file that begin with this character are passed over.
    #[arg(long, value_name = "C")]
    pub(crate) comment: Option<char>,
    /// What kind a column is: number, category, text, date, image or audio; may be given several times.
    #[arg(long = "kind", value_name = "COLUMN=KIND")]
    pub(crate) kinds: Vec<String>,
    /// Columns from the names of pictures and sounds, such as "{label}_{speaker}_{index}.wav".
    #[arg(long, value_name = "PATTERN")]
    pub(crate) path_pattern: Option<String>,
}
