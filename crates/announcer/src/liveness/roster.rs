//! What a node says of all its addresses: kept in versions, sent as changes, or whole to whoever asks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::message::{Body, Listing, parts};

/// Changes up to this number are sent as such; more are sent as a whole roster.
const FEW: usize = 60;

/// This node's own roster.
#[derive(Debug, Default)]
pub(crate) struct OwnRoster {
    version: u32,
    listings: BTreeMap<IpAddr, Listing>,
}

impl OwnRoster {
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    /// Takes over what is true now, and gives the messages that tell of the change; none if there is none.
    pub(crate) fn update(&mut self, name: &str, now: BTreeMap<IpAddr, Listing>) -> Vec<Body> {
        if now == self.listings && self.version > 0 {
            return Vec::new();
        }
        let changed: Vec<_> = now
            .iter()
            .filter(|(address, new)| self.listings.get(*address) != Some(*new))
            .map(|(a, l)| (*a, *l))
            .collect();
        let removed = self.listings.keys().any(|address| !now.contains_key(address));
        let base = self.version;
        // Zero says "none yet", so it is never a version.
        self.version = self.version.wrapping_add(1).max(1);
        self.listings = now;
        if base == 0 || removed || changed.len() > FEW {
            return self.whole(name);
        }
        let name = name.to_owned();
        vec![Body::Roster { version: self.version, base, part: 0, parts: 1, name, listings: changed }]
    }

    /// The messages that say all of it.
    pub(crate) fn whole(&self, name: &str) -> Vec<Body> {
        let cut = parts(self.listings.iter().map(|(address, listing)| (*address, *listing)).collect());
        let (version, parts) = (self.version, cut.len() as u8);
        let body = |(part, listings)| Body::Roster {
            version,
            base: 0,
            part: part as u8,
            parts,
            name: name.to_owned(),
            listings,
        };
        cut.into_iter().enumerate().map(body).collect()
    }
}

/// Another node's roster, as far as it was heard.
#[derive(Debug, Default)]
pub(crate) struct PeerRoster {
    /// Zero: nothing heard yet.
    version: u32,
    listings: BTreeMap<IpAddr, Listing>,
    /// Parts of a version that is not whole yet.
    collecting: (u32, BTreeMap<u8, Vec<(IpAddr, Listing)>>),
}

impl PeerRoster {
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn get(&self, address: IpAddr) -> Option<&Listing> {
        self.listings.get(&address)
    }

    pub(crate) fn owned(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.listings.iter().filter(|(_, listing)| listing.owned).map(|(address, _)| *address)
    }

    /// Hears one message; says whether the roster changed.
    pub(crate) fn hear(&mut self, version: u32, base: u32, place: (u8, u8), listings: &[(IpAddr, Listing)]) -> bool {
        let older = self.version.wrapping_sub(version) < u32::MAX / 2;
        if version == 0 || (self.version != 0 && older) {
            return false;
        }
        if base != 0 {
            if base == self.version {
                self.listings.extend(listings.iter().copied());
                self.version = version;
                return true;
            }
            return false;
        }
        if self.collecting.0 != version {
            self.collecting = (version, BTreeMap::new());
        }
        self.collecting.1.insert(place.0, listings.to_vec());
        if self.collecting.1.len() < usize::from(place.1) {
            return false;
        }
        self.listings = std::mem::take(&mut self.collecting.1).into_values().flatten().collect();
        self.version = version;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(n: u16) -> IpAddr {
        IpAddr::V6(std::net::Ipv6Addr::from_bits(u128::from(n)))
    }

    fn hear(peer: &mut PeerRoster, body: Body) {
        if let Body::Roster { version, base, part, parts, listings, .. } = body {
            peer.hear(version, base, (part, parts), &listings);
        }
    }

    proptest! {
        /// Whatever is lost, repeated or late: a peer either knows the truth, or knows that it does not.
        #[test]
        fn in_step_or_aware(steps in proptest::collection::vec((0..400_u16, any::<bool>(), 0..3_u8, any::<bool>()), 1..30)) {
            let (mut own, mut peer) = (OwnRoster::default(), PeerRoster::default());
            let (mut now, mut late) = (BTreeMap::new(), Vec::new());
            for (n, owned, luck, ask) in steps {
                for n in n..n + 1 + n % 7 * 20 {
                    now.insert(address(n), Listing { owned, ..Listing::default() });
                }
                if luck == 2 {
                    now.remove(&address(n));
                }
                for body in own.update("n1", now.clone()) {
                    match luck {
                        0 => hear(&mut peer, body),
                        1 => late.push(body),
                        _ => {}
                    }
                }
                if ask {
                    late.drain(..).for_each(|body| hear(&mut peer, body));
                    own.whole("n1").into_iter().for_each(|body| hear(&mut peer, body));
                    prop_assert_eq!(peer.version, own.version);
                }
                if peer.version == own.version {
                    prop_assert_eq!(&peer.listings, &now);
                }
            }
        }
    }

    #[test]
    fn nothing_new_is_not_said() {
        let mut own = OwnRoster::default();
        let now = BTreeMap::from([(address(1), Listing::default())]);
        assert_eq!(own.update("n1", now.clone()).len(), 1);
        assert!(own.update("n1", now).is_empty());
    }
}
