//! Moments in texts, as milliseconds since 1970 in UTC.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY: i64 = 86_400_000;

/// Which of two leading numbers is the day where both could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `24/11/2026`.
    DayFirst,
    /// `11/24/2026`.
    MonthFirst,
}

/// A moment: `2026-11-24`, `2026/11/24`, `24.11.2026`, `24/11/2026` or `11/24/2026` (as `order` says), `24 Nov 2026`,
/// `Nov 24, 2026`; after it, if wanted, `T` or space and `16:00`, `16:00:00` or `16:00:00.123`, and `Z` or `+02:00`.
pub(super) fn parse(text: &str, order: Order) -> Option<i64> {
    let (date, time) = match text.find([':']) {
        Some(colon) => {
            let hour = text[..colon].rfind(['T', ' ', 't'])?;
            (text[..hour].trim_end(), Some(text[hour + 1..].trim()))
        }
        None => (text, None),
    };
    let days = days(date, order)?;
    let time = time.map_or(Some(0), milliseconds)?;
    days.checked_mul(DAY)?.checked_add(time)
}

/// The order that some of the values need, if they agree; month first if none needs one.
pub(super) fn order<'a>(values: impl Iterator<Item = &'a str>) -> Order {
    let day_first = |text: &str| {
        let (first, rest) = text.split_once(['/', '-'])?;
        let second = rest.split(['/', '-']).next()?;
        let (first, second): (u32, u32) = (first.trim().parse().ok()?, second.trim().parse().ok()?);
        match (first, second) {
            (13..=31, 1..=12) => Some(true),
            (1..=12, 13..=31) => Some(false),
            _ => None,
        }
    };
    let (mut day, mut month) = (0, 0);
    for needs_day_first in values.filter_map(day_first) {
        if needs_day_first { day += 1 } else { month += 1 }
    }
    if day > month { Order::DayFirst } else { Order::MonthFirst }
}

/// Days since 1970.
fn days(date: &str, order: Order) -> Option<i64> {
    let is_separator = |c: char| matches!(c, '-' | '/' | '.' | ' ' | ',');
    let mut parts = date.split(is_separator).filter(|part| !part.is_empty());
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    if let Some(month) = month(a) {
        return civil(year(c)?, month, number(b)?);
    }
    if let Some(month) = month(b) {
        return civil(year(c)?, month, number(a)?);
    }
    if a.len() == 4 {
        return civil(year(a)?, number(b)?, number(c)?);
    }
    // Dots stand in dates of countries that put the day first.
    let day_first = order == Order::DayFirst || date.contains('.');
    let (first, second) = (number(a)?, number(b)?);
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    civil(year(c)?, month, day)
}

fn number(text: &str) -> Option<u32> {
    let sound = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok())?
}

fn year(text: &str) -> Option<i64> {
    let sound = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok())?
}

/// The number of a month by at least the first three letters of its English name.
fn month(text: &str) -> Option<u32> {
    let start = text.get(..3)?.to_ascii_lowercase();
    let place = MONTHS.iter().position(|month| *month == start)?;
    text.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some(place as u32 + 1)
}

/// Days since 1970 of a date of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Milliseconds from midnight in UTC.
fn milliseconds(time: &str) -> Option<i64> {
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (time[..zone].trim_end(), &time[zone..]);
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let (second, fraction) = parts.next().unwrap_or("0").split_once('.').map_or_else(
        || Some((number(clock.split(':').nth(2).unwrap_or("0"))?, 0)),
        |(second, fraction)| {
            let sound = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
            let three: String = fraction.chars().chain("000".chars()).take(3).collect();
            Some((number(second)?, sound.then(|| three.parse().ok())??))
        },
    )?;
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    let moment = ((i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1000 + fraction;
    Some(moment - offset(zone)?)
}

/// How far a zone is ahead of UTC, in milliseconds.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|&c| c != ':').collect();
    let (hours, minutes) =
        (number(digits.get(..2)?)?, number(digits.get(2..).filter(|m| !m.is_empty()).unwrap_or("0"))?);
    (hours < 24 && minutes < 60).then_some(sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_same_moment() {
        let noon = 1_795_521_600_000; // date -u -d '2026-11-24 12:00' +%s
        for text in [
            "2026-11-24T12:00:00Z",
            "2026/11/24 12:00",
            "24.11.2026 12:00:00.000",
            "2026-11-24T14:00:00+02:00",
            "2026-11-24 06:30-0530",
            "24 November 2026 12:00",
            "Nov 24, 2026 12:00:00",
            "11/24/2026 12:00",
        ] {
            assert_eq!(parse(text, Order::MonthFirst), Some(noon), "{text}");
        }
        assert_eq!(parse("24/11/2026", Order::DayFirst), Some(noon - DAY / 2));
        assert_eq!(parse("1969-12-31", Order::DayFirst), Some(-DAY));
        assert_eq!(parse("2000-02-29", Order::DayFirst), Some(951_782_400_000));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2025-02-29",
            "1900-02-29",
            "24/11/26",
            "2026-11-24-1",
            "12:00",
            "1.2.3",
            "2026-11-24T25:00",
            "2026-11-24T12:00:00.x",
            "2026-11-24T12:00+9",
            "Novx 24 2026x",
            "é/é/éééé",
            "٢/٢/2026",
        ] {
            assert_eq!(parse(text, Order::MonthFirst), None, "{text}");
        }
    }

    #[test]
    fn the_values_tell_the_order() {
        assert_eq!(order(["01/02/2026", "24/11/2026"].into_iter()), Order::DayFirst);
        assert_eq!(order(["01/02/2026", "11/24/2026"].into_iter()), Order::MonthFirst);
        assert_eq!(order(["01/02/2026"].into_iter()), Order::MonthFirst);
    }
}
