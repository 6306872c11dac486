//! Encoding of tables against scikit-learn, NumPy, SciPy and pandas (`fixtures/table.py`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::TimestampMillisecondArray;
use kamado_data::frame::{Column, Frame, Kind};
use kamado_data::table::{
    ColumnConfig, Encode, LabelEncoder, Scale, Smote, Table, TableConfig, TableEncoder, TableNoise,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn fixture(topic: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../fixtures/table.json")).unwrap();
    all[topic].clone()
}

fn get<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(name: &str, values: &Value) -> Frame {
    Frame::new(vec![Column::of_numbers(name, get::<Vec<Option<f64>>>(values))]).unwrap()
}

fn names(values: &Value) -> Column {
    let names: Vec<String> = get(values);
    Column::of_categories("x", names.iter().map(|name| Some(name.as_str())))
}

fn config(column: ColumnConfig) -> TableConfig {
    TableConfig { columns: BTreeMap::from([("x".to_owned(), column)]), ..TableConfig::default() }
}

/// Encodes `test` by what was fitted on `train`, after a round trip through JSON.
fn encode(train: &Frame, test: &Frame, config: &TableConfig, label: Option<(&str, &LabelEncoder)>) -> Table {
    let encoder = TableEncoder::fit(train, config, label).unwrap();
    let kept: TableEncoder = serde_json::from_str(&serde_json::to_string(&encoder).unwrap()).unwrap();
    assert_eq!(encoder, kept);
    let table = kept.encode(test).unwrap();
    assert_eq!(table, encoder.encode(test).unwrap());
    table
}

fn close(found: &[f32], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((f64::from(*found) - wanted).abs() <= 2e-7 * wanted.abs().max(0.1), "{what}: {found} for {wanted}");
    }
}

#[test]
fn scales_match_scikit_learn() {
    let topic = fixture("scales");
    let (train, test) = (numbers("x", &topic["train"]), numbers("x", &topic["test"]));
    for (name, wanted) in topic["scaled"].as_object().unwrap() {
        let scale: Scale = get(&Value::String(name.clone()));
        let config = config(ColumnConfig { scale: Some(scale), ..ColumnConfig::default() });
        close(&encode(&train, &test, &config, None).data, &get::<Vec<f64>>(wanted), name);
    }
    let topic = fixture("many_quantiles");
    let config = config(ColumnConfig { scale: Some(Scale::QuantileNormal), ..ColumnConfig::default() });
    let found = encode(&numbers("x", &topic["train"]), &numbers("x", &topic["test"]), &config, None);
    close(&found.data, &get::<Vec<f64>>(&topic["scaled"]), "many quantiles");
}

#[test]
fn categories_match_scikit_learn() {
    let topic = fixture("categories");
    let train = Frame::new(vec![names(&topic["train"])]).unwrap();
    let test = Frame::new(vec![names(&topic["test"])]).unwrap();
    let with = |encode| config(ColumnConfig { encode: Some(encode), ..ColumnConfig::default() });
    let known: Vec<String> = get(&topic["names"]);

    let table = encode(&train, &test, &with(Encode::OneHot), None);
    assert_eq!(table.names[0], "x = (other)");
    assert!(table.names[1..].iter().zip(&known).all(|(title, name)| *title == format!("x = {name}")));
    for (row, wanted) in get::<Vec<Vec<f64>>>(&topic["one_hot"]).iter().enumerate() {
        let unseen = wanted.iter().all(|&x| x == 0.0);
        close(&table.row(row)[1..], wanted, "one-hot");
        assert_eq!(table.row(row)[0], f32::from(u8::from(unseen)));
    }
    let ordinal: Vec<f64> = get(&topic["ordinal"]);
    close(&encode(&train, &test, &with(Encode::Ordinal), None).data, &ordinal, "ordinal");
    let hashing: Vec<Vec<f64>> = get(&topic["hashing"]);
    close(&encode(&train, &test, &with(Encode::Hashing(8)), None).data, &hashing.concat(), "hashing");
    let table = encode(&train, &test, &with(Encode::Embedding), None);
    assert_eq!((table.width, &table.index_names, &table.cardinalities), (0, &vec!["x".to_owned()], &vec![6]));
    let indices: Vec<f64> = table.indices.iter().map(|&index| f64::from(index) - 1.0).collect();
    assert_eq!(indices, ordinal);
}

#[test]
fn target_means_match_scikit_learn() {
    let topic = fixture("categories");
    let test = Frame::new(vec![names(&topic["test"])]).unwrap();
    let cases = [("two", "target_two_auto", None), ("three", "target_three_auto", None)];
    for (label, wanted, smoothing) in cases.into_iter().chain([("real", "target_real_10", Some(10.0))]) {
        let y = Column::of_numbers("y", get::<Vec<f64>>(&topic[label]).into_iter().map(Some));
        let train = Frame::new(vec![names(&topic["train"]), y]).unwrap();
        let labels = match smoothing {
            None => LabelEncoder::fit_classes(&train, "y", BTreeMap::new()).unwrap(),
            Some(_) => LabelEncoder::fit_numbers(&train, "y", false).unwrap(),
        };
        let column = ColumnConfig { encode: Some(Encode::Target), smoothing, ..ColumnConfig::default() };
        let table = encode(&train, &test, &config(column), Some(("y", &labels)));
        close(&table.data, &get::<Vec<Vec<f64>>>(&topic[wanted]).concat(), wanted);
    }
}

#[test]
fn date_parts_match_pandas() {
    let topic = fixture("dates");
    let moments: TimestampMillisecondArray = get::<Vec<Option<i64>>>(&topic["ms"]).into_iter().collect();
    let frame = Frame::new(vec![Column::new("x", Kind::Date, Arc::new(moments)).unwrap()]).unwrap();
    let encode_part = |part: &str| {
        let parts = Some(vec![get(&Value::String(part.to_owned()))]);
        let scale = Some(Scale::None);
        encode(&frame, &frame, &config(ColumnConfig { parts, scale, ..ColumnConfig::default() }), None)
    };
    for (part, wanted) in topic["parts"].as_object().unwrap() {
        close(&encode_part(part).data, &get::<Vec<f64>>(wanted), part);
    }
    for (part, wanted) in topic["cycles"].as_object().unwrap() {
        let table = encode_part(part);
        for (i, wanted) in get::<Vec<Vec<f64>>>(wanted).iter().enumerate() {
            let found: Vec<f32> = (0..table.rows).map(|row| table.row(row)[i]).collect();
            close(&found, wanted, part);
        }
    }
}

#[test]
fn training_rows_get_target_means_of_other_rows() {
    // Row by row another category: a mean that saw the row's own label would tell it.
    let ids: Vec<String> = (0..50).map(|i| format!("id {i}")).collect();
    let ids = Column::of_categories("x", ids.iter().map(|id| Some(id.as_str())));
    let y = Column::of_numbers("y", (0..50).map(|i| Some(f64::from(i % 2))));
    let train = Frame::new(vec![ids, y]).unwrap();
    let labels = LabelEncoder::fit_numbers(&train, "y", false).unwrap();
    let column = ColumnConfig { encode: Some(Encode::Target), smoothing: Some(0.0), ..ColumnConfig::default() };
    let encoder = TableEncoder::fit(&train, &config(column), Some(("y", &labels))).unwrap();
    let own = encoder.encode(&train).unwrap();
    assert!((0..50).all(|row| own.row(row)[0] == (row % 2) as f32));
    let out_of_fold = encoder.encode_training(&train, Some(("y", &labels))).unwrap().table;
    assert!((0..50).all(|row| (0.3..0.7).contains(&out_of_fold.row(row)[0])), "{:?}", out_of_fold.data);
    let again = encoder.encode_training(&train, Some(("y", &labels))).unwrap().table;
    assert_eq!(out_of_fold, again);
}

#[test]
fn blocks_and_rows_agree() {
    let age = Column::of_numbers("x", (0..3000).map(|i| Some(f64::from(i * i % 97))));
    let job: Vec<String> = (0..3000).map(|i| format!("job {}", i * 7 % 13)).collect();
    let job = Column::of_categories("job", job.iter().map(|job| Some(job.as_str())));
    let frame = Frame::new(vec![age, job]).unwrap();
    let encoder = TableEncoder::fit(&frame, &TableConfig::default(), None).unwrap();
    let all = encoder.encode(&frame).unwrap();
    assert_eq!((all.rows, all.width), (3000, 15));
    for row in [0, 1023, 1024, 2999] {
        assert_eq!(encoder.encode(&frame.take(&[row]).unwrap()).unwrap().row(0), all.row(row));
    }
    assert_eq!(encoder.encode(&frame.take(&[]).unwrap()).unwrap().rows, 0);
}

#[test]
fn a_file_of_few_rows_is_read_as_in_training() {
    let x = Column::of_numbers("x", [Some(1.0), Some(3.0)]);
    let code = Column::of_categories("code", [Some("7"), Some("8")]);
    let encoder = TableEncoder::fit(&Frame::new(vec![x, code]).unwrap(), &TableConfig::default(), None).unwrap();
    let x = Column::of_categories("x", [Some(" 3.0")]);
    let code = Column::of_numbers("code", [Some(8.0)]);
    let table = encoder.encode(&Frame::new(vec![code, x]).unwrap()).unwrap();
    assert_eq!(table.data, [1.0, 0.0, 0.0, 1.0]);
    let bad = Column::of_categories("x", [Some("three")]);
    let code = Column::of_numbers("code", [Some(8.0)]);
    let frame = Frame::new(vec![bad, code]).unwrap().with_places(vec!["a.csv".into()], vec![(0, 9)]).unwrap();
    let error = encoder.encode(&frame).unwrap_err().to_string();
    assert!(error.contains("a.csv, row 9, column \"x\"") && error.contains("\"three\""), "{error}");
}

#[test]
fn rare_and_listed_categories() {
    let train = Frame::new(vec![Column::of_categories("x", [Some("low"), Some("high"), Some("low"), None])]).unwrap();
    let column = ColumnConfig { min_count: Some(2), ..ColumnConfig::default() };
    let table = encode(&train, &train, &config(column), None);
    assert_eq!(table.names, ["x = (other)", "x = low"]);
    assert_eq!(table.data, [0., 1., 1., 0., 0., 1., 1., 0.]);
    let categories = Some(["low", "middle", "high"].map(str::to_owned).to_vec());
    let column = ColumnConfig { categories, encode: Some(Encode::Ordinal), ..ColumnConfig::default() };
    assert_eq!(encode(&train, &train, &config(column), None).data, [0.0, 2.0, 0.0, 3.0]);
}

#[test]
fn wrong_settings_are_refused() {
    let x = Column::of_numbers("x", [Some(1.0), None]);
    let train = Frame::new(vec![x, Column::of_categories("job", [Some("a"), Some("b")])]).unwrap();
    let refusal = |name: &str, text: &str| {
        let column: ColumnConfig = serde_json::from_str(text).unwrap();
        let config = TableConfig { columns: BTreeMap::from([(name.to_owned(), column)]), ..TableConfig::default() };
        TableEncoder::fit(&train, &config, None).unwrap_err().to_string()
    };
    assert!(refusal("y", "{}").contains("no column \"y\""));
    assert!(refusal("x", r#"{"encode": "one_hot"}"#).contains("\"encode\" has no meaning for a number column"));
    assert!(refusal("job", r#"{"scale": "standard"}"#).contains("\"scale\" has no meaning"));
    assert!(refusal("job", r#"{"missing": "mean"}"#).contains("categories cannot be filled"));
    assert!(refusal("x", r#"{"missing": {"constant": "a"}}"#).contains("numbers or dates cannot be filled"));
    assert!(refusal("x", r#"{"missing": {"knn": 0}}"#).contains("cannot be filled"));
    assert!(refusal("job", r#"{"encode": "target"}"#).contains("needs a label"));
    assert!(refusal("job", r#"{"encode": {"hashing": 0}}"#).contains("cannot hash into 0"));
    assert!(refusal("job", r#"{"categories": ["a", "a"]}"#).contains("listed twice"));
    let huge = Frame::new(vec![Column::of_numbers("x", [Some(1e300), Some(-1e300)])]).unwrap();
    let error = TableEncoder::fit(&huge, &TableConfig::default(), None).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
    let empty = Frame::new(vec![Column::of_numbers("x", [None, None])]).unwrap();
    let error = TableEncoder::fit(&empty, &TableConfig::default(), None).unwrap_err().to_string();
    assert!(error.contains("no training row has a value"), "{error}");
    let text = Frame::new(vec![Column::of_texts("x", [Some("a")])]).unwrap();
    let error = TableEncoder::fit(&text, &TableConfig::default(), None).unwrap_err().to_string();
    assert!(error.contains("no column of numbers"), "{error}");
    assert!(serde_json::from_str::<ColumnConfig>(r#"{"scaling": "standard"}"#).is_err());
}

#[test]
fn labels() {
    let y = Column::of_categories("y", [Some("10"), Some("9"), Some("9."), Some("10")]);
    let train = Frame::new(vec![y]).unwrap();
    let aliases = BTreeMap::from([("9.".to_owned(), "9".to_owned())]);
    let labels = LabelEncoder::fit_classes(&train, "y", aliases).unwrap();
    assert_eq!(labels.names(), ["9", "10"]);
    assert_eq!(labels.classes(&train, "y").unwrap(), [1, 0, 0, 1]);
    let numbers = Frame::new(vec![Column::of_numbers("y", [Some(10.0)])]).unwrap();
    assert_eq!(labels.classes(&numbers, "y").unwrap(), [1]);
    let other = Frame::new(vec![Column::of_categories("y", [Some("9"), Some("11")])]).unwrap();
    let error = labels.classes(&other, "y").unwrap_err().to_string();
    assert!(error.contains("row 2") && error.contains("\"11\""), "{error}");
    let one = Frame::new(vec![Column::of_categories("y", [Some("a"), Some("a")])]).unwrap();
    let error = LabelEncoder::fit_classes(&one, "y", BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("only \"a\""), "{error}");

    let real = Frame::new(vec![Column::of_numbers("y", [Some(1.0), Some(3.0), None])]).unwrap();
    let labels = LabelEncoder::fit_numbers(&real, "y", true).unwrap();
    assert_eq!(labels.numbers(&real.take(&[0, 1]).unwrap(), "y").unwrap(), [-1.0, 1.0]);
    assert_eq!(labels.number(1.0), 3.0);
    assert!(labels.numbers(&real, "y").unwrap_err().to_string().contains("row 3"));
    assert!(labels.classes(&real, "y").is_err());
}

/// 30 rows: a line of class 0, and six rows of class 1 on another; then a flag.
fn unbalanced() -> (Table, Vec<i32>) {
    let data = (0..30).flat_map(|i| if i < 24 { [i as f32, 0.0, 0.0] } else { [i as f32, 10.0, (i % 2) as f32] });
    let table = Table {
        rows: 30,
        width: 3,
        continuous: vec![true, true, false],
        data: data.collect(),
        index_names: vec!["job".into()],
        cardinalities: vec![30],
        indices: (0..30).collect(),
        ..Table::default()
    };
    (table, (0..30).map(|i| i32::from(i >= 24)).collect())
}

#[test]
fn rare_classes_grow_between_their_neighbours() {
    let (table, classes) = unbalanced();
    let smote = Smote { neighbours: 2, ratio: 0.5 };
    let (grown, grown_classes) = smote.apply(&table, &classes, 5).unwrap();
    assert_eq!((grown.rows, &grown.data[..90], &grown_classes[30..]), (36, &table.data[..], &[1; 6][..]));
    let mut between = 0;
    for row in 30..36 {
        let &[x, y, flag] = grown.row(row) else { panic!("three numbers") };
        assert!(y == 10.0 && (24.0..=29.0).contains(&x), "{x} {y}");
        // The flag and the index are those of the nearer end; ends are two rows apart at most.
        let end = grown.index_row(row)[0];
        assert!((x - end as f32).abs() <= 1.0 && flag == (end % 2) as f32, "{x} {flag} {end}");
        between += usize::from(x.fract() != 0.0);
    }
    assert!(between >= 4);
    assert_eq!(smote.apply(&table, &classes, 5).unwrap(), (grown.clone(), grown_classes));
    assert_ne!(smote.apply(&table, &classes, 6).unwrap().0, grown);
    let (lone, _) = Smote::default().apply(&table, &[vec![0; 29], vec![1]].concat(), 1).unwrap();
    assert!((30..58).all(|row| lone.row(row) == table.row(29)));
    assert!(Smote { neighbours: 0, ratio: 1.0 }.apply(&table, &classes, 1).is_err());
    assert!(Smote { neighbours: 1, ratio: f64::NAN }.apply(&table, &classes, 1).is_err());
    assert!(smote.apply(&table, &classes[1..], 1).is_err());
}

#[test]
fn noise_is_for_quantities() {
    let mut rng = kamado_graph::rng::Rng::new(1, 2);
    let mut added = Vec::new();
    for _ in 0..2000 {
        let mut row = [3.0, 1.0];
        TableNoise { std: 0.5 }.apply(&[true, false], &mut row, &mut rng);
        assert_eq!(row[1], 1.0);
        added.push(f64::from(row[0]) - 3.0);
    }
    let mean = added.iter().sum::<f64>() / 2000.0;
    let deviation = (added.iter().map(|x| x * x).sum::<f64>() / 2000.0).sqrt();
    assert!(mean.abs() < 0.05 && (deviation - 0.5).abs() < 0.03, "{mean} {deviation}");
}

#[test]
fn a_damaged_encoder_is_refused_or_works_but_never_panics() {
    let x = Column::of_numbers("x", (0..40).map(|i| (i % 7 != 0).then_some(f64::from(i))));
    let names = ["a", "b", "c", "d", "e"];
    let category = |name: &str| Column::of_categories(name, (0..40).map(|i| Some(names[i * i % 5])));
    let y = Column::of_numbers("y", (0..40).map(|i| Some(f64::from(i % 3))));
    let ways = ["one", "ordinal", "hashed", "embedded", "target"];
    let columns = [x, y].into_iter().chain(ways.iter().map(|way| category(way)));
    let train = Frame::new(columns.collect()).unwrap();
    let text = r#"{"number": {"missing": {"knn": 3}, "indicator": true, "scale": "quantile_normal",
        "outliers": {"rule": "iqr"}}, "columns": {"ordinal": {"encode": "ordinal", "scale": "min_max"},
        "hashed": {"encode": {"hashing": 4}}, "embedded": {"encode": "embedding"}, "target": {"encode": "target"}}}"#;
    let config: TableConfig = serde_json::from_str(text).unwrap();
    let labels = LabelEncoder::fit_classes(&train, "y", BTreeMap::new()).unwrap();
    let encoder = TableEncoder::fit(&train, &config, Some(("y", &labels))).unwrap();
    let kept = serde_json::to_string(&encoder).unwrap();
    let mut rng = kamado_graph::rng::Rng::new(9, 0);
    let mut read = 0;
    for _ in 0..4000 {
        let mut bytes = kept.clone().into_bytes();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[at] = b"0123456789-,.e[]"[rng.below(16) as usize],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b'9'),
            }
        }
        if let Ok(damaged) = serde_json::from_slice::<TableEncoder>(&bytes) {
            read += 1;
            let _ = damaged.encode(&train);
            let _ = damaged.encode_training(&train, Some(("y", &labels)));
        }
    }
    assert!(read > 200, "only {read} could be read");
}
