//! The format `poolcheck.adapter/v1`: what an adapter file may say. There is no template language and no code in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The value of `schema` in every adapter file.
pub const FORMAT: &str = "poolcheck.adapter/v1";

/// An adapter file: how to recognise one router, what to ask it, and where its facts stand in the answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// The format: `poolcheck.adapter/v1`.
    pub schema: String,
    /// The adapter's name on the command line: small letters, digits and `-`.
    pub id: String,
    /// The adapter's own version, from 1; it stands in poolcheck.lock.
    pub version: u32,
    /// What it reads, for people.
    pub title: String,
    /// The devices and firmware that it was tried on. Empty when it never was.
    #[serde(default)]
    pub tested_on: Vec<String>,
    /// How what it relies on is known.
    pub evidence: String,
    /// What must be switched on or created on the router before.
    pub needs: Option<String>,
    /// Where on the router a person changes the DHCP range.
    pub how_to_shrink: Option<String>,
    /// What a run does on the router besides reading, for people.
    pub consent: Option<String>,
    /// Where the router is found.
    #[serde(default)]
    pub connect: Connect,
    /// What may be asked, and how much.
    pub limits: Limits,
    /// How to log in.
    #[serde(default)]
    pub auth: Auth,
    /// What is asked first, without any credential.
    pub identify: Identify,
    /// What is asked then, in this order.
    #[serde(default)]
    pub step: Vec<Step>,
    /// What is asked at the end, whatever happened before: the logout.
    #[serde(default)]
    pub finally: Vec<Finally>,
    /// Where the facts stand.
    #[serde(default)]
    pub segment: Vec<SegmentRule>,
    /// Instead of `segment`: the adapter of saved pages and configuration files that reads the answers (`poolcheck router list`).
    pub reads: Option<String>,
    /// The files that it is given, made of answers; without any, every answer as it came.
    #[serde(default)]
    pub page: Vec<PageRule>,
    /// What must agree.
    #[serde(default)]
    pub check: Vec<Check>,
    /// Names of JSON keys and XML elements that `router record` blanks, besides those that it always does; `*` stands for any letters.
    #[serde(default)]
    pub redact: Vec<String>,
    /// Answers, and the facts that they must give.
    #[serde(default)]
    pub test: Vec<Test>,
}

/// Where the router is found.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connect {
    /// Its address as it leaves the factory; without it the user names one.
    pub host: Option<String>,
    /// How it is spoken to.
    #[serde(default)]
    pub scheme: Scheme,
    /// Its port, where it is not the scheme's own.
    pub port: Option<u16>,
    /// A control socket on the same machine that takes the same commands, by its usual path.
    pub socket: Option<String>,
    /// A UPnP service type: where the router describes itself is asked of the segment (SSDP), and where the service is
    /// controlled stands in that description. They are `{description}` and `{control}` in requests.
    pub upnp: Option<String>,
}

/// How a router is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS, its certificate known by its SHA-256 fingerprint.
    Https,
}

/// What may be asked, and how much.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Every request that may be made: method and exact path, `GET /rest/ip/pool`. What is not here is never asked.
    pub requests: Vec<String>,
    /// Seconds that each request may take, at most 60.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
    /// The largest answer in KiB, at most 1024.
    #[serde(default = "default_body")]
    pub max_body_kib: u64,
}

const fn default_timeout() -> u64 {
    30
}

const fn default_body() -> u64 {
    256
}

/// How to log in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Auth {
    /// The way.
    #[serde(default)]
    pub scheme: AuthScheme,
    /// The user's name where everybody has the same.
    pub user: Option<String>,
    /// Whether the router may be set up without a login: then none is needed.
    #[serde(default)]
    pub optional: bool,
    /// The header that carries the secret, for the scheme `header`.
    pub header: Option<String>,
}

/// Ways to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthScheme {
    /// None.
    #[default]
    None,
    /// What the router asks for: Digest is answered; Basic only where the user allows it or TLS hides it.
    Challenge,
    /// HTTP Basic with every request.
    Basic,
    /// The secret in a header of every request.
    Header,
    /// A step posts the secret; what comes back is captured.
    Steps,
}

/// What is asked first.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identify {
    /// The path.
    pub get: Option<String>,
    /// The path, where nothing can be learned by a GET.
    pub post: Option<String>,
    /// The body, as JSON.
    pub json: Option<serde_json::Value>,
    /// What the answer must be for this to be the router.
    pub expect: Expect,
}

/// One request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Its name.
    pub id: String,
    /// The path of a GET.
    pub get: Option<String>,
    /// The path of a POST.
    pub post: Option<String>,
    /// What a POST does: a router is only ever read, logged in to and logged out of.
    pub effect: Option<Effect>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as JSON. `{name}` in its texts is replaced by what was captured, `{user}` or `{secret}`.
    pub json: Option<serde_json::Value>,
    /// The body, as XML; what replaces a `{name}` is escaped.
    pub xml: Option<String>,
    /// Texts made before the request.
    #[serde(default)]
    pub derive: Vec<Derive>,
    /// What the answer must be.
    #[serde(default)]
    pub expect: Expect,
    /// Answers with a meaning of their own, before `expect` is asked.
    #[serde(default)]
    pub errors: Vec<Trouble>,
    /// What is kept of the answer.
    #[serde(default)]
    pub capture: BTreeMap<String, Capture>,
    /// Whether the router may lack it (404, 403, 501).
    #[serde(default)]
    pub optional: bool,
    /// Whether the answer may be larger than is read: what it says is then not known, and the rest is.
    #[serde(default)]
    pub may_be_large: bool,
    /// Whether it is only asked where a password was given: what is to be known before a login.
    #[serde(default)]
    pub with_secret: bool,
}

/// What a POST does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It reads.
    Read,
    /// It begins a session.
    Login,
}

/// A text made of others.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Derive {
    /// Its name.
    pub name: String,
    /// What is made of them.
    pub by: DeriveBy,
    /// What it is made of, one after the other: `{secret}`, `{user}`, captured or derived before.
    pub of: Vec<String>,
}

/// What can be made of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeriveBy {
    /// The Base64 of the lower-case hexadecimal SHA-256.
    Sha256HexBase64,
    /// The lower-case hexadecimal SHA-256.
    Sha256Hex,
}

/// A request at the end.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Finally {
    /// What must have been captured for this to be asked.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The path of a DELETE.
    pub delete: Option<String>,
    /// The path of a POST.
    pub post: Option<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as JSON.
    pub json: Option<serde_json::Value>,
    /// The body, as XML.
    pub xml: Option<String>,
}

/// What an answer must be.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// HTTP status; 200 where none is given.
    #[serde(default)]
    pub status: Vec<u16>,
    /// A regular expression that it must match.
    pub regex: Option<String>,
    /// A JSON pointer that must lead somewhere.
    pub json: Option<String>,
    /// A path of XML elements that must lead somewhere.
    pub xml: Option<String>,
    /// A header, as `name: regular expression`, that must be there.
    pub header: Option<String>,
}

/// An answer with a meaning of its own. Every condition that is given must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trouble {
    /// HTTP status.
    pub status: Option<u16>,
    /// A JSON pointer.
    pub json: Option<String>,
    /// A path of XML elements.
    pub xml: Option<String>,
    /// What stands there; without it anything.
    #[serde(default)]
    pub is: Vec<String>,
    /// A regular expression that the answer matches.
    pub regex: Option<String>,
    /// What it means.
    pub means: Meaning,
    /// Where the seconds to wait stand, for `locked`: a JSON pointer, or a regular expression with one group after `regex:`.
    pub wait: Option<String>,
    /// What the user can do, where it is more than usual.
    pub say: Option<String>,
}

/// What an answer can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The password is wrong.
    WrongPassword,
    /// Somebody else is logged in, or no session is free.
    Busy,
    /// Logging in is locked for a while.
    Locked,
    /// The login is right and may not read this.
    Denied,
    /// The router has no such service, or it is switched off.
    NotOffered,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capture {
    /// A JSON pointer.
    pub json: Option<String>,
    /// A path of XML elements.
    pub xml: Option<String>,
    /// A regular expression with one group.
    pub regex: Option<String>,
    /// A header; several are tried in turn.
    pub header: Option<OneOrMany>,
    /// Whether the router may not give it. What carries it is then sent without.
    #[serde(default)]
    pub optional: bool,
}

/// One value, or several of which the first that says something counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text or a list of texts")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &String> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// Where a text stands: in the answer of a step, or, inside `each`, in the item.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pick {
    /// The step whose answer it is; without it the item of `each`.
    pub from: Option<String>,
    /// A regular expression with one group; the first match, in `each` every match.
    pub regex: Option<String>,
    /// A JSON pointer (RFC 6901), `*` for every element; several are tried in turn.
    pub json: Option<OneOrMany>,
    /// A path of XML element names without prefixes, `/A/B`, `//B` for any depth, `*` for any name; several are tried in turn.
    pub xml: Option<OneOrMany>,
    /// A CSS selector.
    pub css: Option<String>,
    /// The attribute of what the CSS selector finds; without it the text.
    pub attr: Option<String>,
    /// A text that is not read but always so (a documented default).
    pub always: Option<String>,
    /// A row of another answer.
    pub lookup: Option<Lookup>,
    /// Texts into what they mean.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// Where a text of several values is divided.
    pub split: Option<String>,
    /// Texts that mean nothing is set.
    #[serde(default)]
    pub empty: Vec<String>,
    /// How it is written.
    #[serde(rename = "as")]
    pub written: Option<Written>,
    /// Whether it may be missing.
    #[serde(default)]
    pub optional: bool,
    /// How sure it is: `high`, `medium` or `low`.
    pub confidence: Option<Sure>,
    /// It says something only where this holds too.
    pub when: Option<Box<Condition>>,
}

/// How sure a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// Said by the router.
    High,
    /// A documented default, or one reading of two.
    Medium,
    /// A guess with a reason.
    Low,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// An IPv4 address as eight hexadecimal digits, with anything before them.
    HexIpv4,
    /// A number of seconds.
    Seconds,
    /// A number of minutes.
    Minutes,
    /// A number of hours.
    Hours,
    /// A number with units: `12h`, `1d10m`, `10m0s`.
    Units,
    /// As dnsmasq writes a host: `MAC,ADDRESS,name`.
    DhcpHost,
}

/// A row of another answer, found by a value that the item has too.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lookup {
    /// The step.
    pub from: String,
    /// A JSON pointer to the rows.
    pub rows: String,
    /// A JSON pointer within a row, compared with …
    pub by: String,
    /// … a JSON pointer within the item.
    pub equals: String,
    /// A JSON pointer within the row that is found: the text.
    pub take: String,
}

/// One pick, or several of which the first that says something counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a pick such as { from = \"step\", json = \"/pointer\" }, or a list of them; router-adapters/fritzbox.toml is an example"
)]
pub enum Picks {
    /// One.
    One(Box<Pick>),
    /// Several.
    Many(Vec<Pick>),
}

impl Picks {
    pub(crate) fn as_slice(&self) -> &[Pick] {
        match self {
            Self::One(one) => std::slice::from_ref(one.as_ref()),
            Self::Many(many) => many,
        }
    }
}

/// Whether an item counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// The text.
    pub of: Pick,
    /// It must be one of these.
    #[serde(default)]
    pub is: Vec<String>,
    /// It must be none of these.
    #[serde(default)]
    pub not: Vec<String>,
    /// It must be there.
    #[serde(default)]
    pub there: bool,
    /// It must be what stands at this JSON pointer of the segment's item.
    pub same_as: Option<String>,
}

/// Where the facts of one segment, or of each of several, stand.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SegmentRule {
    /// Several segments: one for each item.
    pub each: Option<Pick>,
    /// Which items count.
    #[serde(default)]
    pub only: Vec<Condition>,
    /// A person's name for it.
    pub name: Option<Picks>,
    /// IEEE 802.1Q VLAN.
    pub vlan: Option<Picks>,
    /// The prefix: `192.168.1.0/24`, or an address with a prefix length.
    pub subnet: Option<Picks>,
    /// The router's address; with `mask` it gives the prefix.
    pub gateway: Option<Picks>,
    /// The network mask: `255.255.255.0`, `24` or `/24`.
    pub mask: Option<Picks>,
    /// The router's own address, where machines are told another gateway.
    pub router: Option<Picks>,
    /// DNS servers: those of every pick.
    pub dns: Option<Picks>,
    /// `on`, `off`, `relay`, `static-only` or `unknown`.
    pub state: Option<Picks>,
    /// The DHCP server's own address.
    pub server: Option<Picks>,
    /// The first leased address.
    pub start: Option<Picks>,
    /// The last leased address.
    pub end: Option<Picks>,
    /// Ranges: `A-B`, one address or a prefix.
    pub ranges: Option<Picks>,
    /// The first leased address, counted from the network address; with `limit`.
    pub offset: Option<Picks>,
    /// How many addresses are leased, from `offset` or from `start` on.
    pub limit: Option<Picks>,
    /// Ranges that are never leased.
    pub excluded: Option<Picks>,
    /// Lease time.
    pub lease: Option<Picks>,
    /// Fixed addresses.
    pub reservations: Option<ReservationRule>,
}

/// Where fixed addresses stand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReservationRule {
    /// One for each item; with `as = "dhcp-host"` the item says all of it.
    pub each: Pick,
    /// Which items count.
    #[serde(default)]
    pub only: Vec<Condition>,
    /// The address.
    pub address: Option<Pick>,
    /// The MAC address.
    pub mac: Option<Pick>,
    /// The name.
    pub name: Option<Pick>,
}

/// A file that the adapter of files is given: a part of an answer, written as the router itself would write it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PageRule {
    /// The file's name. Pages of one name are one file, one behind the other.
    pub name: String,
    /// The step whose answer it is. One that the router lacks, and may, gives nothing.
    pub from: String,
    /// Where it stands in the answer: a JSON pointer; several are tried in turn.
    pub json: OneOrMany,
    /// How the file is written.
    #[serde(rename = "as")]
    pub form: Form,
    /// The menu whose entries these are, for `routeros`: `/ip pool`.
    pub menu: Option<String>,
    /// Which entries count.
    #[serde(default)]
    pub only: Vec<Condition>,
    /// The keys that are written; without them all.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Keys that are written in the place of another, where they are there.
    #[serde(default)]
    pub instead: BTreeMap<String, String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As JSON.
    Json,
    /// As TOML.
    Toml,
    /// As OpenWrt's UCI: sections of a configuration that `ubus` gave.
    Uci,
    /// As an export of RouterOS: entries of one menu that REST gave.
    Routeros,
}

/// What must agree: otherwise nothing is believed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Check {
    /// Texts that must be the same where both are there.
    #[serde(default)]
    pub same: Vec<Pick>,
    /// A JSON pointer to rows …
    pub rows: Option<Pick>,
    /// … and how many there must be: otherwise the answer is a part of the whole.
    pub total: Option<Pick>,
    /// What it means when they do not agree.
    pub say: String,
}

/// Answers, and what they must give.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Test {
    /// What is tested.
    pub name: String,
    /// The answer of each step: a file beside the adapter, …
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// … or the text itself.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// The HTTP status of a step's answer; 200 where none is given.
    #[serde(default)]
    pub status: BTreeMap<String, u16>,
    /// The facts as a facts file, …
    pub facts: Option<String>,
    /// … or what the error says, a part of it.
    pub error: Option<String>,
}
