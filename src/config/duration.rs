//! Lengths of time as people write them: `100ms`, `30s`, `10m`, `1h 30m`.

use std::time::Duration;

/// The length of time, or what is wrong with it, as a sentence without its subject.
pub fn parse(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.trim().parse().map_err(|_| not_a_duration(text))?;
    if parsed.is_negative() {
        return Err(format!("cannot be negative, and \"{text}\" is"));
    }
    Duration::try_from(parsed).map_err(|_| not_a_duration(text))
}

fn not_a_duration(text: &str) -> String {
    let unit = if text.trim().parse::<f64>().is_ok() {
        " (it has no unit)"
    } else {
        ""
    };
    format!(
        "needs a length of time such as \"100ms\", \"30s\" or \"10m\", and \"{text}\" is none{unit}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit_and_are_not_negative() {
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert!(parse("5").is_err_and(|why| why.contains("no unit")));
        assert!(parse("-5s").is_err_and(|why| why.contains("negative")));
        assert!(parse("soon").is_err_and(|why| why.contains("soon")));
    }
}
