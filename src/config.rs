//! `poolcheck.toml`: found upwards from what is checked to the repository's root, and no further.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use poolcheck_manifest::tree::Definition;
use poolcheck_plan::{Confidence, SourceKind, Sources, Span};
use poolcheck_router_adapters::spanned_toml::{self, Item, Reader, nearest};
use poolcheck_router_adapters::{AdapterError, Complaint};
use poolcheck_rules::{ConfiguredIgnore, FACTS_MAX_AGE, Fact, Level, name_pattern, parse_day};
use toml::de::DeTable;

use crate::router::Named;
use crate::session::{Failure, usage};

/// The file's name.
pub const NAME: &str = "poolcheck.toml";
/// The facts file that is used when none is named.
pub const FACTS_NAME: &str = "lan.toml";
/// What routers said, kept beside the configuration.
pub const LOCK_NAME: &str = "poolcheck.lock";

const KEYS: [&str; 15] = [
    "facts-max-age",
    "facts",
    "exclude",
    "fail-on",
    "require",
    "allow-empty",
    "metallb-namespace",
    "rules",
    "router",
    "values",
    "substitute",
    "cluster",
    "ignore",
    "inline-ignores",
    "baseline",
];
const CLUSTER_KEYS: [&str; 3] = ["name", "paths", "substitute"];
const VALUES_KEYS: [&str; 3] = ["file", "chart", "namespace"];
const IGNORE_KEYS: [&str; 5] = ["rule", "object", "path", "reason", "until"];
const ROUTER_KEYS: [&str; 7] = ["adapter", "file", "host", "user", "secret", "pin", "allow-basic"];

/// What the user configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the configuration file; paths and globs in it are relative to it.
    pub folder: Option<PathBuf>,
    /// Facts files.
    pub facts: Vec<PathBuf>,
    /// Globs of files to leave out.
    pub exclude: Vec<String>,
    /// The level from which findings fail a run; `None` for never.
    pub fail_on: Option<Level>,
    /// Facts without which a run fails.
    pub require: Vec<Fact>,
    /// Whether a run without pools succeeds.
    pub allow_empty: bool,
    /// The namespace MetalLB runs in; `None` to see it from the manifests.
    pub metallb_namespace: Option<String>,
    /// Levels by rule; `None` switches a rule off.
    pub levels: BTreeMap<String, Option<Level>>,
    /// Routers, read from saved files or fetched.
    pub routers: Vec<Router>,
    /// Values files of Helm charts.
    pub values: Vec<Values>,
    /// How old facts read from a router may be, in days.
    pub facts_max_age: u16,
    /// Variables that GitOps substitutes, before what the tree says.
    pub substitute: BTreeMap<String, Definition>,
    /// The clusters of the tree; none to infer them.
    pub clusters: Vec<Cluster>,
    /// Findings that are accepted.
    pub ignores: Vec<ConfiguredIgnore>,
    /// Whether comments and annotations in manifests may ignore findings.
    pub inline_ignores: bool,
    /// The file of findings that were there before.
    pub baseline: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: None,
            facts: Vec::new(),
            exclude: Vec::new(),
            fail_on: Some(Level::Error),
            require: Vec::new(),
            allow_empty: false,
            metallb_namespace: None,
            levels: BTreeMap::new(),
            routers: Vec::new(),
            values: Vec::new(),
            facts_max_age: FACTS_MAX_AGE,
            substitute: BTreeMap::new(),
            clusters: Vec::new(),
            ignores: Vec::new(),
            inline_ignores: true,
            baseline: None,
        }
    }
}

/// One `[[cluster]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its folders and files.
    pub paths: Vec<PathBuf>,
    /// Variables of this cluster.
    pub substitute: BTreeMap<String, Definition>,
}

/// One file of `[[values]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The values file.
    pub path: PathBuf,
    /// The chart that it is for.
    pub chart: String,
    /// The namespace the chart is installed into.
    pub namespace: Option<String>,
}

/// One `[[router]]`.
#[derive(Debug, Clone)]
pub struct Router {
    /// Its adapter.
    pub adapter: Named,
    /// Saved pages or configuration files; `check` reads only these.
    pub files: Vec<PathBuf>,
    /// Its address, for `router fetch`.
    pub host: Option<String>,
    /// The user to log in as.
    pub user: Option<String>,
    /// Where the secret comes from.
    pub secret: Option<SecretSource>,
    /// The SHA-256 fingerprint of its TLS certificate.
    pub pin: Option<String>,
    /// Whether the password may be sent readable.
    pub allow_basic: bool,
}

/// Where a secret comes from; never the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file with mode 0600.
    File(PathBuf),
    /// The standard output of a command.
    Command(String),
}

/// The configuration for a folder: in it or above it, up to the first folder that is a repository's root.
pub fn discover(start: &Path) -> Option<PathBuf> {
    upwards(start, NAME)
}

/// The lock for a folder, found as the configuration is.
pub fn discover_lock(start: &Path) -> Option<PathBuf> {
    upwards(start, LOCK_NAME)
}

/// The facts file for a folder, found as the configuration is.
pub fn discover_facts(start: &Path) -> Option<PathBuf> {
    upwards(start, FACTS_NAME)
}

fn upwards(start: &Path, name: &str) -> Option<PathBuf> {
    let absolute = fs::canonicalize(start).ok()?;
    for (height, folder) in absolute.ancestors().enumerate() {
        // Shown as the user would reach it: by a part of the path that was given, or above it with dots.
        let given = start.ancestors().nth(height).filter(|path| {
            path.file_name().is_some() && start.components().all(|part| matches!(part, Component::Normal(_)))
        });
        let shown = given.map_or_else(|| start.join("../".repeat(height)), Path::to_owned);
        let file = shown.join(name);
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Reads a text the user named.
///
/// With `staged`, as it stands in the git index where the work tree has it otherwise.
pub(crate) fn read_text(path: &Path, staged: bool) -> Result<String, Failure> {
    const LIMIT: u64 = 8 << 20;
    let name = path.display();
    let wrong = |message: String, help: &str| usage(&message, help);
    if staged {
        let copy = crate::collect::staged_copy(path);
        let copy =
            copy.map_err(|e| wrong(format!("{name}: {e}"), "run it in the repository, without --staged outside one"))?;
        let text = copy.and_then(|bytes| match utf16(&bytes) {
            Some(text) => text.ok(),
            None => String::from_utf8(bytes).ok(),
        });
        if let Some(text) = text {
            return Ok(text);
        }
    }
    let about =
        fs::metadata(path).map_err(|e| wrong(format!("{name} cannot be read: {e}"), "name a file that exists"))?;
    if !about.is_file() {
        return Err(wrong(format!("{name} is not a regular file"), "name a file"));
    }
    if about.len() > LIMIT {
        return Err(wrong(format!("{name} is larger than {} MiB", LIMIT >> 20), "name the right file"));
    }
    let bytes =
        fs::read(path).map_err(|e| wrong(format!("{name} cannot be read: {e}"), "give poolcheck leave to read it"))?;
    if let Some(text) = utf16(&bytes) {
        return text.map_err(|()| wrong(format!("{name} begins as UTF-16 and does not go on so"), "save it as UTF-8"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        wrong(format!("{name} is not UTF-8 at byte {at}"), "save it as UTF-8")
    })
}

/// A text that begins with the mark of UTF-16, as what Windows PowerShell writes into a file; an error where it is broken.
fn utf16(bytes: &[u8]) -> Option<Result<String, ()>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text = char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| ());
    Some(text.and_then(|text| if rest.is_empty() { Ok(text) } else { Err(()) }))
}

/// Reads a configuration file.
pub(crate) fn read(path: &Path, staged: bool, sources: &mut Sources) -> Result<Config, Failure> {
    let text = read_text(path, staged)?;
    let source = sources.add(crate::collect::shown(path), SourceKind::File, spanned_toml::masked(&text));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = File { reader: Reader::new(source), folder: folder.clone() };
    let root = file.reader.parse(&text);
    let config = file.config(root.get_ref());
    if file.reader.complaints.is_empty() {
        return Ok(Config { folder: Some(folder), ..config });
    }
    Err(Failure::facts(AdapterError { complaints: file.reader.complaints }, std::mem::take(sources)))
}

struct File {
    reader: Reader,
    folder: PathBuf,
}

impl File {
    fn config(&mut self, root: &DeTable<'_>) -> Config {
        self.reader.only_keys(root, &KEYS, NAME);
        let facts = root.get("facts").map(|item| self.paths(item, "facts")).unwrap_or_default();
        let mut config = Config { facts, ..Config::default() };
        if let Some(item) = root.get("exclude") {
            config.exclude = self.strings(item, "exclude").into_iter().map(|(text, _)| text).collect();
        }
        if let Some(item) = root.get("fail-on") {
            let levels = [
                ("error", Some(Level::Error)),
                ("warning", Some(Level::Warning)),
                ("note", Some(Level::Note)),
                ("never", None),
            ];
            config.fail_on = self.reader.choice(item, "fail-on", &levels).unwrap_or(config.fail_on);
        }
        let facts = Fact::ALL.map(|fact| (fact.name(), fact));
        for item in root.get("require").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            config.require.extend(self.reader.choice(item, "require", &facts));
        }
        if let Some(item) = root.get("allow-empty") {
            match item.get_ref().as_bool() {
                Some(allow) => config.allow_empty = allow,
                None => self.reader.wrong_type(item, "allow-empty", "true or false"),
            }
        }
        if let Some(name) = root.get("metallb-namespace").and_then(|i| self.reader.string(i, "metallb-namespace")) {
            config.metallb_namespace = Some(name.to_owned());
        }
        if let Some(table) = root.get("rules").and_then(|item| self.reader.table(item, "rules")) {
            config.levels = self.levels(table);
        }
        for item in root.get("router").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "router") {
                let place = self.reader.span(item.span());
                config.routers.extend(self.router(table, place));
            }
        }
        for item in root.get("values").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "values") {
                let place = self.reader.span(item.span());
                self.values(table, place, &mut config.values);
            }
        }
        if let Some(item) = root.get("facts-max-age") {
            let days = item.get_ref().as_integer().and_then(|n| u16::from_str_radix(n.as_str(), n.radix()).ok());
            match days {
                Some(days) => config.facts_max_age = days,
                None => self.reader.wrong_type(item, "facts-max-age", "a number of days"),
            }
        }
        config.substitute = self.variables(root);
        for item in root.get("cluster").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "cluster") {
                let place = self.reader.span(item.span());
                config.clusters.extend(self.cluster(table, place));
            }
        }
        for item in root.get("ignore").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "ignore") {
                let place = self.reader.span(item.span());
                config.ignores.extend(self.ignore(table, place));
            }
        }
        if let Some(item) = root.get("inline-ignores") {
            match item.get_ref().as_bool() {
                Some(allow) => config.inline_ignores = allow,
                None => self.reader.wrong_type(item, "inline-ignores", "true or false"),
            }
        }
        config.baseline = root
            .get("baseline")
            .and_then(|item| self.reader.string(item, "baseline"))
            .map(|name| self.folder.join(name));
        config
    }

    /// `[substitute]`: the variables, each with its place.
    fn variables(&mut self, table: &DeTable<'_>) -> BTreeMap<String, Definition> {
        let mut found = BTreeMap::new();
        let table = table.get("substitute").and_then(|item| self.reader.table(item, "substitute"));
        for (key, item) in table.into_iter().flatten() {
            if let Some(value) = self.reader.string(item, "substitute").map(str::to_owned) {
                let place = Some(self.reader.inside(item));
                found.insert(key.get_ref().to_string(), Definition { value, place, confidence: Confidence::High });
            }
        }
        found
    }

    /// One `[[cluster]]`: which folders are one cluster.
    fn cluster(&mut self, table: &DeTable<'_>, place: Span) -> Option<Cluster> {
        self.reader.only_keys(table, &CLUSTER_KEYS, "[[cluster]]");
        let name = table.get("name").and_then(|item| self.reader.string(item, "name")).map(str::to_owned);
        let paths = table.get("paths").map(|item| self.paths(item, "paths"));
        let substitute = self.variables(table);
        let (Some(name), Some(paths)) = (name, paths) else {
            let complaint = Complaint::at(place, "`name` or `paths` is missing", "a cluster needs a name and paths");
            self.reader.complain(complaint.help("write name = \"home\" and paths = [\"clusters/home\", \"apps\"]"));
            return None;
        };
        Some(Cluster { name, paths, substitute })
    }

    /// One `[[values]]`: the values files of one chart.
    fn values(&mut self, table: &DeTable<'_>, place: Span, files: &mut Vec<Values>) {
        self.reader.only_keys(table, &VALUES_KEYS, "[[values]]");
        for key in ["file", "chart"] {
            if table.get(key).is_none() {
                let complaint =
                    Complaint::at(place, format!("no `{key}` here"), format!("`[[values]]` has no `{key}`"));
                let help = "write file = \"traefik/values.yaml\" and chart = \"traefik\"";
                self.reader.complain(complaint.help(help));
                return;
            }
        }
        let Some(chart) = table.get("chart").and_then(|item| self.reader.string(item, "chart")) else { return };
        let chart = chart.to_owned();
        let namespace = table.get("namespace").and_then(|i| self.reader.string(i, "namespace")).map(str::to_owned);
        for path in table.get("file").map(|item| self.paths(item, "file")).unwrap_or_default() {
            files.push(Values { path, chart: chart.clone(), namespace: namespace.clone() });
        }
    }

    /// One `[[ignore]]`: findings that are accepted.
    fn ignore(&mut self, table: &DeTable<'_>, place: Span) -> Option<ConfiguredIgnore> {
        self.reader.only_keys(table, &IGNORE_KEYS, "[[ignore]]");
        let Some(item) = table.get("rule") else {
            let complaint = Complaint::at(place, "no `rule` here", "an ignore names no rule");
            self.reader.complain(complaint.help("write rule = \"pool-in-dhcp-range\" and reason = \"…\""));
            return None;
        };
        let rules = self.strings(item, "rule");
        for (name, place) in &rules {
            self.known_rule(name, *place);
        }
        let folder = crate::collect::shown(&self.folder);
        let folder = if folder == "." || folder.is_empty() { String::new() } else { format!("{folder}/") };
        let reason = table.get("reason").and_then(|item| self.reader.string(item, "reason")).map(str::trim);
        let reason = reason.filter(|text| !text.is_empty()).map(str::to_owned);
        let (object, path) = (self.pattern(table, "object"), self.pattern(table, "path"));
        let until = table.get("until").and_then(|item| {
            let written = item.get_ref().as_datetime().map(ToString::to_string);
            let text = written.as_deref().or_else(|| item.get_ref().as_str());
            let day = text.and_then(parse_day);
            if day.is_none() {
                self.reader.wrong_type(item, "until", "a day: 2026-12-31");
            }
            day
        });
        Some(ConfiguredIgnore { rules, object, path, folder, reason, until })
    }

    fn pattern(&mut self, table: &DeTable<'_>, key: &str) -> Option<globset::GlobMatcher> {
        let item = table.get(key)?;
        let text = self.reader.string(item, key)?;
        match name_pattern(text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let place = self.reader.inside(item);
                let message = format!("`{key}` has a pattern that cannot be read: {error}");
                let help = "`*` stands for a part of a name, `**` for any number of folders";
                self.reader.complain(Complaint::at(place, "this pattern", message).help(help));
                None
            }
        }
    }

    fn known_rule(&mut self, name: &str, place: Span) {
        let known: Vec<&str> = poolcheck_rules::all().iter().map(|registered| registered.rule.id).collect();
        if known.contains(&name) {
            return;
        }
        let complaint = Complaint::at(place, "unknown rule", format!("there is no rule `{name}`"));
        let help = nearest(name, &known)
            .map_or_else(|| "`poolcheck rules` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
        self.reader.complain(complaint.help(help));
    }

    fn strings(&mut self, item: Item<'_, '_>, key: &str) -> Vec<(String, Span)> {
        let items = self.reader.one_or_many(item);
        items
            .into_iter()
            .filter_map(|item| Some((self.reader.string(item, key)?.to_owned(), self.reader.inside(item))))
            .collect()
    }

    fn paths(&mut self, item: Item<'_, '_>, key: &str) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (text, place) in self.strings(item, key) {
            let path = self.folder.join(&text);
            if path.exists() {
                paths.push(path);
            } else {
                let message = format!("`{key}` names {text}, which is not there");
                let help = format!("paths are relative to this file's folder ({})", self.folder.display());
                self.reader.complain(Complaint::at(place, "no such file", message).help(help));
            }
        }
        paths
    }

    fn levels(&mut self, table: &DeTable<'_>) -> BTreeMap<String, Option<Level>> {
        let words = [
            ("error", Some(Level::Error)),
            ("warning", Some(Level::Warning)),
            ("note", Some(Level::Note)),
            ("off", None),
        ];
        let mut levels = BTreeMap::new();
        for (key, item) in table {
            let name: &str = key.get_ref();
            if poolcheck_rules::find(name).is_none() {
                let place = self.reader.span(key.span());
                self.known_rule(name, place);
            } else if let Some(level) = self.reader.choice(item, name, &words) {
                levels.insert(name.to_owned(), level);
            }
        }
        levels
    }

    fn router(&mut self, table: &DeTable<'_>, place: Span) -> Option<Router> {
        self.reader.only_keys(table, &ROUTER_KEYS, "[[router]]");
        let ids = crate::router::ids();
        let Some(item) = table.get("adapter") else {
            let complaint = Complaint::at(place, "no `adapter` here", "a router has no adapter");
            self.reader.complain(complaint.help(format!("the adapters are {}", ids.join(", "))));
            return None;
        };
        let adapter = match Named::of(self.reader.string(item, "adapter")?, &self.folder) {
            Named::File(_) => Named::File(self.paths(item, "adapter").into_iter().next()?),
            Named::Id(_) => {
                let ids: Vec<(&str, &'static str)> = ids.into_iter().map(|id| (id, id)).collect();
                Named::Id(self.reader.choice(item, "adapter", &ids)?.to_owned())
            }
        };
        let files = table.get("file").map(|item| self.paths(item, "file")).unwrap_or_default();
        let mut text = |key: &str| table.get(key).and_then(|i| self.reader.string(i, key)).map(str::to_owned);
        let (host, user) = (text("host"), text("user"));
        let secret = table.get("secret").and_then(|item| self.secret(item));
        let pin = table.get("pin").and_then(|item| self.pin(item));
        let allow_basic = table.get("allow-basic").is_some_and(|item| {
            item.get_ref().as_bool().unwrap_or_else(|| {
                self.reader.wrong_type(item, "allow-basic", "true or false");
                false
            })
        });
        Some(Router { adapter, files, host, user, secret, pin, allow_basic })
    }

    fn pin(&mut self, item: Item<'_, '_>) -> Option<String> {
        let text = self.reader.string(item, "pin")?;
        let digits = text.strip_prefix("sha256:").unwrap_or(text).chars().filter(|c| *c != ':');
        if digits.clone().count() == 64 && digits.clone().all(|c| c.is_ascii_hexdigit()) {
            return Some(text.to_owned());
        }
        let place = self.reader.inside(item);
        let complaint = Complaint::at(place, "not a fingerprint", "`pin` is no SHA-256 fingerprint");
        self.reader
            .complain(complaint.help("write sha256: and 64 hexadecimal digits, as poolcheck router fetch shows it"));
        None
    }

    fn secret(&mut self, item: Item<'_, '_>) -> Option<SecretSource> {
        let Some(table) = item.get_ref().as_table() else {
            let place = self.reader.span(item.span());
            self.reader.complain(
                Complaint::at(place, "a secret in a file", "a secret is written into the configuration").help(
                    "delete it here, change it on the router, and write secret = { env = \"…\" }, { file = \"…\" } or { command = \"…\" }",
                ),
            );
            return None;
        };
        self.reader.only_keys(table, &["env", "file", "command"], "`secret`");
        if let Some(item) = table.get("env") {
            return self.reader.string(item, "env").map(|name| SecretSource::Env(name.to_owned()));
        }
        if let Some(item) = table.get("file") {
            return self.reader.string(item, "file").map(|name| SecretSource::File(self.folder.join(name)));
        }
        let item = table.get("command")?;
        self.reader.string(item, "command").map(|line| SecretSource::Command(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, text).unwrap();
        match read(&path, false, &mut Sources::new()) {
            Ok(_) => Vec::new(),
            Err(failure) => failure.messages(),
        }
    }

    #[test]
    fn what_powershell_wrote_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dhcp.xml");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_text(&path, false).ok()
        };
        assert_eq!(read(b"\xff\xfe<\x00\xfc\x00>\x00").as_deref(), Some("<ü>"));
        assert_eq!(read(b"\xfe\xff\x00<\xd8\x3d\xde\x00").as_deref(), Some("<\u{1f600}"));
        assert_eq!(read(b"\xff\xfe").as_deref(), Some(""));
        // Cut short, half a character, and no mark at all.
        for broken in [&b"\xff\xfe<"[..], b"\xff\xfe\x3d\xd8", b"\xfd\x00"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn mistakes_have_suggestions() {
        assert_eq!(complaints("fail-on = \"warning\"\n[rules]\npool-in-dhcp-range = \"note\"\n"), [""; 0]);
        assert_eq!(complaints("fial-on = \"warning\"\n"), ["unknown key `fial-on` in poolcheck.toml"]);
        assert_eq!(complaints("[rules]\npool-in-dhcp-rage = \"off\"\n"), ["there is no rule `pool-in-dhcp-rage`"]);
        assert_eq!(complaints("[[router]]\nadapter = \"skyhub\"\n"), ["`adapter` cannot be `skyhub`"]);
        assert_eq!(complaints("facts = \"gone.toml\"\n"), ["`facts` names gone.toml, which is not there"]);
        assert_eq!(complaints("[[ignore]]\nrule = \"pool-overlp\"\n"), ["there is no rule `pool-overlp`"]);
        assert_eq!(complaints("[[ignore]]\nreason = \"x\"\n"), ["an ignore names no rule"]);
        assert_eq!(
            complaints("[[ignore]]\nrule = \"pool-overlap\"\nuntil = \"soon\"\n"),
            ["`until` must be a day: 2026-12-31"]
        );
        assert_eq!(complaints("[[ignore]]\nrule = \"pool-overlap\"\nuntil = 2026-12-31\n"), [""; 0]);
        let secret = "[[router]]\nadapter = \"manual\"\nsecret = \"hunter2\"\n";
        assert_eq!(complaints(secret), ["a secret is written into the configuration"]);
    }

    #[test]
    fn the_search_stops_at_the_repository() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join(NAME), "").unwrap();
        let repository = outer.path().join("repo");
        fs::create_dir_all(repository.join(".git")).unwrap();
        fs::create_dir_all(repository.join("k8s/apps")).unwrap();
        assert_eq!(discover(&repository.join("k8s/apps")), None);
        fs::write(repository.join(NAME), "").unwrap();
        let found = discover(&repository.join("k8s/apps")).expect("it is there");
        assert!(fs::canonicalize(found).unwrap().ends_with("repo/poolcheck.toml"));
    }
}
