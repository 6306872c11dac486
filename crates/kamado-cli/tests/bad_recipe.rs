//! Recipes that are wrong, and words on the command line that are.

mod common;

use common::{Desk, SMALL, exists, small_desk};

/// Trains from `SMALL` with `right` replaced by `wrong`.
fn refused(right: &str, wrong: &str, words: &[&str]) {
    let desk = small_desk();
    assert!(SMALL.contains(right));
    desk.write("wrong.toml", SMALL.replace(right, wrong));
    desk.kamado(&["train", "wrong.toml", "--out", "out"]).failed(2, words);
    assert!(!exists(&desk.path("out")));
}

#[test]
fn an_unknown_key_is_shown_with_what_was_meant() {
    let words =
        ["unknown key `unit` in model.layers[1] (dense)", "wrong.toml:13:21", "^^^^\n", "help: did you mean `units`?"];
    refused("units = 8", "unit = 8", &words);
}

#[test]
fn a_wrong_type_is_shown_with_what_was_expected() {
    refused(
        "epochs = 2",
        "epochs = \"two\"",
        &["train.epochs is the string \"two\"", "wrong.toml:20:10", "expected an integer"],
    );
}

#[test]
fn a_missing_section_is_named() {
    refused("[train]", "[trane]", &["unknown key `trane`", "did you mean `train`?"]);
    refused(SMALL.split_at(SMALL.find("[train]").unwrap()).1, "", &["section [train] is missing", "wrong.toml:15:"]);
}

#[test]
fn an_unknown_layer_is_shown_with_what_was_meant() {
    refused("\"flatten\"", "\"flaten\"", &["model.layers[0].type cannot be \"flaten\"", "did you mean \"flatten\"?"]);
}

#[test]
fn what_is_not_toml_is_shown_where_it_ends_to_be() {
    refused("[model]", "[model", &["not valid TOML", "wrong.toml:10:"]);
}

#[test]
fn files_that_are_no_recipes() {
    let desk = small_desk();
    desk.kamado(&["train", "none.toml"]).failed(2, &["none.toml", "kamado recipes"]);
    desk.write("binary.toml", [0xff, 0xfe, 0x00]);
    desk.kamado(&["train", "binary.toml"]).failed(2, &["binary.toml", "UTF-8"]);
    desk.kamado(&["train", "data"]).failed(2, &["is not a recipe"]);
    desk.kamado(&["train", "digit"]).failed(2, &["there is no recipe `digit`", "did you mean `digits`?"]);
}

#[test]
fn words_that_make_no_sense() {
    let desk = Desk::new();
    for words in [
        &["train"] as &[&str],
        &["tain", "digits"],
        &["train", "digits", "--epochs", "0"],
        &["train", "digits", "--epochs", "-3"],
        &["train", "digits", "--batch-size", "99999999999999999999"],
        &["train", "digits", "--threads", "0"],
        &["train", "digits", "--seed", "x"],
        &["train", "digits", "--data", "here"],
        &["predict", "model"],
        &["fetch", "everything"],
        &["recipes", "nonsense"],
    ] {
        assert_eq!(desk.kamado(words).code, 2, "{words:?}");
    }
    assert!(desk.list(".").is_empty());
}

/// A listing that circulates: Keras runs it, silently, to a loss of minus 73 million.
#[test]
fn the_wrong_listing_is_refused_at_once_with_the_remedy() {
    let desk = Desk::new();
    desk.write(
        "listing.toml",
        r#"[data]
source = "digits"
[model]
layers = [
  { type = "conv2d", filters = 32, kernel_size = [3, 3], activation = "relu" },
  { type = "flatten" },
  { type = "dense", units = 64, activation = "relu" },
  { type = "dense", units = 1, activation = "sigmoid" },
]
[train]
optimizer = "adam"
loss = "binary_crossentropy"
metrics = ["accuracy"]
"#,
    );
    desk.kamado(&["train", "listing.toml"]).failed(2, &["softmax", "sparse_categorical_crossentropy", "10"]);
    assert!(!exists(&desk.path("runs")), "nothing was trained, so nothing may be written");
}

#[test]
fn shapes_that_do_not_fit_name_the_layer() {
    let pooling = "{ type = \"max_pooling2d\", pool_size = 9 },\n  { type = \"flatten\" }";
    refused("{ type = \"flatten\" }", pooling, &["model.layers[0]", "max_pooling2d"]);
}

#[test]
fn a_model_too_large_for_any_machine_is_refused() {
    let wide = "units = 1048576 },\n  { type = \"dense\", units = 1048576";
    refused("units = 8", wide, &["dense", "weights"]);
}
