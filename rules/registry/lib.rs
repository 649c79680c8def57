//! The rules of poolcheck.
