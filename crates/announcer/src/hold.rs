//! Who may own an address, by whether its traffic can be served.
//!
//! A node that is ready is preferred to one that is not. Where nobody is ready, an address that is to be *held* keeps an
//! owner all the same: it answers ARP and Neighbor Discovery, so that no DHCP server and nobody with `arping` takes it for
//! free. (MetalLB is silent then: measured 3 ms after the last endpoint went.)

/// What one node says of one address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    pub(crate) ready: bool,
    pub(crate) hold: bool,
}

impl Service {
    /// Whether the node may own the address when nobody better is there.
    pub(crate) const fn may_own(self) -> bool {
        self.ready || self.hold
    }

    /// Whether an owner that says this should hand over, given that others are ready.
    pub(crate) const fn should_move(self, others_ready: bool) -> bool {
        !self.ready && others_ready
    }

    /// Whether an owner that says this should let go although nobody takes over.
    pub(crate) const fn should_release(self) -> bool {
        !self.ready && !self.hold
    }
}
