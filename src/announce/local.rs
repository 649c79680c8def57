//! Traffic for this machine: the owner's kernel is lent the address, for a while at a time.
//!
//! The address is put on the loopback interface, so that the kernel accepts packets to it and answers no ARP for it by itself;
//! the announcer does. What is lent ends by itself [`LIFETIME`] after the owner last said that it still owns it, so a process
//! that is killed orphans nothing, and its guard takes it back at once. For IPv4 the kernel must also neither answer nor ask
//! for other interfaces' addresses: `arp_ignore` and `arp_announce`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::interface::{interfaces, lend_address, take_back_address};

use super::guard::Guard;
use crate::exit::Exit;
use crate::failure::Failure;

/// The kernel takes an address away so long after its owner was last well.
const LIFETIME: Duration = Duration::from_secs(6);
const RENEW: Duration = Duration::from_secs(2);
/// What was refused is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// Addresses lent to an interface.
pub(super) struct Local {
    interface: u32,
    /// When each is to be renewed.
    lent: BTreeMap<IpAddr, Timestamp>,
    retry: Timestamp,
}

impl Local {
    /// On the interface of this name.
    pub(super) fn on(name: &str) -> Result<Self, Failure> {
        let all = interfaces().map_err(|error| Failure::plain(Exit::Unchecked, &error.to_string(), ""))?;
        let Some(interface) = all.iter().find(|interface| interface.name == name) else {
            let help = "write local-interface = \"lo\", or the name of a dummy interface";
            return Err(Failure::plain(Exit::Unchecked, &format!("there is no interface {name}"), help));
        };
        Ok(Self { interface: interface.index, lent: BTreeMap::new(), retry: Timestamp::ZERO })
    }

    /// Lends what is owned, takes back what is not. Gives what went wrong.
    pub(super) fn follow(&mut self, now: Timestamp, owned: &BTreeSet<IpAddr>, guard: &mut Guard) -> Vec<String> {
        let mut wrong = Vec::new();
        let gone: Vec<IpAddr> = self.lent.keys().filter(|address| !owned.contains(address)).copied().collect();
        for address in gone {
            self.lent.remove(&address);
            match take_back_address(self.interface, address) {
                Ok(()) => guard.returned(self.interface, address),
                Err(error) => wrong.push(format!("{address} cannot be taken back: {error}")),
            }
        }
        for address in owned {
            let due = self.lent.get(address).copied();
            if due.is_some_and(|due| due > now) || (due.is_none() && self.retry > now) {
                continue;
            }
            if due.is_none() {
                // Before it is there: whoever outlives this process must know.
                guard.lent(self.interface, *address);
            }
            match lend_address(self.interface, *address, LIFETIME) {
                Ok(()) => drop(self.lent.insert(*address, now + RENEW)),
                Err(error) => {
                    self.retry = now + RETRY;
                    self.lent.remove(address);
                    wrong.push(format!(
                        "{address} cannot be put on an interface, so its traffic is not accepted: {error}"
                    ));
                }
            }
        }
        wrong
    }

    /// When something is to be renewed.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.lent.values().min().copied()
    }
}

/// What the kernel must be told so that the announcer alone speaks for addresses: (file, value wanted, value there).
pub(super) fn sysctls(interface: &str) -> Vec<(PathBuf, u8, u8)> {
    let value = |path: &PathBuf| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u8>().ok());
    let needed = [("arp_ignore", 1), ("arp_announce", 2)].into_iter().filter_map(|(name, least)| {
        let path = |whose: &str| PathBuf::from(format!("/proc/sys/net/ipv4/conf/{whose}/{name}"));
        let (all, own) = (value(&path("all")).unwrap_or(0), value(&path(interface)).unwrap_or(0));
        // The greater of both counts (ip-sysctl).
        (all.max(own) < least).then(|| (path(interface), least, own))
    });
    needed.collect()
}

/// The command that says it.
pub(super) fn sysctl_line(needed: &[(PathBuf, u8, u8)]) -> String {
    let words = needed.iter().map(|(path, wanted, _)| {
        let name = path.strip_prefix("/proc/sys").unwrap_or(path).display().to_string().replace('/', ".");
        format!("{name}={wanted}")
    });
    format!("sudo sysctl -w {}", words.collect::<Vec<_>>().join(" "))
}
