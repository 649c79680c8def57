//! Router adapters.
