//! Raw files of every kind: what a saved model says about them is what training said, to the last bit.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use kamado_nn::model::{Model, Seed};
use kamado_nn::model_file::{self, ModelFile};
use kamado_train::recipe::{Parts, Recipe};
use kamado_train::{Fit, Predictor, Trainer};

/// A desk with files.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Desk(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn recipe(&self, data: &str, layers: &str) -> Recipe {
        let text = format!(
            "[model]\nlayers = [{layers}]\n[train]\nloss = \"sparse_categorical_crossentropy\"\nseed = 3\n[data]\npath = {:?}\n{data}",
            self.0.path()
        );
        Recipe::parse("mine.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A model trained for two epochs, what it says about the test rows, and itself read back from its file.
fn trained(desk: &Desk, recipe: &Recipe) -> (Parts, Vec<Vec<f32>>, Predictor) {
    let parts = recipe.data.load(3).unwrap();
    let model = Model::new(recipe.model_spec_for(&parts.inputs()), Seed(3)).unwrap();
    let trainer = Trainer::new(model, recipe.train.optimizer.clone(), recipe.train.loss.clone()).unwrap();
    let mut trainer = trainer.preprocessing(parts.preprocessing.clone());
    trainer.fit(&parts.train, Fit { epochs: 2, batch_size: 4, ..Fit::default() }).unwrap();
    let said = trainer.predict(&parts.test).unwrap();
    let file = ModelFile {
        preprocessing: serde_json::to_value(&parts.preprocessing).unwrap(),
        labels: parts.train.class_names().unwrap_or_default().to_vec(),
        ..ModelFile::new(trainer.into_model())
    };
    let path = desk.0.path().join("model.safetensors");
    model_file::save(&path, &file).unwrap();
    let said = said.rows().map(<[f32]>::to_vec).collect();
    (parts, said, Predictor::load(&path, None).unwrap())
}

const CLASSIFIER: &str = r#"{ type = "flatten" }, { type = "dense", units = 2, activation = "softmax" }"#;

/// A picture of 24 bits per pixel, lighter from one corner to the other, in the format BMP.
fn bmp(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let stride = (3 * width).next_multiple_of(4);
    let mut file = b"BM".to_vec();
    for word in [54 + stride * height, 0, 54, 40, width, height, 1 | 24 << 16, 0, stride * height, 2835, 2835, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    for y in 0..height {
        let pixels = (0..width).flat_map(|x| [x * 7 + seed, y * 5 + seed * 3, x * y + seed]);
        let row: Vec<u8> = pixels.map(|x| x as u8).chain(std::iter::repeat(0)).take(stride as usize).collect();
        file.extend(row);
    }
    file
}

/// A tone of half a second in 16 bits, in the format WAV.
fn wav(rate: u32, frequency: f32) -> Vec<u8> {
    let samples: Vec<u8> = (0..rate / 2)
        .flat_map(|i| ((i as f32 * frequency * std::f32::consts::TAU / rate as f32).sin() * 9000.0).to_le_bytes_i16())
        .collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + samples.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(rate.to_le_bytes());
    file.extend((2 * rate).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}

trait Sample {
    fn to_le_bytes_i16(self) -> [u8; 2];
}

impl Sample for f32 {
    fn to_le_bytes_i16(self) -> [u8; 2] {
        (self as i16).to_le_bytes()
    }
}

/// Of each of `files`, the only answer.
fn answers(predictor: &mut Predictor, files: &[PathBuf]) -> Vec<Vec<f32>> {
    let answer = |file: &PathBuf| predictor.predict_file(file).unwrap().remove(0).1.outputs;
    files.iter().map(answer).collect()
}

#[test]
fn a_table() {
    let desk = Desk::new();
    let jobs = ["smith", "baker", "?", "judge", "cook"];
    let row = |i: usize| {
        let age = if i % 7 == 3 { String::new() } else { (20 + i * 13 % 40).to_string() };
        format!("{age},{},2026-0{}-1{}", jobs[i % 4], 1 + i % 9, i % 10)
    };
    let mut table = "age,job,since,part,rich\n".to_owned();
    let mut unlabelled = "since,age,job\n".to_owned();
    for i in 0..60 {
        let part = if i < 48 { "train" } else { "test" };
        table += &format!("{},{part},{}\n", row(i), if i * 13 % 40 > 20 { "yes" } else { "no" });
        if i >= 48 {
            let row = row(i);
            let fields: Vec<&str> = row.split(',').collect();
            unlabelled += &format!("{},{},{}\n", fields[2], fields[0], fields[1]);
        }
    }
    desk.write("people.csv", table);
    let recipe = desk.recipe(
        "source = \"table\"\nfiles = [\"people.csv\"]\nlabel = \"rich\"\nvalidation = \"none\"\nsplit = { part = \"part\" }\n\
         [data.columns.job]\nencode = \"embedding\"\nkind = \"category\"\n[data.columns.age]\nindicator = true\noutliers = { rule = \"iqr\", action = \"clip\" }",
        r#"{ type = "category_embedding", cardinalities = [6], output_dim = 2, inputs = ["categories"], name = "jobs" },
           { type = "concatenate", inputs = ["jobs", "table"] },
           { type = "dense", units = 2, activation = "softmax" }"#,
    );
    let (parts, said, mut predictor) = trained(&desk, &recipe);
    assert_eq!((parts.train.len(), parts.test.len()), (48, 12));
    let answers = predictor.predict_file(&desk.write("new.csv", unlabelled)).unwrap();
    assert!(answers[0].0.ends_with("new.csv, row 2"), "{}", answers[0].0);
    let answers: Vec<Vec<f32>> = answers.into_iter().map(|(_, prediction)| prediction.outputs).collect();
    assert_eq!(answers, said);
    // A person whose job training never saw, alone in a file that looks otherwise.
    let stranger = predictor.predict_file(&desk.write("one.csv", "job,age,since\n7,30,2026-01-01\n")).unwrap();
    assert_eq!(stranger[0].1.classes.len(), 2);
    let error =
        predictor.predict_file(&desk.write("bad.csv", "job,since\nsmith,2026-01-01\n")).unwrap_err().to_string();
    assert!(error.contains("\"age\""), "{error}");
}

#[test]
fn texts() {
    let desk = Desk::new();
    let text =
        |i: usize| format!("Message {i}: {} the prize, {}!", ["win", "lose"][i % 2], ["now", "never", "soon"][i % 3]);
    let row =
        |i: usize| format!("{},{},\"{}\"\n", if i < 30 { "train" } else { "test" }, ["spam", "ham"][i % 2], text(i));
    let rows: String = (0..40).map(row).collect();
    desk.write("messages.csv", format!("part,class,message\n{rows}"));
    let recipe = desk.recipe(
        "source = \"table\"\nfiles = [\"messages.csv\"]\nlabel = \"class\"\nvalidation = \"none\"\nsplit = { part = \"part\" }\n\
         [data.columns.message]\nkind = \"text\"\n[data.text]\nmax_length = 8\naugment = { drop = 0.1, mask = 0.1 }",
        &format!("{{ type = \"embedding\", input_dim = 100, output_dim = 4 }}, {CLASSIFIER}"),
    );
    let (_, said, mut predictor) = trained(&desk, &recipe);
    let answers: Vec<Vec<f32>> = (30..40).map(|i| predictor.predict_text(&text(i)).unwrap().outputs).collect();
    assert_eq!(answers, said);
}

#[test]
fn pictures() {
    let desk = Desk::new();
    let mut new = Vec::new();
    for i in 0..20u32 {
        let (part, class) = (if i < 14 { "train" } else { "test" }, ["cat", "dog"][i as usize % 2]);
        let file = desk.write(&format!("{part}/{class}/{i:02}.bmp"), bmp(20 + i, 30 - i, 11 * i));
        if part == "test" {
            new.push(file);
        }
    }
    new.sort();
    desk.write("train/cat/broken.bmp", b"BM no picture");
    let recipe = desk.recipe(
        "source = \"images\"\nvalidation = \"none\"\n[data.picture]\nsize = [9, 8]\nresize = \"crop\"\ndenoise = \"median\"\n\
         [data.augment]\nrotation = 20.0\nhorizontal_flip = true",
        CLASSIFIER,
    );
    let (parts, said, mut predictor) = trained(&desk, &recipe);
    assert_eq!((parts.train.len(), parts.test.len(), parts.train.shape()), (14, 6, &[9, 8, 3][..]));
    assert_eq!(parts.quarantine.len(), 1);
    assert!(parts.quarantine[0].text.ends_with("broken.bmp"), "{:?}", parts.quarantine);
    assert_eq!(answers(&mut predictor, &new), said);
    let error = predictor.predict_file(Path::new("nowhere.png")).unwrap_err().to_string();
    assert!(error.contains("nowhere.png"), "{error}");
}

#[test]
fn sounds() {
    let desk = Desk::new();
    let mut new = Vec::new();
    for i in 0..16u32 {
        let part = if i < 12 { "train" } else { "test" };
        let rate = if i % 5 == 4 { 11_025 } else { 8_000 };
        let name = format!("{part}/{}_ann_{i}.wav", ["low", "high"][i as usize % 2]);
        let file = desk.write(&name, wav(rate, 200.0 + 900.0 * (i % 2) as f32 + i as f32));
        if part == "test" {
            new.push(file);
        }
    }
    new.sort();
    let recipe = desk.recipe(
        "source = \"sounds\"\npath_pattern = \"{label}_{speaker}_{index}.wav\"\nvalidation = \"none\"\n\
         [data.sound]\nnum_mel_bins = 12\n[data.sound.augment]\nshift = 0.1\nnoise = 0.1",
        CLASSIFIER,
    );
    let (parts, said, mut predictor) = trained(&desk, &recipe);
    assert_eq!((parts.train.len(), parts.test.len()), (12, 4));
    assert_eq!(answers(&mut predictor, &new), said);
}

#[test]
fn a_quantity_is_told_in_its_own_unit() {
    let desk = Desk::new();
    let rows: String = (0..50).map(|i| format!("{i},{}\n", 1000 + 10 * i)).collect();
    desk.write("prices.csv", format!("size,price\n{rows}"));
    let data = "source = \"table\"\nfiles = [\"prices.csv\"]\nlabel = \"price\"\nlabel_type = \"standard_number\"";
    let mut recipe = desk.recipe(data, r#"{ type = "dense", units = 1 }"#);
    recipe.train.loss = kamado_nn::losses::Loss::MSE;
    let (_, _, mut predictor) = trained(&desk, &recipe);
    let said = predictor.predict_file(&desk.write("new.csv", "size\n25\n")).unwrap();
    assert!((900.0..1600.0).contains(&said[0].1.outputs[0]), "{said:?}");
}

#[test]
fn rare_classes_get_more_training_rows() {
    let desk = Desk::new();
    let rows: String =
        (0..200).map(|i| format!("{}.5,{}\n", i % 50, if i % 10 == 0 { "rare" } else { "usual" })).collect();
    desk.write("rows.csv", format!("size,kind\n{rows}"));
    let recipe = |label_type: &str| {
        let data = format!(
            "[data]\nsource = \"table\"\npath = {:?}\nlabel = \"kind\"\n{label_type}table = {{ smote = {{ ratio = 0.5 }} }}\n",
            desk.0.path().join("rows.csv")
        );
        let model = "[model]\nlayers = [{ type = \"dense\", units = 2, activation = \"softmax\" }]\n";
        let train = "[train]\nloss = \"sparse_categorical_crossentropy\"\n";
        Recipe::parse("mine.toml", &format!("{data}{model}{train}")).unwrap()
    };
    let parts = recipe("").data.load(3).unwrap();
    let count = |data: &kamado_data::Dataset, class| data.classes().unwrap().iter().filter(|&&c| c == class).count();
    let usual = count(&parts.train, 1);
    assert_eq!(count(&parts.train, 0), (usual as f64 / 2.0).round() as usize);
    assert_eq!(parts.train.len(), count(&parts.train, 0) + usual);
    assert_eq!(count(&parts.test, 0), 4);
    assert_eq!(parts.test.len(), 40);
    desk.write("rows.csv", format!("size,kind\n{}", rows.replace("rare", "1").replace("usual", "2")));
    let error = recipe("label_type = \"number\"\n").data.load(3).unwrap_err().to_string();
    assert!(error.contains("the label \"kind\" holds numbers"), "{error}");
}

#[test]
fn blended_labels_need_a_loss_of_shares() {
    let read = |loss: &str| {
        let model = "[model]\nlayers = [{ type = \"dense\", units = 10 }]\n[data]\nsource = \"digits\"\naugment = { mixup = 0.2 }\n";
        Recipe::parse("mine.toml", &format!("{model}[train]\nloss = {loss:?}\n"))
    };
    assert!(read("categorical_crossentropy").unwrap().data.augment_in_loader().is_some());
    let error = read("sparse_categorical_crossentropy").unwrap_err().to_string();
    assert!(error.contains("sparse_categorical_crossentropy takes the index of a class"), "{error}");
    assert!(error.contains("--> mine.toml:5:"), "{error}");
}

#[test]
fn what_contradicts_itself_is_refused_where_it_stands() {
    let refuse = |data: &str| {
        let model = "[model]\nlayers = [{ type = \"dense\", units = 1 }]\n[train]\nloss = \"mse\"\n";
        Recipe::parse("mine.toml", &format!("{model}[data]\n{data}")).unwrap_err().to_string()
    };
    let cases = [
        ("source = \"table\"", "needs `label`"),
        ("source = \"digits\"\nlabel = \"x\"", "data.label has no effect"),
        ("source = \"images\"\nscaling = \"standardize\"", "data.scaling has no effect"),
        ("source = \"sounds\"\naugment = { rotation = 3.0 }", "distorts images"),
        ("source = \"table\"\nlabel = \"x\"\nsplit = { group = \"a\", time = \"b\" }", "several ways"),
        ("source = \"table\"\nlabel = \"x\"\nsplit = { fold = 1 }", "fold of no folds"),
        (
            "source = \"table\"\nlabel = \"x\"\nsplit = { folds = 3 }\ntest_files = [\"a\"]",
            "leave out the other test set",
        ),
        ("source = \"table\"\nlabel = \"x\"\nsequence_length = 3", "sequence_length has no effect"),
        ("source = \"table\"\nlabel = \"x\"\n[data.columns.a]\nencod = \"target\"", "did you mean `encode`?"),
        ("source = \"table\"\nlabel = \"x\"\n[data.columns.a]\nencode = \"one-hot\"", "did you mean \"one_hot\"?"),
        (
            "source = \"table\"\nlabel = \"x\"\n[data.columns.a]\nmissing = { knn = 0 }",
            "data.columns.a.missing.knn cannot be 0",
        ),
        ("source = \"table\"\nlabel = \"x\"\ndelimiter = \";;\"", "2 characters"),
    ];
    for (data, words) in cases {
        let error = refuse(data);
        assert!(error.contains(words), "{words:?} is not in\n{error}");
        assert!(error.contains("--> mine.toml:"), "{error}");
    }
}
