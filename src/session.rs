//! One run: configuration, facts and manifests brought together into one world.

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::civil::Date;
use poolcheck_manifest::tree::{self, ClusterOption, Clusters, Composed, Definition, Options};
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::observed::Observed;
use poolcheck_plan::{Confidence, Facts, SourceKind, Sources};
use poolcheck_router_adapters as adapters;
use poolcheck_rules::{Finding, Ignoring, ValuesFile, World, WorldInput};

use crate::cli::{InputArgs, JudgingArgs};
use crate::collect::{self, Selection};
use crate::config::{self, Config};
use crate::exit::Exit;
pub use crate::failure::Failure;
use crate::fix::Buffers;
use crate::output::Style;
use crate::report::{Problem, Report, Skipped, Summary, Suppressed};
use crate::router::Choice;
use crate::scan::Scan;

/// Everything read, before any rule has judged it.
#[derive(Debug)]
pub struct Session {
    /// What the user configured.
    pub config: Config,
    /// What is known of the LAN.
    pub facts: Facts,
    /// All texts.
    pub sources: Sources,
    /// The manifests that hold something of ours.
    pub manifests: Vec<ManifestFile>,
    /// Which of them belong to which cluster.
    pub clusters: Clusters,
    /// Values files of which the configuration says the chart.
    pub values_files: Vec<ValuesFile>,
    /// Inputs that could not be read.
    pub problems: Vec<Problem>,
    /// What a scan saw, when there was one: then the rules about the wire judge, and they alone report.
    pub observed: Option<Observed>,
    /// What routers say now, when they were asked.
    pub now: Option<Facts>,
    files: usize,
    /// Whether everything below the configuration's folder was selected.
    whole: bool,
    started: Instant,
}

/// A mistake of the user's: status 2.
pub(crate) fn usage(message: &str, help: &str) -> Failure {
    Failure::plain(Exit::Usage, message, help)
}

impl Session {
    /// Reads the configuration, the facts and the manifests, in this order.
    pub(crate) fn open(input: &InputArgs) -> Result<Self, Failure> {
        Self::open_with(input, &Buffers::new())
    }

    /// As [`Session::open`], with texts that stand for files.
    pub(crate) fn open_with(input: &InputArgs, buffers: &Buffers) -> Result<Self, Failure> {
        let started = Instant::now();
        let mut sources = Sources::new();
        let found = match (&input.config, input.no_config) {
            (Some(file), _) => Some(file.clone()),
            (None, true) => None,
            (None, false) => config::discover(&start_folder(&input.paths)),
        };
        let config = match &found {
            Some(file) => config::read(file, input.staged, &mut sources)?,
            None => Config::default(),
        };
        let facts = read_facts(input, &config, &mut sources)?;
        let whole = !input.staged && selects_all_of(input, &config);
        let live = input.cluster.as_deref().map(read_cluster).transpose()?;
        let selection = Selection {
            paths: if live.is_some() { Vec::new() } else { input.paths.clone() },
            file_list: input.file_list.clone(),
            stdin_filename: input.stdin_filename.clone(),
            exclude: config.exclude.iter().chain(&input.exclude).cloned().collect(),
            exclude_root: config.folder.clone().unwrap_or_else(|| PathBuf::from(".")),
            hidden: input.hidden,
            staged: input.staged,
            buffers: buffers.clone(),
            wanted: config.values.iter().map(|values| values.path.clone()).collect(),
        };
        let collected = collect::collect(&selection, &Limits::default(), &mut sources).map_err(|error| {
            usage(&error.to_string(), "name files or folders that exist, or `-` for standard input")
        })?;
        let values = config.values.iter().zip(collected.wanted).filter_map(|(values, name)| {
            let (chart, namespace) = (values.chart.clone(), values.namespace.clone());
            Some(ValuesFile { name: name?, chart, namespace })
        });
        let values_files = values.collect();
        let (mut manifests, mut problems, mut files) = (collected.manifests, collected.problems, collected.files);
        for (title, text) in live.iter().flat_map(|live| &live.texts) {
            let source = sources.add(title.clone(), SourceKind::Card, text.as_str());
            manifests.push(ManifestFile::parse(source, text.as_str().into(), &Limits::default()));
            files += 1;
        }
        problems.extend(live.into_iter().flat_map(|live| live.problems));
        let options = tree_options(input, &config, &manifests, &sources);
        let Composed { files: manifests, clusters } =
            tree::compose(&manifests, &mut sources, &options, &Limits::default());
        Ok(Self {
            config,
            facts,
            sources,
            manifests,
            clusters,
            values_files,
            problems,
            observed: None,
            now: None,
            files,
            whole,
            started,
        })
    }

    /// Adds what was seen on the wire, by its record: a file, or a card.
    pub(crate) fn observe(&mut self, title: &str, kind: SourceKind, record: &str) -> Result<(), Failure> {
        let source = self.sources.add(title, kind, record);
        match adapters::observed::read(record, source) {
            Ok(observed) => self.observed = Some(observed),
            Err(error) => return Err(Failure::facts(error, std::mem::take(&mut self.sources))),
        }
        Ok(())
    }

    /// The world that the rules judge.
    pub fn world(&self) -> World<'_> {
        self.world_on(None)
    }

    /// The world as it is judged on a day.
    fn world_on(&self, today: Option<Date>) -> World<'_> {
        World::build(WorldInput {
            sources: &self.sources,
            files: &self.manifests,
            facts: &self.facts,
            metallb_namespace: self.config.metallb_namespace.as_deref(),
            clusters: &self.clusters,
            values_files: &self.values_files,
            today,
            facts_max_age: self.config.facts_max_age,
            observed: self.observed.as_ref(),
            now: self.now.as_ref(),
        })
    }

    fn ignoring(&self, judging: &JudgingArgs) -> Ignoring {
        Ignoring {
            today: Some(judging.today()),
            forbid_inline: !self.config.inline_ignores,
            whole: self.whole,
            configured: self.config.ignores.clone(),
        }
    }

    /// Lets all rules judge, and reports.
    pub(crate) fn check(self, judging: &JudgingArgs) -> Report {
        let world = self.world_on(Some(judging.today()));
        let mut outcome = if judging.no_ignores {
            poolcheck_rules::check(&world)
        } else {
            poolcheck_rules::check_with(&world, &self.ignoring(judging))
        };
        if self.observed.is_some() {
            outcome.keep_family(poolcheck_rules::WIRE);
        }
        let levels = judging.levels_over(&self.config.levels);
        let weigh = |finding: &mut Finding| match levels.get(finding.rule) {
            Some(None) => false,
            Some(Some(level)) => {
                finding.level = *level;
                true
            }
            None => true,
        };
        outcome.findings.retain_mut(weigh);
        outcome.suppressed.retain_mut(|suppressed| weigh(&mut suppressed.finding));
        outcome.not_checked.retain(|verdict| levels.get(verdict.rule) != Some(&None));
        let suppressed = outcome.suppressed.into_iter().map(|suppressed| Suppressed {
            finding: suppressed.finding,
            by: suppressed.by.into(),
            reason: suppressed.reason,
            place: Some(suppressed.place),
        });
        let suppressed = suppressed.collect();
        let skipped = world.skipped().iter().map(|s| Skipped { place: s.place, what: s.what.clone() }).collect();
        let servers = || self.facts.segments.iter().flat_map(|segment| &segment.dhcp);
        let summary = Summary {
            files: self.files,
            documents: self.manifests.iter().map(|file| file.stream().documents.len()).sum(),
            pools: world.pools.len(),
            segments: self.facts.segments.len(),
            dhcp_ranges: servers().map(|server| server.leased().count()).sum(),
            reservations: servers().map(|server| server.reservations.len()).sum(),
            nodes: world.nodes_known(),
            facts: self.facts.origins.iter().map(|origin| origin.title.clone()).collect(),
            elapsed: self.started.elapsed(),
        };
        let scan = self.observed.as_ref().map(|observed| Scan::of(&world, observed));
        drop(world);
        let (findings, not_checked) = (outcome.findings, outcome.not_checked);
        Report {
            sources: self.sources,
            findings,
            suppressed,
            gone: Vec::new(),
            not_checked,
            skipped,
            problems: self.problems,
            summary,
            scan,
        }
    }
}

/// Whether the folder of the configuration lies in what was selected.
fn selects_all_of(input: &InputArgs, config: &Config) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let Some(folder) = config.folder.as_deref().and_then(real) else { return false };
    input.paths.iter().filter_map(|path| real(path)).any(|path| folder.starts_with(path))
}

/// What a live cluster said: (title, text) of each list, and what could not be read.
#[derive(Debug, Default)]
struct Live {
    texts: Vec<(String, String)>,
    problems: Vec<Problem>,
}

/// Reads a live cluster; an empty name is the current context.
#[cfg(feature = "cluster")]
fn read_cluster(context: &str) -> Result<Live, Failure> {
    let listed = crate::cluster::read(Some(context).filter(|context| !context.is_empty())).map_err(|error| {
        let (exit, help) = match error {
            crate::cluster::ClusterError::Configuration(_) => {
                (Exit::Usage, "name a context that `kubectl config get-contexts` lists, or set KUBECONFIG")
            }
            crate::cluster::ClusterError::Unreachable { .. } => {
                (Exit::Unchecked, "see whether `kubectl get nodes` answers, or check manifests instead")
            }
        };
        Failure::plain(exit, &error.to_string(), help)
    })?;
    Ok(Live { texts: listed.texts, problems: listed.problems })
}

#[cfg(not(feature = "cluster"))]
fn read_cluster(_context: &str) -> Result<Live, Failure> {
    Err(usage(
        "this poolcheck was built without the feature `cluster`",
        "build it with `cargo install --path . --features cluster`, or: kubectl get … -o yaml | poolcheck check -",
    ))
}

/// What the user says of clusters and variables.
fn tree_options(input: &InputArgs, config: &Config, manifests: &[ManifestFile], sources: &Sources) -> Options {
    let mut substitute = config.substitute.clone();
    for (name, value) in &input.set {
        let definition = Definition { value: value.clone(), place: None, confidence: Confidence::High };
        substitute.insert(name.clone(), definition);
    }
    let clusters = config.clusters.iter().map(|cluster| {
        // Files and clusters may be named from different folders: what they are on the disk decides.
        let roots: Vec<PathBuf> = cluster.paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
        let names = manifests.iter().map(|file| &sources.get(file.source()).name);
        let inside = |name: &&String| {
            std::fs::canonicalize(name).is_ok_and(|real| roots.iter().any(|root| real.starts_with(root)))
        };
        let paths = names.filter(inside).cloned().collect();
        ClusterOption { name: cluster.name.clone(), paths, substitute: cluster.substitute.clone() }
    });
    Options { substitute, clusters: clusters.collect() }
}

/// Where the search for a configuration begins: the first path's folder.
fn start_folder(paths: &[PathBuf]) -> PathBuf {
    let first = paths.iter().find(|path| *path != Path::new("-")).map_or(Path::new("."), PathBuf::as_path);
    if first.is_dir() {
        return first.to_owned();
    }
    first.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| ".".into(), Path::to_owned)
}

/// Facts named on the command line, then those of the configuration; without any, the `lan.toml` that is found.
fn read_facts(input: &InputArgs, config: &Config, sources: &mut Sources) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let mut files = input.facts.clone();
    files.extend(config.facts.iter().cloned());
    if files.is_empty() && !input.no_config {
        files.extend(config::discover_facts(&start_folder(&input.paths)));
    }
    let manual = adapters::find("manual").expect("the manual adapter is built in");
    for file in &files {
        facts.merge(read_router(manual, std::slice::from_ref(file), input.staged, sources)?);
    }
    for router in config.routers.iter().filter(|router| !router.files.is_empty()) {
        facts.merge(Choice::of(&router.adapter, sources)?.read(&router.files, input.staged, sources)?);
    }
    if let Some(lock) = lock_of(input, &files) {
        facts.merge(read_router(manual, &[lock], input.staged, sources)?);
    }
    Ok(facts)
}

/// The lock beside what is checked, unless it is named already or the facts are those named alone.
fn lock_of(input: &InputArgs, named: &[PathBuf]) -> Option<PathBuf> {
    let lock =
        config::discover_lock(&start_folder(&input.paths)).filter(|_| !input.no_config && input.facts.is_empty())?;
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    (!named.iter().any(|file| real(file) == real(&lock))).then_some(lock)
}

/// Asks the routers that the lock names what they say now.
#[cfg(feature = "live")]
pub(crate) fn ask_again(input: &InputArgs, style: &Style, session: &mut Session) -> Result<(), Failure> {
    let Some(lock) = config::discover_lock(&start_folder(&input.paths)) else {
        return Err(usage("there is no poolcheck.lock to compare with", "write it: poolcheck router fetch --lock"));
    };
    let mut now = Facts::default();
    for locked in crate::router::lock::read(&lock, &mut Sources::new())? {
        let job = crate::router::ask::job_of(&locked, &session.config, &mut session.sources)?;
        now.merge(job.fetch(&mut session.sources, style)?.locked.facts);
    }
    session.now = Some(now);
    Ok(())
}

#[cfg(not(feature = "live"))]
pub(crate) fn ask_again(_input: &InputArgs, _style: &Style, _session: &mut Session) -> Result<(), Failure> {
    Err(crate::router::cannot_ask())
}

/// Reads the files of one router with its adapter.
pub(crate) fn read_router(
    adapter: &'static adapters::Adapter,
    files: &[PathBuf],
    staged: bool,
    sources: &mut Sources,
) -> Result<Facts, Failure> {
    let mut texts = Vec::new();
    for file in files {
        texts.push((collect::shown(file), config::read_text(file, staged)?));
    }
    let pages: Vec<_> = texts.iter().map(|(name, text)| adapters::Page { name, text }).collect();
    let input = adapters::Input { pages: &pages, read_at: None };
    adapter.parse(&input, sources).map_err(|error| Failure::facts(error, std::mem::take(sources)))
}
