//! From a moment to numbers.

use serde::{Deserialize, Serialize};

/// A number, or two, that a date becomes. All are of the proleptic Gregorian calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// Days since 1970-01-01, with the time of day as a fraction.
    Days,
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the year, 1 to 366.
    DayOfYear,
    /// The day of the week, Monday 0 to Sunday 6.
    Weekday,
    /// 1 on Saturday and Sunday, else 0.
    Weekend,
    /// The hour, 0 to 23.
    Hour,
    /// The minute, 0 to 59.
    Minute,
    /// Sine and cosine of the month as an angle, so that December is next to January; not scaled.
    MonthCycle,
    /// Sine and cosine of the day of the week as an angle; not scaled.
    WeekdayCycle,
    /// Sine and cosine of the time of day as an angle; not scaled.
    HourCycle,
}

const DAY: f64 = 86_400_000.0;

impl DatePart {
    /// The names of its numbers.
    pub(super) fn names(self, column: &str) -> Vec<String> {
        let word = match self {
            DatePart::Days => "days",
            DatePart::Year => "year",
            DatePart::Month => "month",
            DatePart::Day => "day",
            DatePart::DayOfYear => "day_of_year",
            DatePart::Weekday => "weekday",
            DatePart::Weekend => "weekend",
            DatePart::Hour => "hour",
            DatePart::Minute => "minute",
            DatePart::MonthCycle => "month",
            DatePart::WeekdayCycle => "weekday",
            DatePart::HourCycle => "hour",
        };
        match self.is_cycle() {
            true => vec![format!("{column} {word} sin"), format!("{column} {word} cos")],
            false => vec![format!("{column} {word}")],
        }
    }

    /// Whether it is two numbers on a circle.
    pub(super) fn is_cycle(self) -> bool {
        matches!(self, DatePart::MonthCycle | DatePart::WeekdayCycle | DatePart::HourCycle)
    }

    /// Its number at `moment`, milliseconds since 1970 in UTC; for a cycle the share of it that has passed.
    pub(super) fn value(self, moment: i64) -> f64 {
        let days = moment.div_euclid(DAY as i64);
        let time = moment.rem_euclid(DAY as i64);
        let weekday = (days + 3).rem_euclid(7) as f64;
        let (year, month, day, day_of_year) = civil(days);
        match self {
            DatePart::Days => moment as f64 / DAY,
            DatePart::Year => year as f64,
            DatePart::Month => month as f64,
            DatePart::Day => day as f64,
            DatePart::DayOfYear => day_of_year as f64,
            DatePart::Weekday => weekday,
            DatePart::Weekend => f64::from(u8::from(weekday >= 5.0)),
            DatePart::Hour => (time / 3_600_000) as f64,
            DatePart::Minute => (time / 60_000 % 60) as f64,
            DatePart::MonthCycle => (month - 1) as f64 / 12.0,
            DatePart::WeekdayCycle => weekday / 7.0,
            DatePart::HourCycle => time as f64 / DAY,
        }
    }
}

/// Year, month, day and day of the year, of a day counted from 1970-01-01.
///
/// Source: Hinnant, "chrono-compatible low-level date algorithms" (`civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last of a year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let day_of_year = if month > 2 { of_year + 60 + i64::from(leap) } else { of_year - 305 };
    (year, month, day, day_of_year)
}
