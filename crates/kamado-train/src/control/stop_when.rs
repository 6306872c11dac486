//! Ending training when a goal is met.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Steering;
use crate::callbacks::Callback;
use crate::error::TrainError;
use crate::evaluation::Score;
use crate::history::EpochRecord;
use crate::monitor::Monitor;

/// Ends training after the first epoch that meets a goal, written `"val_accuracy >= 0.99"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StopWhen {
    monitor: Monitor,
    relation: Relation,
    goal: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Relation(&'static str);

/// The longest first, so that `>=` is not read as `>`.
const RELATIONS: [Relation; 4] = [Relation(">="), Relation("<="), Relation(">"), Relation("<")];

impl FromStr for StopWhen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || {
            format!(
                "{text:?} is no goal; write a number of an epoch, >=, >, <= or <, and a value, such as \"val_accuracy >= 0.99\""
            )
        };
        let found = RELATIONS.iter().find_map(|&relation| Some((relation, text.split_once(relation.0)?)));
        let (relation, (key, goal)) = found.ok_or_else(shape)?;
        let goal = goal.trim().parse::<f64>().ok().filter(|goal| goal.is_finite()).ok_or_else(shape)?;
        let monitor = key.trim().parse::<Monitor>().map_err(|error| error.to_string())?;
        Ok(StopWhen { monitor, relation, goal })
    }
}

impl TryFrom<String> for StopWhen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<StopWhen> for String {
    fn from(goal: StopWhen) -> String {
        goal.to_string()
    }
}

impl fmt::Display for StopWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.monitor, self.relation.0, self.goal)
    }
}

impl StopWhen {
    /// What it watches.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    fn is_met(&self, value: f64) -> bool {
        match self.relation.0 {
            ">=" => value >= self.goal,
            "<=" => value <= self.goal,
            ">" => value > self.goal,
            _ => value < self.goal,
        }
    }
}

impl Callback for StopWhen {
    fn steers(&self) -> bool {
        true
    }

    fn steer(&mut self, record: &EpochRecord, steering: &mut Steering<'_>) -> Result<(), TrainError> {
        let value = self.monitor.of(record)?;
        if self.is_met(value) {
            steering.stop = Some(format!("the goal {self} is met: {}", Score(value)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_and_written() {
        for text in ["val_accuracy >= 0.99", "loss < 0.5", "mae <= 2", "auc > 0.5"] {
            assert_eq!(text.parse::<StopWhen>().unwrap().to_string(), text);
        }
        let goal: StopWhen = "val_loss<=.5".parse().unwrap();
        assert!(goal.is_met(0.5) && goal.is_met(0.1) && !goal.is_met(0.6) && !goal.is_met(f64::NAN));
        let error = |text: &str| text.parse::<StopWhen>().unwrap_err();
        assert!(error("val_accuracy = 0.9").contains("such as \"val_accuracy >= 0.99\""));
        assert!(error("val_acuracy >= 0.9").contains("did you mean \"accuracy\"?"));
        assert!(error("loss < nan").contains("is no goal"));
    }
}
