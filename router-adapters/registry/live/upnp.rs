//! Where a router describes its UPnP services, and where one of them is controlled.
//!
//! A search is one question to the segment's group with a time to live of 1, so that it is not routed on; who answers may
//! name only itself. A description may lead only to a path on the same host and port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{FetchError, Request};

/// How long answers are waited for: a device may take the second that it was given (MX), and the way back.
const WAIT: Duration = Duration::from_millis(1800);
/// More devices than a home has.
const MOST: usize = 32;

/// Where a router describes itself, and where it is controlled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// `192.168.1.1:5000`.
    pub(super) host: String,
    /// The path of the description.
    pub(super) path: String,
    /// The path of the service's control; empty before the description was read.
    pub(super) control: String,
}

/// Finds the description: in the host that was given, `http://192.168.1.1:5000/rootDesc.xml`, or by a search.
pub(super) fn locate(request: &Request, service: &str) -> Result<Located, FetchError> {
    let given = request.host.as_str();
    if let Some(located) = at(given.strip_prefix("http://").unwrap_or(given)) {
        return Ok(located);
    }
    let wanted = given.strip_prefix("http://").unwrap_or(given).trim_end_matches('/');
    let mut found: Vec<Located> = search(request, service).map_err(|error| FetchError::Unreachable {
        host: request.search.to_string(),
        reason: super::http::plain(&error.to_string()),
    })?;
    if !wanted.is_empty() {
        found.retain(|located| located.host == wanted || located.name() == wanted);
    }
    match found.len() {
        0 => Err(FetchError::NobodyDescribesIt { service: service.to_owned() }),
        1 => Ok(found.remove(0)),
        _ => {
            let hosts = found.iter().map(|located| format!("http://{}{}", located.host, located.path)).collect();
            Err(FetchError::Several { hosts })
        }
    }
}

/// A host with a path behind it.
fn at(text: &str) -> Option<Located> {
    let (host, path) = text.split_once('/')?;
    let located = Located { host: host.to_owned(), path: format!("/{path}"), control: String::new() };
    (!path.is_empty() && fits(&located.path)).then_some(located)
}

fn fits(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~?=&,:;@+".contains(c);
    let exact = !path.contains("//") && !path.split('/').any(|part| part == "..");
    path.starts_with('/') && path.len() <= 256 && exact && path.chars().all(plain)
}

fn search(request: &Request, service: &str) -> io::Result<Vec<Located>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_ttl(1)?;
    let question = format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {service}\r\n\r\n"
    );
    socket.send_to(question.as_bytes(), request.search)?;
    let started = Instant::now();
    let mut found: Vec<Located> = Vec::new();
    let mut packet = [0; 2048];
    while let Some(left) = WAIT.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        let (length, from) = match socket.recv_from(&mut packet) {
            Ok(got) => got,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let answer = String::from_utf8_lossy(&packet[..length]);
        if let Some(located) = answered(&answer, from.ip(), service).filter(|new| !found.contains(new)) {
            found.push(located);
        }
        if found.len() >= MOST {
            break;
        }
    }
    found.sort_by(|a, b| (&a.host, &a.path).cmp(&(&b.host, &b.path)));
    Ok(found)
}

/// Where the sender of an answer describes itself; somebody else's place is not believed.
fn answered(answer: &str, from: IpAddr, service: &str) -> Option<Located> {
    let mut lines = answer.lines();
    let status = lines.next()?;
    let header = |wanted: &str| {
        let mut pairs = answer.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    if !status.starts_with("HTTP/1.") || !status.contains(" 200") || header("ST") != Some(service) {
        return None;
    }
    let located = at(header("LOCATION")?.strip_prefix("http://")?)?;
    let host: IpAddr = match located.host.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => located.host.parse().ok()?,
    };
    (host == from).then_some(located)
}

impl Located {
    /// The host without its port, which many routers choose anew each time.
    pub(super) fn name(&self) -> &str {
        self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name)
    }

    /// Reads from the description where the service is controlled.
    pub(super) fn read(&mut self, description: &str, service: &str) -> Result<(), FetchError> {
        let not_understood = |found: &str| FetchError::NotUnderstood {
            adapter: "upnp-igd".to_owned(),
            path: self.path.clone(),
            wanted: format!("the control URL of {service}"),
            found: found.to_owned(),
        };
        let text = description.trim_start_matches('\u{feff}').trim_start();
        let document = roxmltree::Document::parse(text).map_err(|_| not_understood("something that is not XML"))?;
        let child = |node: roxmltree::Node<'_, '_>, name: &str| {
            let found = node.children().find(|child| child.tag_name().name() == name);
            found.and_then(|child| child.text()).map(|text| text.trim().to_owned())
        };
        let services = document.descendants().filter(|node| node.tag_name().name() == "service");
        let control = services
            .filter(|node| child(*node, "serviceType").as_deref() == Some(service))
            .find_map(|node| child(node, "controlURL"))
            .ok_or_else(|| not_understood("a description without it"))?;
        let own = format!("http://{}/", self.host);
        let path = if let Some(rest) = control.strip_prefix(&own) {
            format!("/{rest}")
        } else if control.starts_with('/') {
            control
        } else {
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{control}")
        };
        if !fits(&path) {
            return Err(not_understood("a place that is not a path on this router"));
        }
        self.control = path;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "urn:schemas-upnp-org:service:LANHostConfigManagement:1";

    fn answer(location: &str, st: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {st}\r\nlocation: {location}\r\n\r\n")
    }

    #[test]
    fn only_its_own_place_is_believed() {
        let from: IpAddr = [192, 168, 1, 1].into();
        let found = answered(&answer("http://192.168.1.1:5000/rootDesc.xml", SERVICE), from, SERVICE);
        assert_eq!(found.map(|l| (l.host, l.path)), Some(("192.168.1.1:5000".into(), "/rootDesc.xml".into())));
        for location in [
            "http://192.168.1.2:5000/rootDesc.xml",
            "https://192.168.1.1/x",
            "http://192.168.1.1:5000",
            "http://192.168.1.1:5000/../x",
            "http://router.example/x",
            "http://192.168.1.1:5000/a b",
        ] {
            assert_eq!(answered(&answer(location, SERVICE), from, SERVICE), None, "{location}");
        }
        assert_eq!(answered(&answer("http://192.168.1.1/x", "ssdp:all"), from, SERVICE), None);
    }

    #[test]
    fn the_control_is_a_path_on_the_same_router() {
        let read = |url: &str| {
            let mut located =
                Located { host: "192.168.1.1:5000".into(), path: "/igd/root.xml".into(), control: String::new() };
            let text = format!(
                "<root xmlns='urn:schemas-upnp-org:device-1-0'><device><serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/other</controlURL></service><service><serviceType>{SERVICE}</serviceType><controlURL>{url}</controlURL></service></serviceList></device></root>"
            );
            located.read(&text, SERVICE).map(|()| located.control)
        };
        assert_eq!(read("/ctl/LANHost").as_deref(), Ok("/ctl/LANHost"));
        assert_eq!(read("LANHost").as_deref(), Ok("/igd/LANHost"));
        assert_eq!(read("http://192.168.1.1:5000/ctl").as_deref(), Ok("/ctl"));
        for url in ["http://192.168.1.2/ctl", "/a/../b", "/a b", ""] {
            assert!(read(url).is_err() || url.is_empty(), "{url}");
        }
    }
}
