//! How a scan behaves, and what it promises beforehand.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::targets::Targets;
use crate::error::{Error, Result};

/// Up to this many addresses a scan takes its time: a pool, rather than a subnet.
const SMALL: usize = 64;

/// Three manners of scanning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Thorough, within about a second on a /24: second owners up to 500 ms late (800 ms on a pool).
    #[default]
    Default,
    /// As fast as a wired LAN allows: second owners up to 100 ms late.
    Fast,
    /// 50 frames a second.
    Gentle,
}

/// The numbers behind a profile. All can be changed; [`Settings::check`] says what is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Frames a second that are never exceeded, 2 to 20,000.
    pub max_pps: u32,
    /// Frames a second at the start.
    pub start_pps: u32,
    /// Frames a second until 300 repeats were answered without a miss.
    pub unearned_pps: u32,
    /// Accepted chance that a live host is missed, 0.000001 to 0.5.
    pub miss: f64,
    /// Questions to each address where nobody answers at all.
    pub blind_asks: u8,
    /// Further questions to each address that answered.
    pub confirmations: u8,
    /// Least time before the first of them; each further one waits twice as long again.
    pub confirm_after: Duration,
    /// Least time between two questions to a silent address.
    pub spacing: Duration,
    /// How long after its first question an address may still answer.
    pub late_window: Duration,
    /// How long after the last frame answers are still awaited.
    pub settle: Duration,
    /// Our own link-local address, which is to ask the IPv6 addresses that do not answer `::`; `None`: only `::` asks.
    pub solicit_from: Option<Ipv6Addr>,
    /// When to stop in any case; `None`: from the plan, see [`Forecast::budget`].
    pub budget: Option<Duration>,
}

impl Settings {
    /// The numbers of a profile for a number of addresses.
    pub fn new(profile: Profile, addresses: usize) -> Self {
        let small = addresses <= SMALL;
        let ms = Duration::from_millis;
        let thorough = Self {
            max_pps: 4000,
            start_pps: 1000,
            unearned_pps: 2000,
            miss: if small { 0.001 } else { 0.004 },
            blind_asks: 4,
            confirmations: 2,
            confirm_after: if small { ms(160) } else { ms(30) },
            spacing: ms(120),
            late_window: if small { ms(900) } else { ms(560) },
            settle: if small { ms(500) } else { ms(200) },
            solicit_from: None,
            budget: None,
        };
        match profile {
            Profile::Default => thorough,
            Profile::Fast => Self {
                max_pps: 12_000,
                start_pps: 10_000,
                unearned_pps: 12_000,
                miss: 0.03,
                blind_asks: 2,
                confirmations: 1,
                confirm_after: ms(12),
                spacing: ms(40),
                late_window: ms(105),
                settle: ms(60),
                ..thorough
            },
            Profile::Gentle => Self { max_pps: 50, start_pps: 50, unearned_pps: 50, spacing: ms(500), ..thorough },
        }
    }

    /// The same, never above this rate.
    #[must_use]
    pub fn at_most(mut self, max_pps: u32) -> Self {
        self.max_pps = max_pps;
        self.start_pps = self.start_pps.min(max_pps);
        self.unearned_pps = self.unearned_pps.min(max_pps);
        self
    }

    /// The same, asking from this link-local address, too.
    #[must_use]
    pub fn soliciting_from(mut self, address: Option<Ipv6Addr>) -> Self {
        self.solicit_from = address;
        self
    }

    /// How many questions stand for one: an IPv6 address is asked by `::` and by us.
    pub(super) fn askers(&self, target: IpAddr) -> u8 {
        if target.is_ipv6() && self.solicit_from.is_some() { 2 } else { 1 }
    }

    /// Refuses numbers that make no scan.
    pub fn check(&self) -> Result<()> {
        if !(2..=20_000).contains(&self.max_pps) {
            return Err(Error::Setting { what: "the rate", range: "2 to 20,000 frames a second" });
        }
        if !(0.000_001..=0.5).contains(&self.miss) {
            return Err(Error::Setting { what: "the accepted chance of a miss", range: "0.000001 to 0.5" });
        }
        if self.start_pps == 0 || self.unearned_pps == 0 || self.blind_asks == 0 {
            return Err(Error::Setting { what: "rates and numbers of questions", range: "at least 1" });
        }
        Ok(())
    }

    /// What a scan will do on a LAN that answers and loses nothing.
    pub fn forecast(&self, targets: &Targets) -> Forecast {
        let count = targets.len();
        let twice = if self.solicit_from.is_some() { targets.len_v6() } else { 0 };
        let frames = (count + twice) * 2;
        // With few addresses nearly every question is the first or a wait for the next round.
        let sending = frames as f64 / f64::from(self.unearned_pps.min(self.max_pps));
        let askers = if twice > 0 { 2 } else { 1 };
        let rounds = self.spacing * (u32::from(self.blind_asks) * askers).saturating_sub(1);
        let waiting = if count <= SMALL { rounds.max(self.late_window) } else { Duration::ZERO };
        let duration = Duration::from_secs_f64(sending) + waiting + self.settle.max(self.late_window / 2);
        let budget = self.budget.unwrap_or(duration * 2 + Duration::from_millis(17_500));
        Forecast { addresses: count, frames, max_pps: self.max_pps, duration, budget }
    }
}

/// What a scan is going to do: to be shown before it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Addresses to ask.
    pub addresses: usize,
    /// About how many frames that takes.
    pub frames: usize,
    /// Frames a second that are never exceeded.
    pub max_pps: u32,
    /// About how long that takes.
    pub duration: Duration,
    /// When the scan stops in any case, however the LAN behaves.
    pub budget: Duration,
}
