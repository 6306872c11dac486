//! `kamado data split PATH…`

use kamado_data::frame::{Frame, Kind};
use kamado_data::media::Media;
use kamado_data::split::{
    LeakCheck, Part, grouped_split, groups, leaks, moments, near_pictures, random_split, stratified_split, time_split,
};

use super::super::describe::thousands;
use crate::args::data::DataTask;
use crate::failure::Failure;
use crate::say;

/// The names of the parts, in the order of the division: the last rows by time are the test.
const NAMES: [&str; 3] = ["train", "validation", "test"];

pub(super) fn run(task: &DataTask) -> Result<(), Failure> {
    let DataTask::Split { read, label, group, time, test, validation, seed, out } = task else { return Ok(()) };
    let read = super::table(read)?;
    let frame = &read.frame;
    let wanted = [(NAMES[0], Part::Rest), (NAMES[1], Part::Fraction(*validation)), (NAMES[2], Part::Fraction(*test))];
    let wanted: Vec<_> = wanted.into_iter().filter(|(_, part)| *part != Part::Fraction(0.0)).collect();
    let (names, parts): (Vec<&str>, Vec<Part>) = wanted.into_iter().unzip();
    let rows = match (group, time, label) {
        (Some(group), ..) => grouped_split(&groups(frame, group)?, &parts, *seed)?,
        (_, Some(time), _) => time_split(&moments(frame, time)?, &parts)?,
        (.., Some(label)) if *frame.column(label)?.kind() == Kind::Category => {
            stratified_split(&classes(frame, label)?, &parts, *seed)?
        }
        _ => random_split(frame.rows(), &parts, *seed)?,
    };
    std::fs::create_dir_all(out).map_err(|e| {
        Failure::run(format!("cannot make {}: {e}", out.display()), "give --out DIR, a directory you may write to")
    })?;
    for (name, rows) in names.iter().zip(&rows) {
        let path = out.join(format!("{name}.csv"));
        super::write(&frame.take(rows)?, &path)?;
        say::line(&format!("{} rows in {}", thousands(rows.len()), path.display()));
    }
    let near = near_pictures(frame, &Media::new())?;
    let check = LeakCheck { label: label.as_deref(), group: group.as_deref(), near: &near };
    for leak in leaks(frame, &rows, &check)? {
        say::line(&format!("leak: {}", leak.describe(frame, &names)));
    }
    super::tell_quarantine(&read);
    Ok(())
}

/// The class of each row; rows without one are a class of their own, so that they are spread evenly too.
fn classes(frame: &Frame, label: &str) -> Result<Vec<i32>, Failure> {
    let values = frame.column(label)?.texts()?;
    let mut names: Vec<Option<&str>> = values.iter().collect();
    names.sort_unstable();
    names.dedup();
    Ok(values.iter().map(|value| names.binary_search(&value).map_or(0, |class| class as i32)).collect())
}
