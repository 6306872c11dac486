//! A catalogue of recipes that are wrong, each in another way: each is refused, and the file, the line and the remedy are said.

mod common;

use common::{SMALL, small_desk};

const LOSS: &str = "loss = \"sparse_categorical_crossentropy\"";
const LAST: &str = "{ type = \"dense\", units = 2, activation = \"softmax\" }";
const TAIL: &str = "{ type = \"dense\", units = 2, activation = \"softmax\" },\n]\n\n[train]\nloss = \"sparse_categorical_crossentropy\"";
const FIRST: &str = "{ type = \"dense\", units = 8, activation = \"relu\" }";
const FLATTEN: &str = "{ type = \"flatten\" }";

/// (what is right, what stands there instead, the line of the mistake, what is said)
const WRONG: &[(&str, &str, usize, &str)] = &[
    // Typos and types.
    ("epochs = 2", "epoch = 2", 20, "did you mean `epochs`?"),
    ("batch_size", "batchsize", 21, "did you mean `batch_size`?"),
    ("[train]", "[training]", 17, "did you mean `train`?"),
    ("\"flatten\"", "\"flaten\"", 12, "did you mean \"flatten\"?"),
    ("\"relu\"", "\"Relu\"", 13, "did you mean \"relu\"?"),
    ("\"accuracy\"", "\"accurracy\"", 19, "did you mean \"accuracy\"?"),
    ("units = 8", "unit = 8", 13, "did you mean `units`?"),
    ("units = 8, ", "", 13, "add `units = …`"),
    ("units = 8", "units = -8", 13, "give an integer from 1"),
    ("units = 8", "units = 8.5", 13, "expected an integer"),
    ("epochs = 2", "epochs = 0", 20, "give an integer from 1"),
    ("epochs = 2", "epochs = true", 20, "expected an integer"),
    ("seed = 7", "seed = -1", 22, "give an integer of at least 0"),
    ("seed = 7", "seed = 7\nseed = 8", 23, "duplicate key"),
    ("source = \"idx\"", "source = \"idxx\"", 2, "did you mean \"idx\"?"),
    // Contradictions within the data.
    ("validation_split = 0.2", "validation_split = 0.2\ntest_split = 0.1", 9, "leave it out"),
    ("validation_split = 0.2", "validation_split = 0.95", 8, "give a number from 0.001 to 0.9"),
    ("validation_split = 0.2", "validation = \"none\"\nvalidation_split = 0.2", 9, "validation = \"split\""),
    ("validation_split = 0.2", "image_size = 8", 8, "image_folder"),
    ("validation_split = 0.2", "sequence_length = 8", 8, "belongs to source = \"text\""),
    ("validation_split = 0.2", "label = \"x\"", 8, "belongs to source = \"table\""),
    ("train_images = \"train-images\"\n", "", 2, "give the names of the files"),
    ("test_labels = \"test-labels\"\n", "", 6, "add `test_labels`"),
    ("validation_split = 0.2", "validation_split = 0.2\naugment = { mixup = 0.2 }", 9, "leave out mixup"),
    // Loss, activation and labels.
    ("\"softmax\"", "\"sigmoid\"", 14, "activation = \"softmax\""),
    (", activation = \"softmax\"", "", 14, "from_logits = true in the loss"),
    (LOSS, "loss = { type = \"sparse_categorical_crossentropy\", from_logits = true }", 14, "leave out from_logits"),
    ("units = 2", "units = 1", 14, "binary_crossentropy"),
    (
        TAIL,
        "{ type = \"dense\", units = 3, activation = \"softmax\" },\n]\n\n[train]\nloss = \"categorical_crossentropy\"",
        14,
        "units = 2, one per class",
    ),
    (LOSS, "loss = \"binary_crossentropy\"", 14, "activation = \"sigmoid\""),
    (TAIL, "{ type = \"dense\", units = 3 },\n]\n\n[train]\nloss = \"mse\"", 14, "dense 1 sigmoid"),
    (LOSS, "loss = \"crossentropy\"", 18, "did you mean \"sparse_categorical_crossentropy\"?"),
    (
        LAST,
        "{ type = \"dense\", units = 2, activation = \"softmax\" }, { type = \"softmax\" }",
        14,
        "remove one of the two",
    ),
    (LAST, "{ type = \"dense\", units = 1, activation = \"softmax\" }", 14, "activation = \"sigmoid\""),
    // Metrics.
    ("\"accuracy\"", "\"top_0_categorical_accuracy\"", 19, "the metrics are"),
    // Shapes and layers.
    (FLATTEN, "{ type = \"max_pooling2d\", pool_size = 9 }", 12, "max_pooling2d"),
    (FLATTEN, "{ type = \"conv1d\", filters = 2, kernel_size = 3 }", 12, "conv1d"),
    (FLATTEN, "{ type = \"reshape\", target_shape = [3, 5] }", 12, "reshape"),
    (FLATTEN, "{ type = \"embedding\", input_dim = 3, output_dim = 2 }", 12, "embedding"),
    (FIRST, "{ type = \"lstm\", units = 4 }", 13, "lstm"),
    (FIRST, "{ type = \"dense\", units = 8, inputs = [\"flaten\"] }", 13, "did you mean \"flatten\"?"),
    (FIRST, "{ type = \"dense\", units = 8, name = \"flatten\" }", 13, "give each its own name"),
    (FIRST, "{ type = \"dropout\", rate = 1.5 }", 13, "give a number"),
    // Optimisers, schedules, checkpoints.
    (LOSS, "loss = \"mse\"\noptimizer = { type = \"adam\", lr = 0.1 }", 19, "did you mean `learning_rate`?"),
    (LOSS, "loss = \"mse\"\noptimizer = { type = \"adan\" }", 19, "did you mean \"adam\"?"),
    (LOSS, "loss = \"mse\"\noptimizer = { type = \"adam\", beta_1 = 1 }", 19, "give a number from 0"),
    (
        LOSS,
        "loss = \"sparse_categorical_crossentropy\"\noptimizer = { type = \"sgd\", learning_rate = { type = \"cosine_decay\", \
         initial_learning_rate = 0.1, warmup_steps = 3 } }",
        19,
        "the learning rate that the warm-up leads to",
    ),
    (
        LOSS,
        "loss = \"sparse_categorical_crossentropy\"\noptimizer = { type = \"sgd\", clipnorm = 1, clipvalue = 1 }",
        19,
        "clip",
    ),
    ("seed = 7", "[train.checkpoint]\nevery_step = 7", 23, "did you mean `every_steps`?"),
    ("seed = 7", "[train.checkpoint]\nkeep_last = 0", 23, "give an integer from 1"),
    ("seed = 7", "[train.checkpoint]\nkeep_best = \"val_acuracy\"", 23, "did you mean \"accuracy\"?"),
    ("seed = 7", "memory_limit = \"lots\"", 22, "write a number and a unit"),
];

#[test]
fn every_wrong_recipe_is_refused_with_file_line_and_remedy() {
    assert!(WRONG.len() >= 40);
    let desk = small_desk();
    desk.kamado(&["check", "small.toml"]).ok();
    let mut wrong_answers = Vec::new();
    for (right, wrong, line, words) in WRONG {
        assert!(SMALL.contains(right), "{right}");
        desk.write("wrong.toml", SMALL.replace(right, wrong));
        let done = desk.kamado(&["check", "wrong.toml"]);
        let place = format!("wrong.toml:{line}:");
        let good = done.code == 2 && done.err.contains(&place) && done.err.contains(words);
        let remedy = done.err.contains("help: ") || done.err.contains("not valid TOML");
        if !(good && remedy) {
            wrong_answers.push(format!("{wrong}: expected {place} and {words:?}, got {}: {}", done.code, done.err));
        }
    }
    assert!(wrong_answers.is_empty(), "{}", wrong_answers.join("\n----\n"));
}

#[test]
fn check_says_what_it_took_for_granted() {
    let desk = small_desk();
    let said = desk.kamado(&["check", "small.toml"]).ok().out;
    assert!(said.contains("no mistake was found") && said.contains("settings are left at their defaults"), "{said}");
    let full = desk.kamado(&["check", "small.toml", "--full", "--set", "train.epochs=3"]).ok().out;
    assert!(full.contains("epochs = 3") && full.contains("beta_1 = 0.9") && full.contains("keep_last = 2"), "{full}");
    desk.write("full.toml", &full);
    assert_eq!(desk.kamado(&["check", "full.toml", "--full"]).ok().out, full);
    desk.kamado(&["check", "small.toml", "--set", "train.epochs=x"]).failed(2, &["--set:1:1", "train.epochs"]);
    desk.kamado(&["check", "mnist", "--no-data"]).ok();
    let schema: serde_json::Value = serde_json::from_str(&desk.kamado(&["schema"]).ok().out).unwrap();
    assert_eq!(schema["properties"]["train"]["properties"]["epochs"]["minimum"], 1);
}
