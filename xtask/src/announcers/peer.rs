//! Who announces: any command, keepalived, or poolcheck.
//!
//! A command is run once on each node and learns from its environment what to do: see [`Site::variables`].

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::{cargo, programs, root};

/// An announcer.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    /// A command for `sh -c`, perhaps one that asks it to hand over an address, and a profile's name.
    Command { line: String, handover: Option<String>, profile: String },
    /// keepalived with VRRPv3, an advertisement each so many milliseconds.
    Keepalived { program: String, advert: u32 },
    /// `poolcheck announce` with this timing.
    Poolcheck { program: PathBuf, timing: String },
}

/// Where an announcer is started, and what it is to do.
pub(crate) struct Site<'a> {
    pub(crate) node: usize,
    pub(crate) nodes: &'a [String],
    pub(crate) addresses: &'a [IpAddr],
    /// A folder of this node's own.
    pub(crate) work: &'a Path,
    pub(crate) interface: &'a str,
}

impl Site<'_> {
    /// What the command is told, as environment variables.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        [
            ("NODE", self.nodes[self.node].clone()),
            ("NODES", self.nodes.join(",")),
            ("INTERFACE", self.interface.to_owned()),
            ("ADDRESSES", addresses.join(",")),
            ("WORK", self.work.display().to_string()),
        ]
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.work.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Peer {
    /// The ready-made one of this name: `keepalived`, or `keepalived:100` for an advertisement each 100 ms; `poolcheck`.
    pub(crate) fn named(name: &str, profile: &str) -> Result<Self, String> {
        match name.split_once(':').unwrap_or((name, "1000")) {
            ("keepalived", advert) => {
                let advert = advert.parse().ok().filter(|advert| (10..=40_000).contains(advert));
                let advert = advert.ok_or("keepalived:MS takes milliseconds between 10 and 40000")?;
                Ok(Self::Keepalived { program: programs::command("keepalived", "keepalived")?, advert })
            }
            ("poolcheck", _) => {
                cargo(&["build", "--release", "--quiet", "--features", "announce", "--bin", "poolcheck"], &[])?;
                Ok(Self::Poolcheck { program: root().join("target/release/poolcheck"), timing: profile.to_owned() })
            }
            _ => Err(format!("there is no peer `{name}`; there are keepalived, keepalived:MS and poolcheck")),
        }
    }

    /// The name of a column.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Command { line, .. } => line.split_whitespace().next().unwrap_or("command").to_owned(),
            Self::Keepalived { advert: 1000, .. } => "keepalived".to_owned(),
            Self::Keepalived { advert, .. } => format!("keepalived {advert} ms"),
            Self::Poolcheck { timing, .. } if timing == "default" => "poolcheck".to_owned(),
            Self::Poolcheck { timing, .. } => format!("poolcheck {timing}"),
        }
    }

    /// What the variable `PROFILE` says.
    pub(crate) fn profile(&self) -> &str {
        match self {
            Self::Command { profile, .. } | Self::Poolcheck { timing: profile, .. } => profile,
            Self::Keepalived { .. } => "default",
        }
    }

    /// What `sh -c` runs on a node; its configuration is written first.
    pub(crate) fn command(&self, site: &Site<'_>) -> Result<String, String> {
        fs::create_dir_all(site.work).map_err(|error| format!("{}: {error}", site.work.display()))?;
        match self {
            Self::Command { line, .. } => Ok(line.clone()),
            Self::Keepalived { program, advert } => {
                let path = site.write("keepalived.conf", &keepalived(site, *advert))?;
                let work = site.work.display();
                Ok(format!(
                    "exec {program} --dont-fork --log-console --vrrp --use-file {} --pid {work}/pid --vrrp_pid {work}/vrrp.pid",
                    path.display()
                ))
            }
            Self::Poolcheck { program, timing } => {
                let path = site.write("announcer.toml", &poolcheck(site, timing)?)?;
                Ok(format!("exec {} announce --config {}", program.display(), path.display()))
            }
        }
    }

    /// The command that hands an address over, if ending is not the way.
    pub(crate) fn handover(&self, work: &Path, address: IpAddr) -> Option<String> {
        match self {
            Self::Command { handover, .. } => {
                let line = handover.as_ref()?;
                Some(format!("env WORK={} ADDRESS={address} sh -c \"{line}\"", work.display()))
            }
            Self::Keepalived { .. } => None,
            Self::Poolcheck { program, .. } => Some(format!(
                "{} announce handover {address} --socket {}",
                program.display(),
                work.join("announce.sock").display()
            )),
        }
    }
}

/// Addresses beyond this many are dealt to as many instances as there are nodes, each with another master: keepalived moves
/// the addresses of an instance together.
const TOGETHER: usize = 20;

fn keepalived(site: &Site<'_>, advert: u32) -> String {
    let mut text = format!("global_defs {{\n  router_id {}\n  vrrp_version 3\n}}\n", site.nodes[site.node]);
    let count = site.nodes.len();
    for (family, mut addresses) in [
        ("v4", site.addresses.iter().filter(|address| address.is_ipv4()).collect::<Vec<_>>()),
        ("v6", site.addresses.iter().filter(|address| address.is_ipv6()).collect()),
    ] {
        let instances = if addresses.len() > TOGETHER { count } else { 1 };
        for instance in 0..instances {
            let share = addresses.len() / (instances - instance);
            let rest = addresses.split_off(share);
            let own = std::mem::replace(&mut addresses, rest);
            if own.is_empty() {
                continue;
            }
            let rank = (site.node + count - instance) % count;
            let router = 77 + instance;
            let _ = write!(
                text,
                "vrrp_instance {family}-{instance} {{\n  state BACKUP\n  interface {}\n  virtual_router_id {router}\n  \
                 priority {}\n  advert_int {}\n  virtual_ipaddress {{\n",
                site.interface,
                200 - 10 * rank,
                f64::from(advert) / 1000.0
            );
            if family == "v6" {
                // RFC 9568 section 5.2.9: the first of IPv6 is link-local.
                let _ = writeln!(text, "    fe80::7:{router}/64");
            }
            let length = if family == "v6" { 64 } else { 32 };
            // An advertisement has room for some; the others are moved with them.
            let (said, unsaid) = own.split_at(own.len().min(TOGETHER));
            for address in said {
                let _ = writeln!(text, "    {address}/{length}");
            }
            text.push_str("  }\n");
            if !unsaid.is_empty() {
                text.push_str("  virtual_ipaddress_excluded {\n");
                for address in unsaid {
                    let _ = writeln!(text, "    {address}/{length}");
                }
                text.push_str("  }\n");
            }
            text.push_str("}\n");
        }
    }
    text
}

fn poolcheck(site: &Site<'_>, timing: &str) -> Result<String, String> {
    // A key for a LAN that lives for minutes within one machine.
    let key = site.write("key", "0123456789abcdef0123456789abcdef0123456789abcdef\n")?;
    private(&key)?;
    let mut text = format!(
        "interface = \"{}\"\ncluster = \"lab\"\nnode = \"{}\"\nkey = {{ file = \"{}\" }}\ntiming = \"{timing}\"\nsocket = \"{}\"\n",
        site.interface,
        site.nodes[site.node],
        key.display(),
        site.work.join("announce.sock").display()
    );
    for address in site.addresses {
        let _ = write!(text, "\n[[address]]\naddress = \"{address}\"\n");
    }
    Ok(text)
}

#[cfg(unix)]
fn private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
fn private(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_are_dealt_so_that_each_node_is_master_of_a_share() {
        let nodes = ["n1".to_owned(), "n2".to_owned(), "n3".to_owned()];
        let addresses: Vec<IpAddr> = (0..=255).map(|n| [10, 77, 1, n].into()).collect();
        let site = |node| Site { node, nodes: &nodes, addresses: &addresses, work: Path::new("/"), interface: "eth0" };
        for node in 0..3 {
            let text = keepalived(&site(node), 20);
            let priorities: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  priority ")).collect();
            assert_eq!(priorities.iter().position(|priority| *priority == "200"), Some(node), "{text}");
            assert_eq!(priorities.len(), 3);
            assert_eq!(text.matches("10.77.1.").count(), 256, "each address once");
            assert!(text.contains("advert_int 0.02\n"));
        }
    }
}
