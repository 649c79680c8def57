//! The secret of a cluster, and what it proves: HMAC-SHA-256 (RFC 2104), cut to 16 octets (RFC 4868 cuts to half, too).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, Result};

/// Octets of a proof.
pub(crate) const TAG_LEN: usize = 16;
const LEAST: usize = 16;

/// The secret that all nodes of a cluster share. Its octets are not kept: only the state derived from them.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key from at least 16 octets that nobody can guess. Text is as good as octets: it is hashed, never cut.
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.len() < LEAST {
            return Err(Error::ShortKey { len: secret.len(), least: LEAST });
        }
        Ok(Self(Hmac::new_from_slice(secret).map_err(|_| Error::ShortKey { len: 0, least: LEAST })?))
    }

    /// The key of one cluster: another cluster's messages prove nothing here, even with the same secret.
    pub(crate) fn for_cluster(&self, cluster: &str) -> Self {
        let derived = self.0.clone().chain_update(b"poolcheck announcer 1\0").chain_update(cluster).finalize();
        Self(Hmac::new_from_slice(&derived.into_bytes()).unwrap_or_else(|_| self.0.clone()))
    }

    pub(crate) fn seal(&self, message: &mut Vec<u8>) {
        let tag = self.0.clone().chain_update(&message).finalize().into_bytes();
        message.extend_from_slice(&tag[..TAG_LEN]);
    }

    /// Compared in constant time.
    pub(crate) fn proves(&self, [message, sender]: [&[u8]; 2], tag: &[u8]) -> bool {
        let state = self.0.clone().chain_update(message).chain_update(sender);
        tag.len() == TAG_LEN && state.verify_truncated_left(tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_proves_its_own_messages_only() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let (here, there) = (key.for_cluster("a"), key.for_cluster("b"));
        let mut message = b"beat".to_vec();
        here.seal(&mut message);
        let (body, tag) = message.split_at(4);
        assert!(here.proves([body, &[]], tag) && !there.proves([body, &[]], tag) && !here.proves([b"boat", &[]], tag));
        assert!(!here.proves([body, &[]], &tag[..15]) && !here.proves([body, &[]], &[]), "a shorter tag is no proof");
        assert_eq!(format!("{key:?}"), "Key(…)");
    }

    #[test]
    fn short_keys_are_refused() {
        assert!(matches!(Key::new(b"secret"), Err(Error::ShortKey { len: 6, least: 16 })));
    }
}
