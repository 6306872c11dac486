//! Splits: complete, disjoint, proportional, reproducible.

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
