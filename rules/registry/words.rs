//! The words that findings share, so that one thing is said in one way.

use poolcheck_manifest::kinds::pool::{Pool, PoolEntry};
use poolcheck_plan::AddrRange;

/// `1 address`, `11 addresses`, `2^64 addresses`.
pub(crate) fn addresses(range: AddrRange) -> String {
    count_addresses(range.size())
}

/// [`addresses`] of a number.
pub(crate) fn count_addresses(size: u128) -> String {
    match size {
        1 => "1 address".to_owned(),
        n if n > 1 << 24 && n.is_power_of_two() => format!("2^{} addresses", n.trailing_zeros()),
        n => format!("{n} addresses"),
    }
}

/// `these 11 addresses`, `this address`.
pub(crate) fn these_addresses(range: AddrRange) -> String {
    match range.size() {
        1 => "this address".to_owned(),
        _ => format!("these {}", addresses(range)),
    }
}

/// `pool main-pool 192.168.1.50-192.168.1.60`; a CIDR is shown as written with the range it means.
pub(crate) fn pool_range(pool: &Pool<'_>, entry: &PoolEntry<'_>, range: AddrRange) -> String {
    let text = entry.text();
    let written = text.trim();
    if written.contains('/') && range.size() > 1 {
        return format!("pool {} {written} ({range})", pool.name);
    }
    format!("pool {} {range}", pool.name)
}

/// `a`, `a and b`, `a, b and c`; more than `most` are counted.
pub(crate) fn list(items: &[String], most: usize) -> String {
    let shown = &items[..items.len().min(most)];
    match (shown, items.len() - shown.len()) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([rest @ .., last], 0) => format!("{} and {last}", rest.join(", ")),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The rule that an unknown name was probably meant to be.
pub(crate) fn nearest_rule(name: &str) -> Option<&'static str> {
    let known = crate::all().iter().map(|registered| registered.rule.id);
    let near = known.map(|id| (strsim::damerau_levenshtein(id, name), id)).min()?;
    Some(near.1).filter(|id| near.0 <= 1 + id.len() / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_counts() {
        let items: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(list(&items[..1], 3), "a");
        assert_eq!(list(&items[..2], 3), "a and b");
        assert_eq!(list(&items[..3], 3), "a, b and c");
        assert_eq!(list(&items, 2), "a, b and 2 more");
        assert_eq!(count_addresses(1), "1 address");
        assert_eq!(count_addresses(1 << 64), "2^64 addresses");
    }
}
