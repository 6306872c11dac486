//! The keys of tables, texts, pictures and sounds: `[data]` for raw files.

use super::schema::{Field, Kind, field, required};
use super::tables::{COUNT, NOT_NEGATIVE, POSITIVE, SHARE};

pub(super) const FORMATS: Kind =
    Kind::Word(&["csv", "tsv", "json", "parquet", "arrow", "npy", "npz", "text", "image", "audio"]);
pub(super) const HEADER: Kind = Kind::Word(&["auto", "yes", "no"]);
pub(super) const CHARACTER: Kind = Kind::Checked(|text| match text.chars().count() {
    1 => Ok(()),
    n => Err(format!("{n} characters where one is wanted")),
});
pub(super) const NAMES: Kind = Kind::List(&Kind::Text, 1, 100_000);

const KINDS: Kind = Kind::Word(&["number", "category", "text", "date", "image", "audio"]);

/// Words by themselves, and settings that carry a value.
const MISSING: Kind = Kind::WordOrTable(
    &["drop", "mean", "median", "mode", "forward_fill", "category"],
    &[field("constant", Kind::NumberOrText), field("knn", COUNT)],
);
const ENCODE: Kind =
    Kind::WordOrTable(&["one_hot", "ordinal", "embedding", "target"], &[field("hashing", Kind::Integer(1, 1 << 16))]);
const OUTLIERS: Kind = Kind::Table(&[
    required("rule", Kind::Word(&["iqr", "zscore", "robust_zscore"])),
    field("limit", POSITIVE),
    field("action", Kind::Word(&["drop", "clip", "flag"])),
]);
const SCALE: Kind = Kind::Word(&["none", "min_max", "standard", "robust", "log1p", "quantile", "quantile_normal"]);
const PARTS: Kind = Kind::List(
    &Kind::Word(&[
        "days",
        "year",
        "month",
        "day",
        "day_of_year",
        "weekday",
        "weekend",
        "hour",
        "minute",
        "month_cycle",
        "weekday_cycle",
        "hour_cycle",
    ]),
    1,
    12,
);

pub(super) const COLUMN: &[Field] = &[
    field("kind", KINDS),
    field("ignore", Kind::Bool),
    field("missing", MISSING),
    field("indicator", Kind::Bool),
    field("outliers", OUTLIERS),
    field("scale", SCALE),
    field("encode", ENCODE),
    field("categories", NAMES),
    field("min_count", COUNT),
    field("smoothing", NOT_NEGATIVE),
    field("parts", PARTS),
];

/// `[data.table]`: what holds for all columns of a kind.
pub(super) const TABLE: &[Field] = &[
    field("number", Kind::Table(COLUMN)),
    field("category", Kind::Table(COLUMN)),
    field("date", Kind::Table(COLUMN)),
    field("drop_duplicates", Kind::Bool),
    field("smote", Kind::Table(&[field("neighbours", COUNT), field("ratio", SHARE)])),
];

const NORMALISE: Kind = Kind::Table(&[
    field("html", Kind::Bool),
    field("urls", Kind::Bool),
    field("nfkc", Kind::Bool),
    field("lower_case", Kind::Bool),
    field("whitespace", Kind::Bool),
]);
const SIDE: Kind = Kind::Word(&["start", "end"]);

pub(super) const TEXT: &[Field] = &[
    field("normalise", NORMALISE),
    field("tokenizer", Kind::Word(&["characters", "bytes", "words", "bpe", "word_piece", "unigram"])),
    field("tokenizer_file", Kind::Text),
    field("vocabulary_size", COUNT),
    field("max_length", COUNT),
    field("pad", SIDE),
    field("truncate", SIDE),
    field("augment", Kind::Table(&[field("drop", SHARE), field("swap", SHARE), field("mask", SHARE)])),
];

pub(super) const PICTURE: &[Field] = &[
    field("size", Kind::Pair(1, 1 << 15)),
    field("channels", Kind::Integer(1, 3)),
    field("resize", Kind::Word(&["stretch", "fit", "crop"])),
    field("denoise", Kind::Word(&["none", "median", "gaussian"])),
    field("normalise", Kind::Word(&["standard", "unit", "symmetric", "none"])),
];

const SOUND_AUGMENT: Kind = Kind::Table(&[
    field("shift", SHARE),
    field("gain", Kind::Number(0.0, 60.0)),
    field("noise", SHARE),
    field("time_masks", Kind::Integer(0, 16)),
    field("time_mask", SHARE),
    field("frequency_masks", Kind::Integer(0, 16)),
    field("frequency_mask", SHARE),
]);

pub(super) const SOUND: &[Field] = &[
    field("sampling_rate", Kind::Integer(1_000, 768_000)),
    field("seconds", POSITIVE),
    field("high_pass", POSITIVE),
    field("trim", POSITIVE),
    field("features", Kind::Word(&["waveform", "spectrogram", "log_mel", "mfcc"])),
    field("fft_length", Kind::Integer(4, 65_536)),
    field("sequence_stride", COUNT),
    field("num_mel_bins", Kind::Integer(1, 512)),
    field("min_freq", NOT_NEGATIVE),
    field("max_freq", POSITIVE),
    field("top_db", NOT_NEGATIVE),
    field("num_mfcc", Kind::Integer(1, 512)),
    field("normalise", Kind::Bool),
    field("image", Kind::Bool),
    field("augment", SOUND_AUGMENT),
];

/// `[data.split]`: rows that must or must not come together.
pub(super) const SPLIT: &[Field] = &[
    field("group", Kind::Text),
    field("time", Kind::Text),
    field("part", Kind::Text),
    field("folds", Kind::Integer(2, 1000)),
    field("fold", Kind::Integer(0, 999)),
];
