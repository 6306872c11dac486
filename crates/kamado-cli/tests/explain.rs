//! `kamado explain`: what it says, what it writes, and what it refuses.

mod common;

use common::Desk;
use kamado_nn::layers::{Activation, Conv2d, Dense, Flatten};
use kamado_nn::model::{Model, Seed, Sequential};
use kamado_nn::model_file::{self, ModelFile};
use serde_json::Value;

fn save(desk: &Desk, name: &str, model: Model) {
    model_file::save(&desk.path(name), &ModelFile::new(model)).unwrap();
}

/// A desk with a small dense network and a small convolutional one.
fn desk() -> Desk {
    let desk = Desk::new();
    let dense = Sequential::new([4]).add(Dense::new(5).activation(Activation::Relu)).add(Dense::new(3));
    save(&desk, "dense.safetensors", dense.build(Seed(7)).unwrap());
    let conv = Sequential::new([6, 6, 1])
        .add(Conv2d::new(2, [3, 3]).activation(Activation::Relu))
        .add(Flatten)
        .add(Dense::new(3).activation(Activation::Softmax));
    save(&desk, "conv.safetensors", conv.build(Seed(7)).unwrap());
    desk
}

const X: &str = "[1.0, -0.5, 0.8, 0.3]";

fn picture() -> String {
    let numbers: Vec<String> = (0..36).map(|i| format!("{:.2}", f64::from(i * 7 % 36) / 36.0)).collect();
    format!("[{}]", numbers.join(", "))
}

#[test]
fn numbers_in_json_in_and_out() {
    let desk = desk();
    let words = ["explain", "dense.safetensors", X, "--method", "integrated_gradients", "--target", "1", "--json"];
    let done = desk.kamado(&[&words[..], &["--baseline", "[0.1, 0, 0, 0]"]].concat()).ok();
    let said: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&said["method"], &said["target"]), (&"integrated_gradients".into(), &1.into()));
    let attributions: Vec<f64> = said["attributions"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(attributions.len(), 4);
    let change = said["output"].as_f64().unwrap() - said["baseline_output"].as_f64().unwrap();
    assert!((attributions.iter().sum::<f64>() - change).abs() < 1e-5);
    assert_eq!(said["checks"]["completeness"]["passed"], true);
    assert!(said["checks"]["deletion"]["auc"].is_number());
    assert!(!desk.path("explanations").exists(), "with --json nothing is written unless it is asked for");
    desk.write("x.json", X);
    let again =
        desk.kamado(&["explain", "dense.safetensors", "x.json", "--method", "ig", "--target", "1", "--json"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&again.out).unwrap()["output"], said["output"]);
}

#[test]
fn the_same_bytes_on_one_and_two_threads() {
    let desk = desk();
    let of = |threads: &str| {
        let method = "grad_cam,smooth_grad,kernel_shap";
        desk.kamado(&["explain", "conv.safetensors", &picture(), "--method", method, "--json", "--threads", threads])
            .ok()
            .out
    };
    assert_eq!(of("1"), of("2"));
}

#[test]
fn a_page_pictures_charts_and_numbers_are_written() {
    let desk = desk();
    let done = desk.kamado(&["explain", "conv.safetensors", &picture(), "--out", "why"]).ok();
    assert!(
        done.out.contains("integrated_gradients: output ") && done.out.contains("grad_cam: logit "),
        "{}",
        done.out
    );
    assert!(done.out.contains("why/explanation.html"), "{}", done.out);
    let files: Vec<String> = ["grad_cam", "integrated_gradients", "occlusion"]
        .iter()
        .flat_map(|method| ["json", "png", "svg"].map(|ending| format!("1-{method}.{ending}")))
        .chain(["explanation.html".to_owned()])
        .collect();
    assert_eq!(desk.list("why"), files);
    let page = String::from_utf8(desk.read("why/explanation.html")).unwrap();
    for outside in ["http://", "https://", "src=\"/", "@import"] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(outside), "{outside}");
    }
    let png = image::load_from_memory(&desk.read("why/1-grad_cam.png")).unwrap();
    assert_eq!((png.width(), png.height()), (282, 282));
}

#[test]
fn a_hostile_text_stays_a_text() {
    let desk = Desk::new();
    let rows: String = (0..40)
        .map(|i| if i % 2 == 0 { format!("spam\twin a prize {i}\n") } else { format!("ham\tsee you at {i}\n") })
        .collect();
    desk.write("messages.tsv", rows);
    desk.write(
        "mine.toml",
        "[data]\nsource = \"table\"\nfiles = [\"messages.tsv\"]\npath = \".\"\nformat = \"tsv\"\nheader = \"no\"\n\
         names = [\"class\", \"message\"]\nlabel = \"class\"\ntest_split = 0.3\n[data.columns.class]\nkind = \"category\"\n\
         [data.columns.message]\nkind = \"text\"\n[data.text]\nmax_length = 8\nvocabulary_size = 60\n[model]\nlayers = [\
         { type = \"embedding\", input_dim = 62, output_dim = 8 }, { type = \"global_average_pooling1d\" },\
         { type = \"dense\", units = 1, activation = \"sigmoid\" }]\n[train]\nloss = \"binary_crossentropy\"\nepochs = 8\n\
         optimizer = { type = \"adam\", learning_rate = 0.05 }\nbatch_size = 4\nseed = 7\n",
    );
    desk.kamado(&["train", "mine.toml", "--out", "run"]).ok();
    let text = "win <script>alert(1)</script> \"prize\" & <img src=x onerror=alert(2)>";
    let done = desk.kamado(&["explain", "run", "--text", text, "--out", "why"]).ok();
    assert!(done.out.contains("kernel_shap: output"), "{}", done.out);
    let page = String::from_utf8(desk.read("why/explanation.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    for part in ["<script", "<img src=x", "onerror=alert(2)>"] {
        assert!(!page.contains(part), "{part}");
    }
    let svg = String::from_utf8(desk.read("why/1-kernel_shap.svg")).unwrap();
    assert!(!svg.contains("<script") && !svg.contains("<img"), "{svg}");
    let said =
        desk.kamado(&["explain", "run", "--text", text, "--method", "kernel_shap", "--target", "spam", "--json"]).ok();
    let said: Value = serde_json::from_str(&said.out).unwrap();
    let words: Vec<&str> = said["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
    let values: Vec<f64> = said["attributions"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let change = said["output"].as_f64().unwrap() - said["baseline_output"].as_f64().unwrap();
    assert!((values.iter().sum::<f64>() - change).abs() < 1e-5, "words carry all of the change");
}

#[test]
fn columns_of_a_table_are_named() {
    let desk = Desk::new();
    let rows: String = (0..60)
        .map(|i| format!("{},{},{}\n", i % 10, ["red", "green", "blue"][i % 3], if i % 10 > 4 { "yes" } else { "no" }))
        .collect();
    desk.write("rows.csv", format!("size,colour,answer\n{rows}"));
    desk.write(
        "mine.toml",
        "[data]\nsource = \"table\"\nfiles = [\"rows.csv\"]\npath = \".\"\nlabel = \"answer\"\ntest_split = 0.3\n[model]\n\
         layers = [{ type = \"dense\", units = 8, activation = \"relu\" }, { type = \"dense\", units = 1, activation = \
         \"sigmoid\" }]\n[train]\nloss = \"binary_crossentropy\"\nepochs = 30\noptimizer = { type = \"adam\", learning_rate = \
         0.05 }\nbatch_size = 8\nseed = 7\n",
    );
    desk.kamado(&["train", "mine.toml", "--out", "run"]).ok();
    desk.write("new.csv", "size,colour\n9,red\n1,blue\n");
    let words =
        ["explain", "run", "new.csv", "--baseline", "rows.csv", "--method", "shapley", "--target", "yes", "--json"];
    let done = desk.kamado(&words).ok();
    let said: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2);
    let names: Vec<&str> =
        said[0]["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["size", "colour"]);
    let size = |row: &Value| row["attributions"][0].as_f64().unwrap();
    assert!(size(&said[0]) > 0.2 && size(&said[1]) < -0.2, "{} {}", said[0], said[1]);

    let done = desk.kamado(&["explain", "run", "--data", "rows.csv", "--global", "--out", "all"]).ok();
    assert!(done.out.contains("60 rows, accuracy "), "{}", done.out);
    let global: Value = serde_json::from_slice(&desk.read("all/global.json")).unwrap();
    assert_eq!(global["importance"][0]["column"], "size");
    assert!(
        global["importance"][0]["loss"].as_f64().unwrap() > 0.3
            && global["importance"][1]["loss"].as_f64().unwrap() < 0.1
    );
    let points = global["dependence"][0]["points"].as_array().unwrap();
    let mean = |i: usize| points[i]["mean"].as_f64().unwrap();
    assert!(mean(0) < 0.3 && mean(points.len() - 1) > 0.7, "{points:?}");
    assert!(desk.list("all").contains(&"global.html".to_owned()));

    let change = ["explain", "run", "new.csv", "--counterfactual", "--data", "rows.csv", "--json"];
    let done = desk.kamado(&change).ok();
    let second: Value = serde_json::from_str(done.out.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["counterfactual"]["reached"], true);
    assert_eq!(second["counterfactual"]["changes"][0]["column"], "size");
    assert!(second["reasons"][0].as_str().unwrap().starts_with("size: 1 ("), "{second}");
    let fixed = desk.kamado(&[&change[..], &["--immutable", "size"]].concat()).ok();
    let second: Value = serde_json::from_str(fixed.out.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["counterfactual"]["reached"], false, "colour alone changes nothing");
    let wrong = desk.kamado(&[&change[..], &["--immutable", "sise"]].concat());
    assert!(wrong.err.contains("did you mean \"size\"?"), "{}", wrong.err);
}

#[test]
fn a_card_says_what_is_known_and_what_is_not() {
    let desk = desk();
    desk.kamado(&["card", "dense.safetensors", "--out", "card.html"]).ok();
    let card = String::from_utf8(desk.read("card.html")).unwrap();
    assert!(card.contains("43 trained, 0 fixed") && card.contains("not measured"), "{card}");
}

#[test]
fn shortcuts_need_pictures() {
    let desk = desk();
    let pictures = [picture(), picture(), picture(), picture()];
    let words: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let done =
        desk.kamado(&[&["explain", "conv.safetensors", "--shortcuts", "--out", "where"], &words[..]].concat()).ok();
    assert!(done.out.contains("4 pictures rest on row "), "{}", done.out);
    assert!(desk.path("where/shortcuts.html").exists());
    let rows = [&["explain", "dense.safetensors", "--shortcuts"], &[X; 4][..]].concat();
    let done = desk.kamado(&rows);
    assert!(done.err.contains("is for pictures of one size"), "{}", done.err);
}

#[test]
fn mistakes_are_told_and_do_not_stop_the_others() {
    let desk = desk();
    let refused = |words: &[&str], part: &str| {
        let done = desk.kamado(&[&["explain"], words].concat());
        assert_ne!(done.code, 0);
        assert!(done.err.contains(part), "{part:?} is not in {}", done.err);
        done
    };
    refused(&["dense.safetensors", "[1, 2]"], "takes 4 numbers of shape [4], but the input has 2");
    refused(&["dense.safetensors", X, "--method", "gradcam"], "needs a convolution, and the model has none");
    refused(&["dense.safetensors", X, "--method", "oclusion"], "did you mean \"occlusion\"?");
    refused(&["conv.safetensors", &picture(), "--method", "grad_cam", "--layer", "conv3d"], "did you mean \"conv2d\"?");
    refused(&["dense.safetensors", X, "--target", "9"], "no target \"9\"");
    refused(&["dense.safetensors", "[1, 2, 3, \"x\"]"], "is no list of numbers");
    refused(&["dense.safetensors", "[1, 2, 3, 1e999]"], "no list of numbers");
    refused(&["dense.safetensors", "nothing.png"], "nothing.png");
    refused(&["dense.safetensors", X, "--seconds=-1"], "is no time");
    let mixed = refused(&["dense.safetensors", "[1]", X, "--json", "--method", "gradient"], "but the input has 1");
    assert_eq!(mixed.out.lines().count(), 1, "the good input is explained all the same");
    let mut constant = Sequential::new([4]).add(Dense::new(2)).build(Seed(1)).unwrap();
    constant.variables.iter_mut().for_each(|variable| variable.value.fill(0.0));
    save(&desk, "constant.safetensors", constant);
    refused(&["constant.safetensors", X], "the model is constant: it answers [0.0, 0.0]");
}
