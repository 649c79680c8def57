//! The interfaces of this machine, its neighbours and its default routes.

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::wire::MacAddr;

/// An interface as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The system's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Hardware address; all zeros where it has none.
    pub mac: MacAddr,
    /// Largest payload, in octets.
    pub mtu: usize,
    /// Administratively up.
    pub up: bool,
    /// A cable or an access point is there.
    pub carrier: bool,
    /// Talks to the machine itself only.
    pub loopback: bool,
    /// Carries Ethernet frames.
    pub ethernet: bool,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<IpNet>,
}

impl Interface {
    /// Whether frames can leave it now.
    pub fn usable(&self) -> Result<()> {
        let refuse = |reason| Err(Error::Interface { name: self.name.clone(), reason });
        match self {
            Self { loopback: true, .. } => refuse("it is the loopback interface"),
            Self { ethernet: false, .. } => refuse("it does not carry Ethernet frames"),
            Self { up: false, .. } => refuse("it is down"),
            Self { carrier: false, .. } => refuse("it has no carrier: is the cable plugged in?"),
            _ => Ok(()),
        }
    }
}
