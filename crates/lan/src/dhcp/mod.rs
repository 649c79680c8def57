//! Which DHCP servers are about, and what would they give? A probe that only ever asks.
//!
//! **What it sends**: DHCPDISCOVER, and where asked for one DHCPv6 SOLICIT and one Router Solicitation. Never REQUEST,
//! DECLINE or RELEASE, never rapid commit (option 80, option 14), with which a server may write a lease at once.
//!
//! **As whom**: one client identity, always the same for this machine and nobody else's ([`probe_mac`]): servers that keep
//! a row for each client keep one row. The Ethernet source is the interface's own address.
//!
//! **How often**: 6.1 seconds between any two DISCOVERs, so at most five in 30 seconds. dnsmasq stops looking whether an
//! address is in use after six in 30 seconds, for everyone's clients.
//!
//! **What it proves**: an offer inside a pool is a proof that the two overlap. Anything else, silence included, proves
//! nothing: a server may ignore the address asked for, or know the address as taken.
//!
//! An ISC server that finds an asked-for address in use by ping marks it abandoned for a day: say so before probing.

mod probe;
mod report;

pub use probe::{DhcpProbe, MAX_SPOTS, Plan, probe_mac};
pub(crate) use report::router_seen;
pub use report::{Advertisement, DhcpEvent, DhcpReport, Offer, RouterSeen, Unexpected};
