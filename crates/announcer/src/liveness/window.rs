//! Which sequence numbers were heard: none is believed twice, and a few may arrive out of order (as RFC 4303 section 3.4.3).

/// The last 64 numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    highest: u64,
    /// Bit n: `highest - n` was heard.
    heard: u64,
}

impl Window {
    /// Whether the number is new; from now on it is not.
    pub(crate) fn admit(&mut self, number: u64) -> bool {
        if number > self.highest || self.heard == 0 {
            let shift = number.saturating_sub(self.highest);
            self.heard = if shift < 64 { self.heard << shift } else { 0 } | 1;
            self.highest = number;
            return true;
        }
        let age = self.highest - number;
        let fresh = age < 64 && self.heard & 1 << age == 0;
        if fresh {
            self.heard |= 1 << age;
        }
        fresh
    }

    /// The highest number heard.
    pub(crate) const fn highest(self) -> u64 {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_twice_and_the_newest_always(numbers in proptest::collection::vec(0..200_u64, 1..100)) {
            let (mut window, mut admitted) = (Window::default(), BTreeSet::new());
            for number in numbers {
                let newest = admitted.last().is_none_or(|last| number > *last);
                let fresh = window.admit(number);
                prop_assert!(!fresh || admitted.insert(number), "{number} twice");
                prop_assert!(fresh || !newest, "{number} is the newest");
            }
        }
    }
}
