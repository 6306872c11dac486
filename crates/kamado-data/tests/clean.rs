//! Cleaning against pandas, scikit-learn and SciPy (`fixtures/table.py`, `fixtures/clean.py`).

use std::collections::BTreeMap;

use kamado_data::clean::{
    Cleaner, Missing, OutlierAction, OutlierRule, Outliers, Value, duplicates, label_issues, out_of_fold,
};
use kamado_data::frame::{Column, Frame};
use kamado_data::table::{ColumnConfig, Table, TableConfig, TableEncoder};
use serde::de::DeserializeOwned;

fn get<T: DeserializeOwned>(value: &serde_json::Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn table_fixture(topic: &str) -> serde_json::Value {
    let all: serde_json::Value = serde_json::from_str(include_str!("../fixtures/table.json")).unwrap();
    all[topic].clone()
}

fn for_all(column: ColumnConfig) -> TableConfig {
    TableConfig { number: column.clone(), category: column, ..TableConfig::default() }
}

fn numbers(frame: &Frame, name: &str) -> Vec<Option<f64>> {
    frame.column(name).unwrap().numbers().unwrap().iter().collect()
}

fn names(frame: &Frame, name: &str) -> Vec<Option<String>> {
    let texts = frame.column(name).unwrap().texts().unwrap();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

/// Fits, keeps as JSON, reads again.
fn fit(frame: &Frame, config: &TableConfig, label: Option<&str>) -> Cleaner {
    let cleaner = Cleaner::fit(frame, config, label).unwrap();
    let kept = serde_json::from_str(&serde_json::to_string(&cleaner).unwrap()).unwrap();
    assert_eq!(cleaner, kept);
    kept
}

#[test]
fn filling_matches_pandas_and_scikit_learn() {
    let topic = table_fixture("missing");
    let frame = |key: &str| {
        let columns: Vec<Vec<Option<f64>>> = get(&topic[key]);
        let columns = columns.into_iter().enumerate().map(|(i, values)| Column::of_numbers(format!("c{i}"), values));
        Frame::new(columns.collect()).unwrap()
    };
    let ways = [
        ("mean", Missing::Mean),
        ("median", Missing::Median),
        ("mode", Missing::Mode),
        ("forward_fill", Missing::ForwardFill),
        ("knn", Missing::Knn(4)),
    ];
    for (name, missing) in ways {
        let frame = frame(if name == "knn" { "unrounded" } else { "columns" });
        let config = for_all(ColumnConfig { missing: Some(missing), ..ColumnConfig::default() });
        let filled = fit(&frame, &config, None).complete(&frame).unwrap();
        for (i, wanted) in get::<Vec<Vec<f64>>>(&topic["filled"][name]).iter().enumerate() {
            for (row, (found, wanted)) in numbers(&filled, &format!("c{i}")).iter().zip(wanted).enumerate() {
                let found = found.unwrap();
                assert!((found - wanted).abs() < 1e-9, "{name}, column {i}, row {row}: {found} for {wanted}");
            }
        }
    }
}

#[test]
fn categories_are_filled() {
    let job = Column::of_categories("job", [None, Some("b"), Some("a"), None, Some("b")]);
    let age = Column::of_numbers("age", [Some(1.0), Some(9.0), Some(1.1), Some(1.2), Some(9.1)]);
    let frame = Frame::new(vec![job, age]).unwrap();
    let filled = |missing| {
        let config = ColumnConfig { missing: Some(missing), ..ColumnConfig::default() };
        let config = TableConfig { category: config, ..TableConfig::default() };
        let filled = fit(&frame, &config, None).complete(&frame).unwrap();
        names(&filled, "job").into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(filled(Missing::Mode), "b b a b b");
    assert_eq!(filled(Missing::Constant(Value::Text("?".into()))), "? b a ? b");
    assert_eq!(filled(Missing::ForwardFill), "b b a a b");
    assert_eq!(filled(Missing::Knn(1)), "a b a a b");
    assert_eq!(filled(Missing::Category), " b a  b");
}

#[test]
fn outliers_match_scipy() {
    let topic = table_fixture("outliers");
    let values: Vec<f64> = get(&topic["values"]);
    let frame = Frame::new(vec![Column::of_numbers("x", values.iter().copied().map(Some))]).unwrap();
    for (name, outside) in topic["outside"].as_object().unwrap() {
        let rule: OutlierRule = get(&serde_json::Value::String(name.clone()));
        let outside: Vec<bool> = get(outside);
        assert!(outside.iter().any(|&x| x));
        let clean = |action| {
            let outliers = Some(Outliers { rule, limit: None, action });
            fit(&frame, &for_all(ColumnConfig { outliers, ..ColumnConfig::default() }), None).clean(&frame).unwrap()
        };
        let flagged = clean(OutlierAction::Flag);
        let wanted: Vec<Option<f64>> = outside.iter().map(|&x| Some(f64::from(u8::from(x)))).collect();
        assert_eq!(numbers(&flagged.frame, "x outlier"), wanted, "{name}");
        let dropped = clean(OutlierAction::Drop);
        assert_eq!(dropped.rows, (0..values.len()).filter(|&row| !outside[row]).collect::<Vec<_>>());
        assert_eq!(dropped.quarantine.len() + dropped.rows.len(), values.len());
        assert!(dropped.quarantine.iter().all(|bad| bad.reason.contains("an outlier: outside")));
        let clipped = numbers(&clean(OutlierAction::Clip).frame, "x");
        let kept = || dropped.rows.iter().map(|&row| values[row]);
        let (least, most) = (kept().fold(f64::MAX, f64::min), kept().fold(f64::MIN, f64::max));
        for (row, x) in clipped.into_iter().enumerate() {
            let x = x.unwrap();
            assert_eq!(x == values[row], !outside[row], "{name}: row {row}");
            assert!(x <= most.max(values[row]) && x >= least.min(values[row]));
        }
    }
}

#[test]
fn where_nothing_varies_nothing_is_an_outlier() {
    let values = (0..20).map(|i| Some(if i == 7 { 100.0 } else { 0.0 }));
    let frame = Frame::new(vec![Column::of_numbers("x", values)]).unwrap();
    for rule in [OutlierRule::Iqr, OutlierRule::RobustZscore] {
        let outliers = Some(Outliers { rule, limit: None, action: OutlierAction::Drop });
        let config = for_all(ColumnConfig { outliers, ..ColumnConfig::default() });
        assert_eq!(fit(&frame, &config, None).clean(&frame).unwrap().rows.len(), 20);
    }
    let outliers = Some(Outliers { rule: OutlierRule::Zscore, limit: Some(0.0), action: OutlierAction::Drop });
    let config = for_all(ColumnConfig { outliers, ..ColumnConfig::default() });
    assert!(Cleaner::fit(&frame, &config, None).unwrap_err().to_string().contains("not above 0"));
}

#[test]
fn rows_are_put_aside_with_reasons() {
    let x = Column::of_numbers("x", [Some(1.0), None, Some(2.0), Some(1.0), Some(3.0)]);
    let y = Column::of_categories("y", [Some("a"), Some("a"), None, Some("a"), Some("b")]);
    let frame = Frame::new(vec![x, y]).unwrap();
    let places = (2..7).map(|line| (0, line)).collect();
    let frame = frame.with_places(vec!["d.csv".into()], places).unwrap();
    let number = ColumnConfig { missing: Some(Missing::Drop), ..ColumnConfig::default() };
    let config = TableConfig { number, drop_duplicates: true, ..TableConfig::default() };
    let cleaner = fit(&frame, &config, Some("y"));
    let cleaned = cleaner.clean(&frame).unwrap();
    assert_eq!(cleaned.rows, [0, 4]);
    let told: Vec<String> = cleaned.quarantine.iter().map(|bad| format!("{}: {}", bad.place, bad.reason)).collect();
    let wanted = ["d.csv, row 3: \"x\" is missing", "d.csv, row 4: the label \"y\" is missing"];
    assert_eq!(told[..2], wanted);
    assert_eq!(told[2], "d.csv, row 5: equal to d.csv, row 2");
    assert_eq!(cleaned.quarantine[0].text, "x=, y=a");
    let error = cleaner.complete(&frame).unwrap_err().to_string();
    assert!(error.contains("d.csv, row 3, column \"x\"") && error.contains("median"), "{error}");
    let error = cleaner.clean(&frame.take(&[1, 2]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("leaves none of 2 rows"), "{error}");
}

#[test]
fn prediction_never_loses_a_row() {
    let x = Column::of_numbers("x", [Some(1.0), Some(2.0), Some(3.0), None]);
    let train = Frame::new(vec![x]).unwrap();
    let outliers = Some(Outliers { rule: OutlierRule::Zscore, limit: Some(1.0), action: OutlierAction::Drop });
    let column = ColumnConfig { outliers, indicator: Some(true), ..ColumnConfig::default() };
    let columns = BTreeMap::from([("x".to_owned(), column)]);
    let encoder = TableEncoder::fit(&train, &TableConfig { columns, ..TableConfig::default() }, None).unwrap();
    let training = encoder.encode_training(&train, None).unwrap();
    assert_eq!((training.rows, training.quarantine.len()), (vec![1, 3], 2));
    let table = encoder.encode(&train).unwrap();
    assert_eq!(table.names, ["x", "x missing"]);
    assert_eq!(table.data, [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let taken = train.with_column(Column::of_numbers("x missing", [Some(0.0); 4])).unwrap();
    let column = ColumnConfig { indicator: Some(true), ..ColumnConfig::default() };
    let error = Cleaner::fit(&taken, &for_all(column), None).unwrap_err().to_string();
    assert!(error.contains("has a column \"x missing\" already"), "{error}");
}

#[test]
fn equal_rows_are_found() {
    let x = Column::of_numbers("x", [Some(1.0), Some(2.0), None, Some(1.0), None, Some(1.0)]);
    let y = Column::of_texts("y", [Some("a"), Some("a"), None, Some("a"), None, Some("b")]);
    assert_eq!(duplicates(&Frame::new(vec![x, y]).unwrap()), [(3, 0), (4, 2)]);
}

/// The numbers of the label noise fixture as a table.
fn noisy() -> (Table, Vec<i32>, serde_json::Value) {
    let all: serde_json::Value = serde_json::from_str(include_str!("../fixtures/clean.json")).unwrap();
    let topic = all["label_noise"].clone();
    let rows: Vec<Vec<f32>> = get(&topic["x"]);
    let table = Table { rows: rows.len(), width: rows[0].len(), data: rows.concat(), ..Table::default() };
    (table, get(&topic["given"]), topic)
}

#[test]
fn label_issues_match_numpy() {
    let (_, given, topic) = noisy();
    let probabilities: Vec<f32> = get::<Vec<Vec<f32>>>(&topic["probabilities"]).concat();
    let found = label_issues(&probabilities, &given, 3).unwrap();
    let wanted: Vec<(usize, usize, usize, f32)> = get(&topic["issues"]);
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!((found.row, found.given, found.suggested), (wanted.0, wanted.1, wanted.2));
        assert!((found.margin - wanted.3).abs() < 1e-6);
    }
    assert!(label_issues(&probabilities, &given, 2).is_err());
    assert!(label_issues(&probabilities[1..], &given, 3).is_err());
}

#[test]
fn labels_that_were_changed_are_found() {
    let (table, given, _) = noisy();
    // What the sum of the columns says, but for every tenth row.
    let sum = |row: usize| table.row(row).iter().sum::<f32>();
    let mut classes: Vec<i32> = (0..given.len()).map(|row| i32::from(sum(row) > 1.5)).collect();
    let clear: Vec<usize> = (0..given.len()).filter(|&row| (sum(row) - 1.5).abs() > 1.0).step_by(10).collect();
    clear.iter().for_each(|&row| classes[row] = 1 - classes[row]);
    let told = out_of_fold(&table, &classes, 2, 5, 3).unwrap();
    assert_eq!(told, out_of_fold(&table, &classes, 2, 5, 3).unwrap());
    assert!(told.chunks(2).all(|p| (p[0] + p[1] - 1.0).abs() < 1e-5));
    let issues = label_issues(&told, &classes, 2).unwrap();
    assert!(issues.len() * 2 >= clear.len(), "{clear:?} {issues:?}");
    assert!(issues.iter().take(5).all(|issue| clear.contains(&issue.row)), "{clear:?} {issues:?}");
    assert!(out_of_fold(&table, &classes[1..], 2, 5, 3).is_err());
}
