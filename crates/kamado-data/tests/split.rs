//! Splits: complete, disjoint, proportional, reproducible.

use kamado_data::frame::{Column, Frame};
use kamado_data::split::{
    Fold, Leak, LeakCheck, grouped_k_fold, grouped_split, groups, k_fold, leaks, moments, stratified_k_fold,
    time_k_fold, time_split,
};
use kamado_data::{Part, random_split, stratified_split};

/// Every example at most once; answers the sizes.
fn sizes(len: usize, parts: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; len];
    for &example in parts.iter().flatten() {
        assert!(!std::mem::replace(&mut seen[example], true), "example {example} twice");
    }
    assert!(parts.iter().all(|part| part.is_sorted()));
    parts.iter().map(Vec::len).collect()
}

#[test]
fn random_splits_have_the_wanted_sizes() {
    let split = |parts: &[Part]| sizes(10, &random_split(10, parts, 1).unwrap());
    assert_eq!(split(&[Part::Fraction(0.7), Part::Fraction(0.3)]), [7, 3]);
    assert_eq!(split(&[Part::Fraction(0.55), Part::Fraction(0.25), Part::Fraction(0.2)]), [6, 2, 2]);
    assert_eq!(split(&[Part::Rest, Part::Count(3), Part::Fraction(0.2)]), [5, 3, 2]);
    assert_eq!(split(&[Part::Count(4)]), [4]);
}

#[test]
fn the_seed_and_nothing_else_decides() {
    let labels: Vec<i32> = (0..100).map(|i| i % 3).collect();
    let parts = [Part::Fraction(0.8), Part::Rest];
    assert_eq!(random_split(100, &parts, 5).unwrap(), random_split(100, &parts, 5).unwrap());
    assert_ne!(random_split(100, &parts, 5).unwrap(), random_split(100, &parts, 6).unwrap());
    assert_eq!(stratified_split(&labels, &parts, 5).unwrap(), stratified_split(&labels, &parts, 5).unwrap());
    assert_ne!(stratified_split(&labels, &parts, 5).unwrap(), stratified_split(&labels, &parts, 6).unwrap());
}

#[test]
fn stratified_counts_are_within_one_of_their_quota() {
    let counts = [178, 182, 177, 183, 13, 50, 1000];
    let labels: Vec<i32> = (0..counts.len()).flat_map(|class| vec![class as i32; counts[class]]).collect();
    let parts = [Part::Fraction(0.7), Part::Fraction(0.15), Part::Fraction(0.15)];
    let split = stratified_split(&labels, &parts, 3).unwrap();
    assert_eq!(sizes(labels.len(), &split), [1248, 268, 267]);
    for (part, share) in split.iter().zip([1248.0, 268.0, 267.0]) {
        for (class, &count) in counts.iter().enumerate() {
            let found = part.iter().filter(|&&example| labels[example] == class as i32).count() as f64;
            let quota = count as f64 * share / labels.len() as f64;
            assert!((found - quota).abs() <= 1.0, "class {class}: {found} for {quota}");
        }
    }
}

#[test]
fn rare_classes_are_in_every_part_if_they_can_be() {
    let mut labels = vec![0; 95];
    labels.extend([7; 3]);
    labels.extend([9; 2]);
    let split = stratified_split(&labels, &[Part::Fraction(0.9), Part::Count(5), Part::Count(5)], 1).unwrap();
    assert_eq!(sizes(100, &split), [90, 5, 5]);
    assert!(split.iter().all(|part| part.iter().any(|&example| labels[example] == 7)), "{split:?}");
}

#[test]
fn impossible_splits_are_refused() {
    let refusal = |parts: &[Part]| random_split(10, parts, 1).unwrap_err().to_string();
    assert!(refusal(&[Part::Count(11)]).contains("more than there is"));
    assert!(refusal(&[Part::Count(usize::MAX), Part::Count(2)]).contains("more than there is"));
    assert!(refusal(&[Part::Fraction(0.7), Part::Fraction(0.4)]).contains("add up to 1.1"));
    assert!(refusal(&[Part::Fraction(0.01), Part::Rest]).contains("part 1 would be empty"));
    assert!(refusal(&[Part::Count(10), Part::Rest]).contains("part 2 would be empty"));
    assert!(refusal(&[Part::Rest, Part::Rest]).contains("both be the rest"));
    for fraction in [0.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(refusal(&[Part::Fraction(fraction)]).contains("above 0"));
    }
    assert!(stratified_split(&[0, -1], &[Part::Rest], 1).unwrap_err().to_string().contains("a label -1"));
    assert!(stratified_split(&[], &[Part::Rest], 1).is_err());
}

#[test]
fn groups_stay_together() {
    let groups: Vec<usize> = (0..200).map(|i| i * i % 23).collect();
    let parts = [Part::Fraction(0.7), Part::Fraction(0.15), Part::Rest];
    let split = grouped_split(&groups, &parts, 4).unwrap();
    let found = sizes(200, &split);
    assert!(found.iter().sum::<usize>() == 200 && (130..150).contains(&found[0]), "{found:?}");
    for group in 0..23 {
        let holds = |part: &&Vec<usize>| part.iter().any(|&example| groups[example] == group);
        assert!(split.iter().filter(holds).count() <= 1, "group {group}");
    }
    assert_eq!(split, grouped_split(&groups, &parts, 4).unwrap());
    assert_ne!(split, grouped_split(&groups, &parts, 5).unwrap());
    let error = grouped_split(&[0, 0, 0, 1], &[Part::Count(2), Part::Count(1), Part::Rest], 1).unwrap_err();
    assert!(error.to_string().contains("only 2 groups"), "{error}");
}

#[test]
fn the_future_is_tested() {
    let moments = [5.0, 1.0, 3.0, 3.0, 2.0, 4.0];
    let split = time_split(&moments, &[Part::Count(3), Part::Rest]).unwrap();
    assert_eq!(split, [vec![1, 2, 3, 4], vec![0, 5]]);
    assert!(time_split(&[1.0; 4], &[Part::Count(3), Part::Rest]).unwrap_err().to_string().contains("same moment"));
    assert!(time_split(&[1.0, f64::NAN], &[Part::Rest]).unwrap_err().to_string().contains("example 1 has no time"));
}

#[test]
fn folds_test_everything_once() {
    let labels: Vec<i32> = (0..53).map(|i| i32::from(i % 5 == 0)).collect();
    let owners: Vec<usize> = (0..53).map(|i| i / 4).collect();
    let all =
        [k_fold(53, 5, 1).unwrap(), stratified_k_fold(&labels, 5, 1).unwrap(), grouped_k_fold(&owners, 5, 1).unwrap()];
    for (way, folds) in all.iter().enumerate() {
        let tests: Vec<Vec<usize>> = folds.iter().map(|fold| fold.test.clone()).collect();
        assert!(sizes(53, &tests).iter().sum::<usize>() == 53 && folds.len() == 5);
        for Fold { train, test } in folds {
            assert_eq!(train.len() + test.len(), 53);
            assert!(train.is_sorted() && test.iter().all(|example| train.binary_search(example).is_err()));
            let positive = test.iter().filter(|&&example| labels[example] == 1).count();
            assert!(way != 1 || (2..=3).contains(&positive), "{positive}");
            let owned = |example: &usize| train.iter().any(|other| owners[*other] == owners[*example]);
            assert!(way != 2 || !test.iter().any(owned));
        }
    }
    assert!(k_fold(3, 1, 1).is_err() && k_fold(3, 4, 1).is_err() && grouped_k_fold(&[0, 0, 0], 2, 1).is_err());
}

#[test]
fn time_folds_match_scikit_learn() {
    let all: serde_json::Value = serde_json::from_str(include_str!("../fixtures/clean.json")).unwrap();
    let wanted: Vec<[Vec<usize>; 2]> = serde_json::from_value(all["time_folds"].clone()).unwrap();
    let moments: Vec<f64> = (0..23).map(f64::from).collect();
    let found = time_k_fold(&moments, 4).unwrap();
    assert_eq!(found.into_iter().map(|fold| [fold.train, fold.test]).collect::<Vec<_>>(), wanted);
    assert!(time_k_fold(&moments, 23).is_err());
}

/// Sixty rows: an id, a group, an honest number, a copy of the label, and the label.
fn leaky() -> Frame {
    let label = |i: usize| (i * 7).is_multiple_of(3);
    let text =
        |values: Vec<String>, name: &str| Column::of_categories(name, values.iter().map(|value| Some(value.as_str())));
    let columns = vec![
        Column::of_numbers("id", (0..60).map(|i| Some(1000.0 + i as f64))),
        text((0..60).map(|i| format!("p{}", i / 2)).collect(), "patient"),
        Column::of_numbers("age", (0..60).map(|i| Some((i * i % 31) as f64))),
        Column::of_numbers("dose", (0..60).map(|i| Some(if label(i) { 5.0 + i as f64 } else { -(i as f64) }))),
        text((0..60).map(|i| if label(i) { "ill" } else { "well" }.to_owned()).collect(), "state"),
    ];
    Frame::new(columns).unwrap()
}

#[test]
fn leaks_are_found() {
    let frame = leaky();
    let parts = [(0..31).collect::<Vec<_>>(), (31..60).collect()];
    let check = LeakCheck { label: Some("state"), group: Some("patient"), near: &[(0, 1), (2, 40)] };
    let found = leaks(&frame, &parts, &check).unwrap();
    let told: Vec<String> = found.iter().map(|leak| leak.describe(&frame, &["train", "test"])).collect();
    assert_eq!(found.len(), 4, "{told:?}");
    assert!(told[0].contains("groups of \"patient\" are in several parts, 1 times: row 31 (train) and row 32 (test)"));
    assert!(told[1].contains("1 pictures are nearly the same") && told[1].contains("row 3 (train) and row 41 (test)"));
    assert!(matches!(&found[2], Leak::Identifier { column } if column == "id"), "{told:?}");
    assert!(matches!(&found[3], Leak::TargetCopy { column, share } if column == "dose" && *share == 1.0), "{told:?}");
    let clean = frame.without("id").unwrap().without("dose").unwrap();
    assert_eq!(leaks(&clean, &[(0..60).collect()], &check).unwrap(), []);
    assert!(leaks(&clean, &parts, &LeakCheck { label: Some("stat"), ..check }).is_err());
}

#[test]
fn equal_rows_in_two_parts_are_found_whatever_their_label() {
    let x = Column::of_numbers("x", [1.0, 2.0, 1.0, 3.0].map(Some));
    let y = Column::of_categories("y", ["a", "b", "b", "a"].map(Some));
    let frame = Frame::new(vec![x, y]).unwrap();
    let check = LeakCheck { label: Some("y"), ..LeakCheck::default() };
    let found = leaks(&frame, &[vec![0, 1], vec![2, 3]], &check).unwrap();
    let [Leak::SameRows(rows)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((rows[0].first, rows[0].second, rows.len()), ((0, 0), (1, 2), 1));
    assert_eq!(leaks(&frame, &[vec![0, 2], vec![1, 3]], &check).unwrap(), []);
}

#[test]
fn numbers_that_tell_a_number_are_found() {
    let mut rng = kamado_graph::rng::Rng::new(3, 0);
    let known: Vec<f64> = (0..400).map(|_| rng.uniform() * 3.0).collect();
    let x = Column::of_numbers("x", known.iter().copied().map(Some));
    let z = Column::of_numbers("z", known.iter().map(|x| Some(x + 0.3 * rng.normal())));
    let y = Column::of_numbers("y", known.iter().map(|x| Some(x.exp())));
    let frame = Frame::new(vec![x, z, y]).unwrap();
    let found = leaks(&frame, &[], &LeakCheck { label: Some("y"), ..LeakCheck::default() }).unwrap();
    assert!(matches!(&found[..], [Leak::TargetCopy { column, .. }] if column == "x"), "{found:?}");
}

#[test]
fn groups_and_moments_of_columns() {
    let x = Column::of_numbers("x", [Some(0.0), None, Some(-0.0), None, Some(2.0)]);
    let frame = Frame::new(vec![x]).unwrap();
    assert_eq!(groups(&frame, "x").unwrap(), [0, 1, 0, 2, 3]);
    assert!(moments(&frame, "x").unwrap_err().to_string().contains("row 2, column \"x\""));
    assert_eq!(moments(&frame.take(&[4, 0]).unwrap(), "x").unwrap(), [2.0, 0.0]);
}
