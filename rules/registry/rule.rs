//! What a rule is.

use crate::finding::{Findings, Level};
use crate::world::World;

/// One rule: a condition that is wrong, and the check that finds it.
///
/// Its documentation is the `//!` text of its file; see [`Registered`].
#[derive(Debug)]
pub struct Rule {
    /// The name, kebab case; it states the condition.
    pub id: &'static str,
    /// The level of its findings unless the rule or the user says otherwise.
    pub level: Level,
    /// The facts without which it cannot judge anything.
    pub needs: &'static [Fact],
    /// The version it first appeared in.
    pub since: &'static str,
    /// Looks at the world and reports.
    pub check: fn(&World<'_>, &mut Findings<'_>),
}

/// A kind of fact that a rule may need. Without it the rule's verdict is *not checked*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The router's dynamic ranges.
    Dhcp,
    /// Reservations of the DHCP server.
    Reservations,
    /// The segment's subnet.
    Subnet,
    /// The gateway or a DNS server.
    Gateway,
    /// Node addresses.
    Nodes,
    /// Pod or Service networks.
    Networks,
    /// The value itself: it is a template, substituted or encrypted.
    Values,
    /// What the machine that looked at the wire answers itself.
    OwnAnswers,
}

impl Fact {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Dhcp,
        Self::Reservations,
        Self::Subnet,
        Self::Gateway,
        Self::Nodes,
        Self::Networks,
        Self::Values,
        Self::OwnAnswers,
    ];

    /// The name used by `--require`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dhcp => "dhcp",
            Self::Reservations => "reservations",
            Self::Subnet => "subnet",
            Self::Gateway => "gateway",
            Self::Nodes => "nodes",
            Self::Networks => "networks",
            Self::Values => "values",
            Self::OwnAnswers => "own-answers",
        }
    }

    /// What is missing, for people.
    pub const fn missing(self) -> &'static str {
        match self {
            Self::Dhcp => "no DHCP range is known",
            Self::Reservations => "no DHCP reservations are known",
            Self::Subnet => "no subnet is known",
            Self::Gateway => "no gateway or DNS server is known",
            Self::Nodes => "no node addresses are known",
            Self::Networks => "no pod or Service network is known",
            Self::Values => "the value is not known",
            Self::OwnAnswers => "what a node answers itself is not known to it",
        }
    }

    /// How to make it known.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Dhcp => {
                "write `dhcp = \"first-last\"` (or `dhcp = \"off\"`) in lan.toml, or name a router page in poolcheck.toml"
            }
            Self::Reservations => {
                "write `reservations = [{ address = \"…\" }]` in lan.toml, or name a router page in poolcheck.toml"
            }
            Self::Subnet => "write `[[segment]]` with `subnet = \"…\"` in lan.toml",
            Self::Gateway => "write `gateway = \"…\"` in lan.toml",
            Self::Nodes => "add `hosts = [{ address = \"…\", role = \"node\" }]` to lan.toml, or a Node manifest",
            Self::Networks => "write `[cluster]` with `pods = [\"…\"]` and `services = [\"…\"]` in lan.toml",
            Self::Values => "render it first, or pass the decrypted and substituted manifest on standard input",
            Self::OwnAnswers => "ask from a machine that is no node: poolcheck scan",
        }
    }
}

/// A rule with what the registry knows of it.
#[derive(Debug)]
pub struct Registered {
    /// The rule.
    pub rule: &'static Rule,
    /// Its family, the folder it lies in.
    pub family: &'static str,
    /// Its file, from the repository's root.
    pub file: &'static str,
    /// Its documentation: Markdown, the first line a summary.
    pub docs: &'static str,
}

impl Registered {
    /// What is wrong, in one sentence.
    pub fn summary(&self) -> &'static str {
        self.docs.lines().next().unwrap_or("")
    }

    /// The text of one `## ` section, without its heading.
    pub fn section(&self, heading: &str) -> Option<&'static str> {
        let start = self.docs.find(&format!("## {heading}\n"))? + heading.len() + 4;
        let rest = &self.docs[start..];
        Some(rest[..rest.find("\n## ").unwrap_or(rest.len())].trim())
    }

    /// The page about this rule.
    pub fn url(&self) -> String {
        format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), self.rule.id)
    }
}
