//! Recipes: what is read, what is refused and how it is said.

use std::collections::BTreeSet;

use kamado_nn::layers::LayerConfig;
use kamado_train::recipe::{BUILTIN, Recipe, RecipeError, Scaling, Validation};

const MINE: &str = r#"[data]
source = "digits"

[model]
layers = [
  { type = "conv2d", filters = 32, kernel_size = 3, activation = "relu" },
  { type = "flatten" },
  { type = "dense", units = 10, activation = "softmax" },
]

[train]
optimizer = { type = "adam", learning_rate = 0.001 }
loss = "sparse_categorical_crossentropy"
metrics = ["accuracy"]
"#;

/// The mistake in `MINE` with `right` replaced by `wrong`.
fn mistake(right: &str, wrong: &str) -> RecipeError {
    assert_eq!(MINE.matches(right).count(), 1, "{right:?} must occur once");
    Recipe::parse("mine.toml", &MINE.replace(right, wrong)).unwrap_err()
}

#[test]
fn defaults_are_filled_in_and_written_out() {
    let recipe = Recipe::parse("mine.toml", MINE).unwrap();
    assert_eq!((recipe.train.epochs, recipe.train.batch_size, recipe.train.seed), (1, 32, 0));
    assert_eq!((recipe.data.validation, recipe.data.scaling), (Validation::Split, Scaling::Unit));
    assert_eq!((recipe.data.validation_split, recipe.data.test_split), (Some(0.1), Some(0.2)));
    let written = recipe.to_toml();
    for default in ["beta_2 = 0.999", "kernel_size = [3, 3]", "padding = \"valid\"", "use_bias = true", "threads = 0"] {
        assert!(written.contains(default), "{default} is not in\n{written}");
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let texts = BUILTIN.iter().map(|builtin| builtin.toml).chain([MINE, EVERYTHING]);
    for text in texts {
        let recipe = Recipe::parse("a.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let written = recipe.to_toml();
        let again = Recipe::parse("b.toml", &written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, recipe);
        assert_eq!(again.to_toml(), written);
    }
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let shown = mistake("filters = 32", "filter = 32").to_string();
    let expected = r#"unknown key `filter` in model.layers[0] (conv2d)
  --> mine.toml:6:22
   |
 6 |   { type = "conv2d", filter = 32, kernel_size = 3, activation = "relu" },
   |                      ^^^^^^
help: did you mean `filters`?"#;
    assert_eq!(shown, expected);
}

#[test]
fn every_kind_of_mistake_has_its_place_and_remedy() {
    // (right, wrong, line, column, part of the problem, part of the help)
    let cases = [
        ("learning_rate", "lr", 12, 30, "unknown key `lr`", "did you mean `learning_rate`?"),
        ("metrics", "metric", 14, 1, "unknown key `metric` in train", "did you mean `metrics`?"),
        ("[data]", "[date]", 1, 2, "unknown key `date`", "did you mean `data`?"),
        ("\"conv2d\"", "\"Conv2D\"", 6, 12, "cannot be \"Conv2D\"", "did you mean \"conv2d\"?"),
        ("\"adam\"", "\"adams\"", 12, 22, "train.optimizer.type cannot be", "did you mean \"adam\"?"),
        ("[\"accuracy\"]", "[\"acuracy\"]", 14, 12, "train.metrics[0]", ""),
        ("\"relu\"", "\"rellu\"", 6, 66, "cannot be \"rellu\"", "did you mean \"relu\"?"),
        (
            "units = 10",
            "units = \"ten\"",
            8,
            29,
            "model.layers[2].units is the string \"ten\"",
            "expected an integer from 1 to",
        ),
        ("units = 10", "units = 10.5", 8, 29, "is the float 10.5", "expected an integer"),
        ("units = 10", "units = 0", 8, 29, "cannot be 0", "an integer from 1 to"),
        ("units = 10", "units = 99999999999999999999", 8, 29, "cannot be 99999", "an integer from 1 to"),
        ("units = 10, ", "", 8, 3, "model.layers[2] (dense) lacks `units`", "add `units = …`"),
        ("kernel_size = 3", "kernel_size = [3, 3, 3]", 6, 50, "an array of 3", "two of them as in [3, 3]"),
        ("kernel_size = 3", "kernel_size = [3, true]", 6, 50, "an array of 2", "two of them as in [3, 3]"),
        ("{ type = \"flatten\" }", "{ }", 7, 3, "lacks `type`", "add `type = …`, one of dense"),
        ("{ type = \"flatten\" }", "7", 7, 3, "is the integer 7", "\"NAME\" or { type"),
        ("0.001", "-1", 12, 46, "learning_rate cannot be -1", "a number of at least 0"),
        ("0.001", "nan", 12, 46, "learning_rate cannot be nan", "a number"),
        ("0.001", "1e999", 12, 46, "learning_rate cannot be 1e999", "a number"),
        ("[train]", "[trian]", 11, 2, "unknown key `trian`", "did you mean `train`?"),
        (
            "source = \"digits\"",
            "source = \"digits\"\npath = \"x\"",
            3,
            1,
            "data.path has no effect",
            "part of this program",
        ),
        ("source = \"digits\"", "source = \"idx\"", 2, 1, "needs `train_images`", ""),
        (
            "source = \"digits\"",
            "source = \"mnist\"\ntest_split = 0.1",
            3,
            1,
            "test_split has no effect",
            "leave it out",
        ),
        (
            "source = \"digits\"",
            "source = \"digits\"\nvalidation = \"none\"\nvalidation_split = 0.1",
            4,
            1,
            "has no effect",
            "\"split\"",
        ),
        ("layers = [", "layers = [[", 11, 1, "not valid TOML", ""),
        ("source = \"digits\"", "source = \"digits\"\nsource = \"mnist\"", 3, 1, "not valid TOML: duplicate key", ""),
    ];
    for (right, wrong, line, column, problem, help) in cases {
        let error = mistake(right, wrong);
        assert_eq!((error.line, error.column), (line, column), "{error}");
        assert!(error.problem.contains(problem), "{problem} is not in\n{error}");
        assert!(error.help.contains(help), "{help} is not in\n{error}");
    }
}

#[test]
fn a_missing_section_is_named() {
    for section in ["data", "model", "train"] {
        let start = MINE.find(&format!("[{section}]")).unwrap();
        let end = MINE[start + 1..].find("\n\n").map_or(MINE.len(), |at| start + 1 + at);
        let error = Recipe::parse("mine.toml", &(MINE[..start].to_owned() + &MINE[end..])).unwrap_err();
        assert_eq!(error.problem, format!("section [{section}] is missing"));
        assert!(error.help.contains(&format!("[{section}]")), "{error}");
    }
    assert_eq!(Recipe::parse("empty.toml", "").unwrap_err().problem, "section [data] is missing");
}

#[test]
fn the_schema_knows_every_layer() {
    let known = BTreeSet::from_iter(LayerConfig::KINDS.iter().copied());
    let help = mistake("\"conv2d\"", "\"zzz\"").help;
    let listed = help.trim_start_matches("known: ").split(", ").collect::<BTreeSet<_>>();
    // This holds a model of its own, which a list of layers cannot say.
    assert_eq!(listed, known.difference(&BTreeSet::from(["model"])).copied().collect());
}

#[test]
fn layers_have_names_and_may_be_frozen() {
    let text = MINE.replacen("{ type = \"conv2d\",", "{ type = \"conv2d\", name = \"eye\", trainable = false,", 1);
    let recipe = Recipe::parse("mine.toml", &text).unwrap();
    let spec = recipe.model_spec(&[8, 8, 1]);
    assert_eq!((spec.layers[0].name.as_str(), spec.layers[0].trainable), ("eye", false));
    assert!(spec.layers[1..].iter().all(|layer| layer.trainable && layer.name != "eye"));
    assert_eq!(Recipe::parse("again.toml", &recipe.to_toml()).unwrap(), recipe);
    let error = mistake("{ type = \"conv2d\",", "{ type = \"zero_padding2d\", padding = \"a\" }, { type = \"conv2d\",");
    assert!(error.help.contains("or two of them as in [3, 3], or an array, each entry"), "{error}");
}

#[test]
fn layers_may_read_others_than_the_one_before() {
    let skip = "{ type = \"flatten\", name = \"flat\" }, { type = \"dense\", units = 1152, name = \"wide\" },\n\
                { type = \"add\", inputs = [\"flat\", \"wide\"] }";
    let recipe = Recipe::parse("mine.toml", &MINE.replace("{ type = \"flatten\" }", skip)).unwrap();
    let spec = recipe.model_spec(&[8, 8, 1]);
    let inputs: Vec<String> = spec.layers.iter().map(|layer| layer.inputs.join(" ")).collect();
    assert_eq!(inputs, ["input_layer", "conv2d", "flat", "flat wide", "add"]);
    assert!(spec.variables().is_ok());
    assert_eq!(Recipe::parse("again.toml", &recipe.to_toml()).unwrap(), recipe);
    let later = mistake("{ type = \"flatten\" }", "{ type = \"add\", inputs = [\"conv2d\", \"dens\"] }");
    assert_eq!((later.line, later.column), (7, 19), "{later}");
    assert!(later.problem.contains("model.layers[1] reads \"dens\", but no layer before it"), "{later}");
    let near = mistake("{ type = \"flatten\" }", "{ type = \"flatten\", inputs = [\"conv2\"] }");
    assert!(near.help.contains("did you mean \"conv2d\"?"), "{near}");
    assert!(mistake("{ type = \"flatten\" }", "{ type = \"flatten\", inputs = [] }").problem.contains("0 entries"));
}

#[test]
fn a_folder_of_images_has_a_size_and_perhaps_a_test_set() {
    let folder = "source = \"image_folder\"\nimage_size = 9";
    let recipe = Recipe::parse("mine.toml", &MINE.replace("source = \"digits\"", folder)).unwrap();
    assert_eq!((recipe.data.image_size, recipe.data.test_split), (Some([9, 9]), None));
    assert_eq!(recipe.data.example_shape().unwrap(), [9, 9, 3]);
    assert!(recipe.data.load(1).unwrap_err().to_string().contains("--data DIR"));
    let error = mistake("source = \"digits\"", "source = \"digits\"\nimage_size = 9");
    assert!(error.problem.contains("image_size has no effect") && error.line == 3, "{error}");
}

#[test]
fn the_recipe_for_cifar10_is_the_residual_network_of_twenty_layers() {
    let recipe = BUILTIN.iter().find(|builtin| builtin.name == "cifar10").unwrap().recipe().unwrap();
    let spec = recipe.model_spec(&recipe.data.example_shape().unwrap());
    let variables = spec.variables().unwrap();
    let trained = variables.iter().filter(|variable| !variable.name.contains("moving"));
    // As many as the same network has in PyTorch (bench/peers/pytorch.py).
    assert_eq!(trained.map(|variable| variable.shape.iter().product::<usize>()).sum::<usize>(), 272_474);
    assert!(spec.unused_layers().is_empty());
}

#[test]
fn garbage_is_refused_and_never_panics() {
    for text in ["\0", "\u{feff}", "= = =", "[data", "data = 3", "[[data]]", "a.b.c = {", "\u{1b}[31m = 1"] {
        let error = Recipe::parse("x.toml", text).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(Recipe::parse("x.toml", &deep).is_err());
    assert!(Recipe::parse("x.toml", &" ".repeat(2 << 20)).is_err());
    // Every prefix of a recipe is a document somebody may save by accident.
    for (end, _) in EVERYTHING.char_indices() {
        let _ = Recipe::parse("x.toml", &EVERYTHING[..end]);
    }
}

/// Every key there is.
const EVERYTHING: &str = r#"
[data]
source = "idx"
path = "there"
train_images = "a"
train_labels = "b"
test_images = "c"
test_labels = "d"
validation = "split"
validation_split = 0.25
stratify = false
scaling = "standardize"
[data.augment]
rotation = 10
horizontal_flip = true
shift = 0.1
zoom = 0.1
shear = 3
elastic = 0.05
elastic_cells = 5
cutout = 0.2
[model]
layers = [
  { type = "conv2d", filters = 4, kernel_size = [3, 2], strides = [2, 2], padding = "same", groups = 1, use_bias = false },
  { type = "conv2d", filters = 4, kernel_size = 3, dilation_rate = 2, kernel_initializer = "he_normal" },
  { type = "batch_normalization", momentum = 0.9, epsilon = 1e-5, center = false, scale = true },
  { type = "activation", activation = "tanh" },
  { type = "max_pooling2d", pool_size = 2, strides = 1, padding = "same" },
  { type = "average_pooling2d" },
  { type = "global_average_pooling2d" },
  { type = "reshape", target_shape = [2, -1] },
  { type = "permute", dims = [2, 1] },
  { type = "masking", mask_value = -1 },
  { type = "zero_padding1d", padding = 2 },
  { type = "cropping1d", cropping = [1, 0] },
  { type = "zero_padding2d", padding = [[1, 2], [3, 4]] },
  { type = "cropping2d", cropping = 1 },
  { type = "repeat_vector", n = 3 },
  { type = "embedding", input_dim = 10, output_dim = 4, mask_zero = true, padding_idx = 0, trainable = false },
  { type = "category_embedding", cardinalities = [3, 4], output_dim = [2, 5], embeddings_initializer = "zeros" },
  { type = "tied_dense", tied_to = "table", activation = "softmax", use_bias = true, bias_initializer = "ones" },
  "flatten",
  { type = "dropout", rate = 0.5 },
  { type = "dense", units = 3, kernel_initializer = { type = "random_uniform", minval = -1, maxval = 1 }, bias_initializer = { type = "constant", value = 0.5 } },
]
[train]
optimizer = { type = "sgd", momentum = 0.9, nesterov = true, weight_decay = 1e-4, clipnorm = 1, gradient_accumulation_steps = 2, exclude_from_weight_decay = ["bias"], groups = [{ match = "dense", learning_rate = 0.5 }], learning_rate = { type = "cosine_decay", initial_learning_rate = 0.1, warmup_target = 0.2, warmup_steps = 10, alpha = 0.1 } }
loss = { type = "sparse_categorical_crossentropy", from_logits = true }
metrics = ["accuracy", "top_3_categorical_accuracy"]
epochs = 2
batch_size = 64
seed = 9
threads = 2
ema_momentum = 0.99
"#;
