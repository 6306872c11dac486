//! Every key a recipe may have. Defaults are not here but with the types that are read from it.

use crate::control::StopWhen;
use crate::metrics::Metric;
use crate::monitor::Monitor;
use crate::resources::Bytes;

use super::layer_tables::{EVERY_LAYER, LAYERS};
use super::privacy_config::PRIVACY;
use super::raw_tables;
use super::schema::{Field, Kind, Variant, field, required, variant};

pub(super) const COUNT: Kind = Kind::Integer(1, 1 << 20);
/// The rows of a table.
pub(super) const ROWS: Kind = Kind::Integer(1, 1 << 31);
const STEPS: Kind = Kind::Integer(0, 1 << 40);
pub(super) const WINDOW: Kind = Kind::Pair(1, 1 << 12);
pub(super) const NOT_NEGATIVE: Kind = Kind::Number(0.0, f64::MAX);
pub(super) const POSITIVE: Kind = Kind::Number(f64::MIN_POSITIVE, f64::MAX);
pub(super) const ANY_NUMBER: Kind = Kind::Number(f64::MIN, f64::MAX);
pub(super) const SHARE: Kind = Kind::Number(0.0, 1.0);
/// At least 0 and less than 1.
pub(super) const DECAY: Kind = Kind::Number(0.0, 1.0 - f64::EPSILON);

pub(super) const RECIPE: &[Field] = &[
    required("data", Kind::Table(DATA)),
    required("model", Kind::Table(&[required("layers", Kind::List(&Kind::TaggedWith(LAYERS, EVERY_LAYER), 1, 1000))])),
    required("train", Kind::Table(TRAIN)),
    field("privacy", Kind::Table(PRIVACY)),
];

const DATA: &[Field] = &[
    required("source", Kind::Word(&["digits", "mnist", "idx", "image_folder", "text", "table", "images", "sounds"])),
    field("path", Kind::Text),
    field("train_images", Kind::Text),
    field("train_labels", Kind::Text),
    field("test_images", Kind::Text),
    field("test_labels", Kind::Text),
    field("image_size", Kind::Pair(1, 1 << 15)),
    field("sequence_length", COUNT),
    field("stride", COUNT),
    field("validation", Kind::Word(&["split", "test", "none"])),
    field("validation_split", Kind::Number(0.001, 0.9)),
    field("test_split", Kind::Number(0.001, 0.9)),
    field("stratify", Kind::Bool),
    field("scaling", Kind::Word(&["unit", "standardize", "none"])),
    field("augment", Kind::Table(AUGMENT)),
    field("files", raw_tables::NAMES),
    field("test_files", raw_tables::NAMES),
    field("format", raw_tables::FORMATS),
    field("delimiter", raw_tables::CHARACTER),
    field("quote", Kind::Text),
    field("header", raw_tables::HEADER),
    field("names", raw_tables::NAMES),
    field("encoding", Kind::Text),
    field("comment", raw_tables::CHARACTER),
    field("decimal", raw_tables::CHARACTER),
    field("missing_values", Kind::List(&Kind::Text, 0, 1000)),
    field("path_pattern", Kind::Text),
    field("label", Kind::Text),
    field("label_type", Kind::Word(&["class", "number", "standard_number"])),
    field("label_aliases", Kind::Texts),
    field("columns", Kind::Map(raw_tables::COLUMN)),
    field("table", Kind::Table(raw_tables::TABLE)),
    field("text", Kind::Table(raw_tables::TEXT)),
    field("picture", Kind::Table(raw_tables::PICTURE)),
    field("sound", Kind::Table(raw_tables::SOUND)),
    field("split", Kind::Table(raw_tables::SPLIT)),
];

const AUGMENT: &[Field] = &[
    field("rotation", Kind::Number(0.0, 180.0)),
    field("horizontal_flip", Kind::Bool),
    field("shift", SHARE),
    field("zoom", Kind::Number(0.0, 0.99)),
    field("shear", Kind::Number(0.0, 80.0)),
    field("elastic", SHARE),
    field("elastic_cells", Kind::Integer(1, 32)),
    field("cutout", SHARE),
    field("resized_crop", SHARE),
    field("crop", Kind::Integer(0, 1024)),
    field("vertical_flip", Kind::Bool),
    field("perspective", Kind::Number(0.0, 0.6)),
    field("brightness", SHARE),
    field("contrast", SHARE),
    field("saturation", SHARE),
    field("hue", Kind::Number(0.0, 0.5)),
    field("blur", Kind::Number(0.0, 32.0)),
    field("noise", SHARE),
    field("rand_augment", Kind::Integer(0, 14)),
    field("rand_augment_magnitude", Kind::Number(0.0, 30.0)),
    field("mixup", Kind::Number(0.0, 10.0)),
    field("cutmix", Kind::Number(0.0, 10.0)),
];

const TRAIN: &[Field] = &[
    field("optimizer", Kind::TaggedWith(OPTIMIZERS, EVERY_OPTIMIZER)),
    required("loss", Kind::Tagged(LOSSES)),
    field("metrics", Kind::List(&Kind::Checked(metric), 0, 16)),
    field("class_weight", Kind::WordOrNumbers(&["balanced"], 0.0, f64::MAX)),
    field("epochs", Kind::Integer(1, 1_000_000)),
    field("batch_size", COUNT),
    field("seed", Kind::Integer(0, i64::MAX)),
    field("threads", Kind::Integer(0, 1024)),
    field("ema_momentum", DECAY),
    field("precision", Kind::Word(&["f32", "bf16"])),
    field("memory_limit", Kind::Checked(memory)),
    field("stop_when", Kind::Checked(goal)),
    field("max_minutes", Kind::Number(0.001, 1e7)),
    field("log", Kind::List(&Kind::Word(&["csv", "jsonl", "tensorboard"]), 0, 3)),
    field("early_stopping", Kind::Table(EARLY_STOPPING)),
    field("reduce_on_plateau", Kind::Table(REDUCE_ON_PLATEAU)),
    field("checkpoint", Kind::Table(CHECKPOINT)),
];

const EARLY_STOPPING: &[Field] = &[
    field("monitor", Kind::Checked(monitor)),
    field("min_delta", NOT_NEGATIVE),
    field("patience", STEPS),
    field("restore_best_weights", Kind::Bool),
    field("start_from_epoch", STEPS),
];

const REDUCE_ON_PLATEAU: &[Field] = &[
    field("monitor", Kind::Checked(monitor)),
    field("factor", DECAY),
    field("patience", STEPS),
    field("min_delta", NOT_NEGATIVE),
    field("cooldown", STEPS),
    field("min_factor", SHARE),
];

fn goal(text: &str) -> Result<(), String> {
    text.parse::<StopWhen>().map(drop)
}

const CHECKPOINT: &[Field] = &[
    field("every_steps", Kind::Integer(1, 1 << 40)),
    field("every_epochs", Kind::Integer(1, 1_000_000)),
    field("every_minutes", Kind::Number(0.0, 1e6)),
    field("keep_last", Kind::Integer(1, 1000)),
    field("keep_best", Kind::Checked(monitor)),
];

fn monitor(key: &str) -> Result<(), String> {
    key.parse::<Monitor>().map(drop).map_err(|error| error.to_string())
}

fn memory(text: &str) -> Result<(), String> {
    text.parse::<Bytes>().map(drop)
}

fn metric(name: &str) -> Result<(), String> {
    name.parse::<Metric>().map(drop).map_err(|error| error.to_string())
}

const LEARNING_RATE: Kind = Kind::NumberOrTagged(
    0.0,
    f64::MAX,
    &[
        variant(
            "cosine_decay",
            &[
                required("initial_learning_rate", NOT_NEGATIVE),
                field("decay_steps", STEPS),
                field("alpha", SHARE),
                field("warmup_target", NOT_NEGATIVE),
                field("warmup_steps", STEPS),
            ],
        ),
        variant(
            "one_cycle",
            &[
                required("max_learning_rate", NOT_NEGATIVE),
                field("pct_start", SHARE),
                field("div_factor", POSITIVE),
                field("final_div_factor", POSITIVE),
            ],
        ),
        variant(
            "cosine_decay_restarts",
            &[
                required("initial_learning_rate", NOT_NEGATIVE),
                required("first_decay_steps", STEPS),
                field("t_mul", Kind::Number(1.0, f64::MAX)),
                field("m_mul", NOT_NEGATIVE),
                field("alpha", SHARE),
            ],
        ),
        variant(
            "polynomial_decay",
            &[
                required("initial_learning_rate", NOT_NEGATIVE),
                field("decay_steps", STEPS),
                field("end_learning_rate", NOT_NEGATIVE),
                field("power", NOT_NEGATIVE),
                field("cycle", Kind::Bool),
            ],
        ),
        variant("exponential_decay", BY_RATE),
        variant("inverse_time_decay", BY_RATE),
        variant(
            "piecewise_constant_decay",
            &[
                required("boundaries", Kind::List(&STEPS, 1, 1000)),
                required("values", Kind::List(&NOT_NEGATIVE, 2, 1001)),
            ],
        ),
    ],
);

const BY_RATE: &[Field] = &[
    required("initial_learning_rate", NOT_NEGATIVE),
    required("decay_steps", STEPS),
    required("decay_rate", NOT_NEGATIVE),
    field("staircase", Kind::Bool),
];

/// What a text in the path of a weight may be.
const PATH: Kind = Kind::Checked(|text| if text.is_empty() { Err("is empty".to_owned()) } else { Ok(()) });

const GROUP: Kind =
    Kind::Table(&[required("match", PATH), field("learning_rate", NOT_NEGATIVE), field("weight_decay", NOT_NEGATIVE)]);

/// What every optimiser can do besides its rule.
const EVERY_OPTIMIZER: &[Field] = &[
    field("learning_rate", LEARNING_RATE),
    field("weight_decay", NOT_NEGATIVE),
    field("clipnorm", POSITIVE),
    field("clipvalue", POSITIVE),
    field("global_clipnorm", POSITIVE),
    field("gradient_accumulation_steps", COUNT),
    field("lazy_embeddings", Kind::Bool),
    field("exclude_from_weight_decay", Kind::List(&PATH, 0, 1000)),
    field("groups", Kind::List(&GROUP, 0, 1000)),
];

const BETA_1: Field = field("beta_1", DECAY);
const BETA_2: Field = field("beta_2", DECAY);
const RHO: Field = field("rho", DECAY);
const MOMENTUM: Field = field("momentum", DECAY);
const EPSILON: Field = field("epsilon", NOT_NEGATIVE);
const ADAM: &[Field] = &[BETA_1, BETA_2, EPSILON, field("amsgrad", Kind::Bool)];

const OPTIMIZERS: &[Variant] = &[
    variant("sgd", &[MOMENTUM, field("nesterov", Kind::Bool)]),
    variant("adam", ADAM),
    variant("adamw", ADAM),
    variant("rmsprop", &[RHO, MOMENTUM, EPSILON]),
    variant("adagrad", &[field("initial_accumulator_value", NOT_NEGATIVE), EPSILON]),
    variant("adadelta", &[RHO, EPSILON]),
    variant("adamax", &[BETA_1, BETA_2, EPSILON]),
    variant("nadam", &[BETA_1, BETA_2, EPSILON]),
    variant("lion", &[BETA_1, BETA_2]),
    variant("lamb", &[BETA_1, BETA_2, EPSILON]),
    variant(
        "adafactor",
        &[
            field("beta_2_decay", Kind::Number(-100.0, 0.0)),
            field("epsilon_1", NOT_NEGATIVE),
            field("epsilon_2", NOT_NEGATIVE),
            field("clip_threshold", POSITIVE),
        ],
    ),
];

const FROM_LOGITS: Field = field("from_logits", Kind::Bool);
const SMOOTHING: Field = field("label_smoothing", DECAY);
const IGNORE_CLASS: Field = field("ignore_class", Kind::Integer(i32::MIN as i64, i32::MAX as i64));
const ALPHA: Field = field("alpha", NOT_NEGATIVE);
const GAMMA: Field = field("gamma", NOT_NEGATIVE);
const AXIS: Field = field("axis", Kind::List(&Kind::Integer(1, 7), 1, 7));
const SMOOTH: Field = field("smooth", NOT_NEGATIVE);
const BOXES: &[Field] = &[field("format", Kind::Word(&["xyxy", "cxcywh"]))];
const DISTANCES: &[&str] = &["euclidean", "squared_euclidean", "cosine"];

const LOSSES: &[Variant] = &[
    variant("sparse_categorical_crossentropy", &[FROM_LOGITS, IGNORE_CLASS, SMOOTHING]),
    variant("categorical_crossentropy", &[FROM_LOGITS, SMOOTHING]),
    variant("binary_crossentropy", &[FROM_LOGITS, SMOOTHING]),
    variant("sparse_categorical_focal_crossentropy", &[ALPHA, GAMMA, FROM_LOGITS, IGNORE_CLASS]),
    variant("categorical_focal_crossentropy", &[ALPHA, GAMMA, FROM_LOGITS, SMOOTHING]),
    variant(
        "binary_focal_crossentropy",
        &[field("apply_class_balancing", Kind::Bool), field("alpha", SHARE), GAMMA, FROM_LOGITS, SMOOTHING],
    ),
    variant("kl_divergence", &[FROM_LOGITS]),
    variant("poisson", &[]),
    variant("mean_squared_error", &[]),
    variant("mse", &[]),
    variant("mean_absolute_error", &[]),
    variant("mae", &[]),
    variant("mean_absolute_percentage_error", &[]),
    variant("mape", &[]),
    variant("mean_squared_logarithmic_error", &[]),
    variant("msle", &[]),
    variant("huber", &[field("delta", POSITIVE)]),
    variant("log_cosh", &[]),
    variant("quantile", &[field("quantile", Kind::Number(f64::MIN_POSITIVE, 1.0 - f64::EPSILON))]),
    variant("cosine_similarity", &[]),
    variant("hinge", &[]),
    variant("squared_hinge", &[]),
    variant("categorical_hinge", &[]),
    variant("dice", &[AXIS, SMOOTH]),
    variant("tversky", &[ALPHA, field("beta", NOT_NEGATIVE), AXIS, SMOOTH]),
    variant("iou", BOXES),
    variant("giou", BOXES),
    variant("diou", BOXES),
    variant("ciou", BOXES),
    variant("triplet", &[field("margin", POSITIVE), field("distance", Kind::Word(DISTANCES))]),
    variant("info_nce", &[field("temperature", POSITIVE), field("symmetric", Kind::Bool)]),
    variant(
        "ctc",
        &[
            field("blank", Kind::Integer(0, 1 << 20)),
            field("zero_infinity", Kind::Bool),
            field("max_label_length", COUNT),
            FROM_LOGITS,
        ],
    ),
];
