//! Durations and times, as `metav1.Duration` and `metav1.Time` read them.

/// Nanoseconds of a duration in Go's syntax (`time.ParseDuration`): a sign, then numbers each with its unit, `1m30s`,
/// `1.5h`; a lone `0` needs no unit. `None` for anything else and beyond 64 bits.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total = total.checked_add(part(number, unit)?)?;
        rest = after;
    }
    let signed = if negative { -total } else { total };
    i64::try_from(signed).ok()
}

fn part(number: &str, unit: &str) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let scale = nanoseconds(unit)?;
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // More digits than a nanosecond has say nothing; the fraction is cut, as Go does.
    let digits = &fraction[..fraction.len().min(18)];
    let fraction: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let tens = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(fraction * scale / tens)
}

fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Whether a text is a time by RFC 3339: `2026-01-31T12:00:00.5+01:00`.
pub(super) fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => return false,
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let parts = |text: &str, separator: char, limits: &[(usize, u32, u32)]| {
        let found: Vec<&str> = text.split(separator).collect();
        found.len() == limits.len()
            && found.iter().zip(limits).all(|(part, (width, least, most))| {
                part.len() == *width
                    && part.bytes().all(|b| b.is_ascii_digit())
                    && part.parse().is_ok_and(|n: u32| *least <= n && n <= *most)
            })
    };
    let zone_ok = zone == "Z" || parts(&zone[1..], ':', &[(2, 0, 24), (2, 0, 60)]);
    let fraction_ok = fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    parts(date, '-', &[(4, 0, 9999), (2, 1, 12), (2, 1, 31)])
        && parts(clock, ':', &[(2, 0, 23), (2, 0, 59), (2, 0, 59)])
        && zone_ok
        && fraction_ok
}

#[cfg(test)]
mod tests {
    use super::{is_time, parse_duration};

    #[test]
    fn times() {
        for good in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+01:00"] {
            assert!(is_time(good), "{good}");
        }
        for bad in ["", "2026-01-31", "yesterday", "2026-13-01T12:00:00Z", "2026-01-31T12:00:00", "T+"] {
            assert!(!is_time(bad), "{bad}");
        }
    }

    #[test]
    fn as_go_reads_them() {
        assert_eq!(parse_duration("90s"), Some(90_000_000_000));
        assert_eq!(parse_duration("1m30s"), Some(90_000_000_000));
        assert_eq!(parse_duration("1.5h"), Some(5_400_000_000_000));
        assert_eq!(parse_duration("-5s"), Some(-5_000_000_000));
        assert_eq!(parse_duration(".5s"), Some(500_000_000));
        assert_eq!(parse_duration("0"), Some(0));
        for bad in ["", "90", "90 s", "soon", "s", "1.2.3s", ".s", "1d", "-", " 1s", "99999999999h"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
