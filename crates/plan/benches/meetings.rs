//! All meetings among 1,000,000 claims: the aim is at most 1 s and 300 MB.
//!
//! Prints its figures; run it by `cargo bench -p poolcheck-plan --bench meetings`, with `/usr/bin/time -v` for the memory of
//! the whole process.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark measures and prints"
)]

use std::time::Instant;

use poolcheck_plan::{AddrRange, AddressPlan, Claim, ClaimKind, Confidence, Family};

fn main() {
    let claims = claims(1_000_000);
    for _ in 0..5 {
        let claims = claims.clone();
        let start = Instant::now();
        let plan = AddressPlan::new(claims);
        let mut meetings = 0_u64;
        plan.for_each_meeting(|_, _, _| meetings += 1);
        println!("1,000,000 claims, {meetings} meetings: {:?}", start.elapsed());
    }
}

/// Small ranges strewn over a /8 and a /96, each meeting about one other; the same on every run.
fn claims(count: u64) -> Vec<Claim> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let kinds = [ClaimKind::Pool, ClaimKind::DynamicRange, ClaimKind::Reservation, ClaimKind::Node];
    (0..count)
        .map(|i| {
            let family = if i % 4 == 0 { Family::V6 } else { Family::V4 };
            let base = match family {
                Family::V4 => 10_u128 << 24,
                Family::V6 => 0xfd00_u128 << 112,
            };
            let first = base + u128::from(random() % (1 << 24));
            let last = first + u128::from(random() % 12);
            Claim {
                range: AddrRange::from_numbers(family, first, last).expect("in order"),
                kind: kinds[(random() % 4) as usize],
                owner: String::new(),
                place: None,
                confidence: Confidence::High,
                cluster: None,
            }
        })
        .collect()
}
