//! What the scanner, the DHCP probe and the listener have in common: protocols without I/O.

use crate::time::Timestamp;

/// A protocol that neither waits, reads a clock, nor touches a socket. Whoever drives it (see [`crate::drive()`]) tells it
/// what arrived and when it is, takes the frames it wants to send, and wakes it again when it asks to be woken.
pub trait Machine {
    /// What it reports while it runs.
    type Event;

    /// A frame arrived at this moment.
    fn handle(&mut self, at: Timestamp, frame: &[u8]);

    /// The next frame to send now. Call until there is none; also call when the moment of [`Machine::poll_timeout`] has
    /// come.
    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>>;

    /// When it wants to be woken at the latest; `None` when it has finished.
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// The next thing to report.
    fn poll_event(&mut self) -> Option<Self::Event>;
}
