//! The host that is asked: parsed strictly, resolved once, and private unless a public one was allowed.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use super::FetchError;

/// How a host may be spoken to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Whether TLS is spoken where the host does not say.
    pub(super) secure: bool,
    /// Whether a host may say so by `http://` or `https://`.
    pub(super) both: bool,
    /// The port, where it is not the scheme's own.
    pub(super) port: Option<u16>,
}

/// One host, with the one address that is used for the whole run.
#[derive(Debug)]
pub(super) struct Host {
    /// As it stands in a URL: `192.168.1.1`, `hub.lan:8080`, `[fe80::1]`.
    pub(super) authority: String,
    /// Without port and brackets.
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) secure: bool,
}

pub(super) fn resolve(given: &str, offer: Offer, allow_public: bool) -> Result<Host, FetchError> {
    let (text, secure) = match (given.strip_prefix("http://"), given.strip_prefix("https://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => (given, offer.secure),
    };
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains("://") || secure != offer.secure && !offer.both {
        return Err(FetchError::NotHttp { host: super::http::plain(given) });
    }
    let own_port = if secure { 443 } else { 80 };
    // The adapter's port belongs to the adapter's scheme.
    let default = offer.port.filter(|_| secure == offer.secure).unwrap_or(own_port);
    let (name, port) = split(text, default).ok_or_else(|| FetchError::BadHost { host: super::http::plain(given) })?;
    let unresolved = |reason: String| FetchError::Unresolved { host: name.to_owned(), reason };
    let addresses: Vec<SocketAddr> =
        (name, port).to_socket_addrs().map_err(|error| unresolved(error.to_string()))?.collect();
    // One public address among several is enough to refuse: which one is connected to must not be left to chance.
    if let Some(public) = addresses.iter().find(|address| !allow_public && !is_private(address.ip())) {
        return Err(FetchError::PublicAddress { host: name.to_owned(), address: public.ip() });
    }
    let ipv4_first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    let address = *ipv4_first.ok_or_else(|| unresolved("the name is known, without an address".to_owned()))?;
    let shown = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let authority = if port == own_port { shown } else { format!("{shown}:{port}") };
    Ok(Host { authority, name: name.to_owned(), address, secure })
}

fn split(text: &str, default: u16) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (name, port) = rest.split_once(']')?;
        name.parse::<std::net::Ipv6Addr>().ok()?;
        return Some((name, if port.is_empty() { default } else { port.strip_prefix(':')?.parse().ok()? }));
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((text, default));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (text, default),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(fits)).then_some((name, port))
}

/// Loopback, RFC 1918, link-local, unique local (RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(given: &str, allow_public: bool) -> Result<Host, FetchError> {
        super::resolve(given, Offer { secure: false, both: false, port: None }, allow_public)
    }

    #[test]
    fn a_host_may_say_how_it_is_spoken_to_where_both_are_possible() {
        let offer = Offer { secure: true, both: true, port: Some(8443) };
        let said = |text: &str| super::resolve(text, offer, false).map(|host| (host.authority, host.secure));
        assert_eq!(said("127.0.0.1"), Ok(("127.0.0.1:8443".to_owned(), true)));
        assert_eq!(said("http://127.0.0.1"), Ok(("127.0.0.1".to_owned(), false)));
        assert_eq!(said("https://127.0.0.1:443/"), Ok(("127.0.0.1".to_owned(), true)));
        assert!(said("ftp://127.0.0.1").is_err());
    }

    #[test]
    fn only_private_addresses_unless_allowed() {
        for private in [
            "192.168.1.1",
            "10.0.0.1:8080",
            "http://127.0.0.1/",
            "169.254.1.1",
            "[fe80::1]",
            "fd00::1",
            "[::1]:81",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(resolve(private, false).is_ok(), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "[2001:db8::1]", "[::ffff:8.8.8.8]", "0.0.0.0"] {
            assert!(matches!(resolve(public, false), Err(FetchError::PublicAddress { .. })), "{public}");
            assert!(resolve(public, true).is_ok(), "{public}");
        }
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for bad in
            ["", "a b", "user@192.168.1.1", "192.168.1.1/sky_rebootCPE.cgi", "hub:port", "[x]", "192.168.1.1?x", "a#b"]
        {
            assert!(matches!(resolve(bad, true), Err(FetchError::BadHost { .. })), "{bad}");
        }
        assert!(matches!(resolve("https://192.168.1.1", false), Err(FetchError::NotHttp { .. })));
    }

    #[test]
    fn the_authority_is_what_a_url_needs() {
        let authority = |text: &str| resolve(text, false).map(|host| host.authority);
        assert_eq!(authority("http://192.168.1.1:80/").as_deref(), Ok("192.168.1.1"));
        assert_eq!(authority("fe80::1").as_deref(), Ok("[fe80::1]"));
        assert_eq!(authority("127.0.0.1:8080").as_deref(), Ok("127.0.0.1:8080"));
    }
}
