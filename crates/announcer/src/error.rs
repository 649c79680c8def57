//! The one error of this crate.

/// What an announcer cannot be made of, or cannot do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key that can be guessed.
    #[error("the key has {len} octets: use at least {least}, such as the output of `openssl rand -hex 32`")]
    ShortKey {
        /// Octets given.
        len: usize,
        /// Octets demanded.
        least: usize,
    },
    /// A node without a usable name.
    #[error("a node's name has 1 to {most} octets, {name:?} has {}", name.len())]
    Name {
        /// The name given.
        name: String,
        /// Octets allowed.
        most: usize,
    },
    /// Times that would let two owners answer, or none.
    #[error("{what} must be {must}")]
    Timing {
        /// Which time.
        what: &'static str,
        /// The demand on it.
        must: &'static str,
    },
    /// An address no machine can own: unspecified, multicast, broadcast or loopback.
    #[error("{address} is not an address a machine can own")]
    Address {
        /// The address.
        address: std::net::IpAddr,
    },
    /// An address that is to follow another which is not wanted, or follows one itself.
    #[error("{address} cannot follow {with}, which is not wanted or follows another address itself")]
    Follows {
        /// The address.
        address: std::net::IpAddr,
        /// The one it is to follow.
        with: std::net::IpAddr,
    },
    /// An address that this node was not told to care for.
    #[error("{address} is none of the addresses of this announcer")]
    Unknown {
        /// The address.
        address: std::net::IpAddr,
    },
    /// A planned move of an address that another node owns: ask there.
    #[error("{address} is not owned by this node")]
    NotOwner {
        /// The address.
        address: std::net::IpAddr,
    },
    /// A planned move to a node that cannot take it now.
    #[error("{node} cannot take {address}: {reason}")]
    NoTaker {
        /// The address.
        address: std::net::IpAddr,
        /// Whom it was meant for.
        node: String,
        /// What is in the way.
        reason: &'static str,
    },
    /// More addresses than one announcer cares for.
    #[error("{count} addresses are too many for one announcer (at most {most})")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many are accepted.
        most: usize,
    },
    /// The segment, or the kernel, refuses.
    #[error(transparent)]
    Lan(#[from] poolcheck_lan::Error),
}

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
