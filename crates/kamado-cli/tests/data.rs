//! `kamado data`

mod common;

use common::Desk;
use serde_json::Value;

/// Sixty rows with a missing number, an outlier, two equal rows, and one that cannot be read.
fn people(desk: &Desk) {
    let mut text = String::from("id,age,job,paid\n");
    for i in 0..60 {
        let (age, job) = (20 + i % 30, ["smith", "baker", "clerk"][i % 3]);
        let age = match i {
            7 => String::new(),
            9 => "9000".to_owned(),
            _ => age.to_string(),
        };
        text += &format!("{},{age},{job},{}\n", if i == 59 { 58 } else { i }, if i % 4 == 0 { "yes" } else { "no" });
    }
    text += "61,33,smith,no,what is this\n";
    desk.write("people.csv", text);
}

#[test]
fn inspect_shows_columns_classes_and_what_was_put_aside() {
    let desk = Desk::new();
    people(&desk);
    let done = desk.kamado(&["data", "inspect", "people.csv", "--label", "paid"]).ok();
    for words in
        ["60 rows, 4 columns", "age     number", "20 to 9000", "no 75.0 %, yes 25.0 %", "values far from the others"]
    {
        assert!(done.out.contains(words), "{words:?} is not in\n{}", done.out);
    }
    assert!(done.err.contains("1 rows put aside, the first: people.csv, row 62"), "{}", done.err);
    let done = desk.kamado(&["data", "inspect", "people.csv", "--json"]).ok();
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&json["summary"]["rows"], &json["summary"]["columns"][1]["missing"]), (&60.into(), &1.into()));
    assert_eq!(json["quarantine"].as_array().map(Vec::len), Some(1));
}

#[test]
fn report_is_one_page_without_scripts() {
    let desk = Desk::new();
    people(&desk);
    desk.kamado(&["data", "report", "people.csv", "--label", "paid"]).ok();
    let page = String::from_utf8(desk.read("report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("paid <em>label</em>"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
}

#[test]
fn clean_fills_clips_and_keeps_the_reasons() {
    let desk = Desk::new();
    people(&desk);
    desk.write("clean.toml", "[number]\nmissing = \"median\"\noutliers = { rule = \"iqr\", action = \"drop\" }\n");
    let done = desk
        .kamado(&["data", "clean", "people.csv", "--config", "clean.toml", "--label", "paid", "--out", "c.csv"])
        .ok();
    assert!(done.out.contains("59 of 61 rows are clean"), "{}", done.out);
    let clean = String::from_utf8(desk.read("c.csv")).unwrap();
    assert!(clean.lines().count() == 60 && !clean.contains("9000") && !clean.contains(",,"), "{clean}");
    let aside = String::from_utf8(desk.read("c.csv.quarantine.jsonl")).unwrap();
    assert!(aside.lines().count() == 2 && aside.contains("row 62"), "{aside}");
    desk.write("bad.toml", "[numbers]\n");
    desk.kamado(&["data", "clean", "people.csv", "--config", "bad.toml", "--out", "d.csv"]).failed(2, &["numbers"]);
}

#[test]
fn split_keeps_proportions_and_tells_of_leaks() {
    let desk = Desk::new();
    people(&desk);
    let done = desk.kamado(&["data", "split", "people.csv", "--label", "paid", "--out", "parts"]).ok();
    assert_eq!(desk.list("parts"), ["test.csv", "train.csv", "validation.csv"]);
    assert!(done.out.contains("12 rows in parts/test.csv"), "{}", done.out);
    let test = String::from_utf8(desk.read("parts/test.csv")).unwrap();
    assert_eq!(test.lines().filter(|line| line.ends_with("yes")).count(), 3, "{test}");
    let done = desk.kamado(&["data", "split", "people.csv", "--group", "job", "--validation", "0", "--out", "groups"]);
    let test =
        String::from_utf8(done.ok().out.into()).and_then(|_| String::from_utf8(desk.read("groups/test.csv"))).unwrap();
    let jobs: std::collections::HashSet<&str> =
        test.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
    assert_eq!(jobs.len(), 1, "{test}");
    desk.kamado(&["data", "split", "people.csv", "--label", "payd", "--out", "x"])
        .failed(1, &["Did you mean \"paid\"?"]);
}

#[test]
fn split_finds_pictures_that_are_nearly_the_same() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("photos/all")).unwrap();
    // Waves of many directions, unlike each other; picture 0 twelve times, each a little lighter.
    for i in 0..24u32 {
        let (fx, fy, light) = if i < 12 { (3, 2, i) } else { (1 + i % 5, 1 + i % 7, 0) };
        let wave = |x: u32, y: u32| (100.0 + 90.0 * (0.07 * f64::from(fx * x + fy * y)).sin()) as u8 + light as u8;
        let picture = image::GrayImage::from_fn(64, 48, |x, y| image::Luma([wave(x, y)]));
        picture.save(desk.path(&format!("photos/all/{i:02}.png"))).unwrap();
    }
    let done = desk.kamado(&["data", "split", "photos", "--test", "0.5", "--validation", "0", "--out", "parts"]).ok();
    assert!(done.out.contains("pictures are nearly the same in different parts"), "{}", done.out);
}

#[test]
fn convert_and_read_again() {
    let desk = Desk::new();
    people(&desk);
    let done = desk.kamado(&["data", "convert", "people.csv", "--out", "shards", "--rows-per-shard", "25"]).ok();
    assert!(done.out.contains("60 rows written to shards in 3 files"), "{}", done.out);
    let again = desk.kamado(&["data", "inspect", "shards"]).ok();
    assert!(again.out.contains("60 rows, 4 columns"), "{}", again.out);
}

#[test]
fn preview_draws_pictures_and_their_distortions() {
    let desk = Desk::new();
    for (class, light) in [("dark", 10), ("light", 240)] {
        std::fs::create_dir_all(desk.path(&format!("photos/{class}"))).unwrap();
        image::GrayImage::from_pixel(12, 8, image::Luma([light]))
            .save(desk.path(&format!("photos/{class}/a.png")))
            .unwrap();
    }
    desk.kamado(&["data", "preview", "photos", "--out", "sheet.png"]).ok();
    let plain = image::load_from_memory(&desk.read("sheet.png")).unwrap();
    desk.kamado(&["data", "preview", "photos", "--augment", "cifar10", "--out", "sheet.png"]).ok();
    let distorted = image::load_from_memory(&desk.read("sheet.png")).unwrap();
    assert!(distorted.width() > 3 * plain.width(), "{} {}", distorted.width(), plain.width());
    desk.kamado(&["data", "preview", "photos", "--augment", "digits"]).failed(2, &["has no [data.augment]"]);
}

#[test]
fn what_is_not_there_or_not_a_table_is_told() {
    let desk = Desk::new();
    desk.write("empty.csv", "");
    desk.write("head.csv", "a,b\n");
    desk.kamado(&["data", "inspect", "none.csv"]).failed(1, &["none.csv"]);
    desk.kamado(&["data", "inspect", "empty.csv"]).failed(1, &["empty.csv"]);
    desk.kamado(&["data", "inspect", "head.csv"]).failed(1, &["head.csv"]);
    desk.kamado(&["data", "inspect", "head.csv", "--kind", "a=colour"]).failed(2, &["COLUMN=KIND"]);
}
