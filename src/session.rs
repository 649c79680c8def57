//! One run: configuration, facts and manifests brought together into one world.

use std::path::{Path, PathBuf};
use std::time::Instant;

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources, Span};
use poolcheck_router_adapters as adapters;
use poolcheck_rules::{Level, World, WorldInput};

use crate::cli::InputArgs;
use crate::collect::{self, Selection};
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::output::{Style, pretty};
use crate::report::{Problem, Report, Skipped, Summary};

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
    problems: Vec<Problem>,
    files: usize,
    started: Instant,
}

impl Session {
    /// Reads the configuration, the facts and the manifests, in this order.
    ///
    /// # Errors
    /// When the command line, the configuration or a facts file is wrong; inputs that cannot be read are problems of the
    /// report instead.
    pub(crate) fn open(input: &InputArgs) -> Result<Self, Failure> {
        let started = Instant::now();
        let mut sources = Sources::new();
        let found = match (&input.config, input.no_config) {
            (Some(file), _) => Some(file.clone()),
            (None, true) => None,
            (None, false) => config::discover(&start_folder(&input.paths)),
        };
        let config = match &found {
            Some(file) => config::read(file, &mut sources)?,
            None => Config::default(),
        };
        let facts = read_facts(input, &config, &mut sources)?;
        let selection = Selection {
            paths: input.paths.clone(),
            file_list: input.file_list.clone(),
            stdin_filename: input.stdin_filename.clone(),
            exclude: config.exclude.iter().chain(&input.exclude).cloned().collect(),
            exclude_root: config.folder.clone().unwrap_or_else(|| PathBuf::from(".")),
            hidden: input.hidden,
        };
        let collected = collect::collect(&selection, &Limits::default(), &mut sources)
            .map_err(|error| usage(&error.to_string(), "name files or folders that exist, or `-` for standard input"))?;
        Ok(Self {
            config,
            facts,
            sources,
            manifests: collected.manifests,
            problems: collected.problems,
            files: collected.files,
            started,
        })
    }

    /// The world that the rules judge.
    pub fn world(&self) -> World<'_> {
        World::build(WorldInput {
            sources: &self.sources,
            files: &self.manifests,
            facts: &self.facts,
            metallb_namespace: &self.config.metallb_namespace,
        })
    }

    /// Lets all rules judge, and reports.
    pub fn check(self) -> Report {
        let world = self.world();
        let mut outcome = poolcheck_rules::check(&world);
        outcome.findings.retain_mut(|finding| match self.config.levels.get(finding.rule) {
            Some(None) => false,
            Some(Some(level)) => {
                finding.level = *level;
                true
            }
            None => true,
        });
        outcome.not_checked.retain(|verdict| self.config.levels.get(verdict.rule) != Some(&None));
        let skipped: Vec<Skipped> =
            world.skipped().iter().map(|s| Skipped { place: s.place, what: s.what.clone() }).collect();
        let summary = Summary {
            files: self.files,
            documents: self.manifests.iter().map(|file| file.stream().documents.len()).sum(),
            pools: world.pools.len(),
            segments: self.facts.segments.len(),
            dhcp_ranges: self.facts.segments.iter().flat_map(|s| &s.dhcp).map(|d| d.ranges.len()).sum(),
            reservations: self.facts.segments.iter().flat_map(|s| &s.dhcp).map(|d| d.reservations.len()).sum(),
            nodes: world.nodes_known(),
            facts: self.facts.origins.iter().map(|origin| origin.title.clone()).collect(),
            elapsed: self.started.elapsed(),
        };
        drop(world);
        Report {
            sources: self.sources,
            findings: outcome.findings,
            not_checked: outcome.not_checked,
            skipped,
            problems: self.problems,
            summary,
        }
    }

    /// Inputs that could not be read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Where the search for a configuration begins: the first path's folder.
fn start_folder(paths: &[PathBuf]) -> PathBuf {
    let first = paths.iter().find(|path| *path != Path::new("-")).map_or(Path::new("."), PathBuf::as_path);
    if first.is_dir() { first.to_owned() } else { first.parent().map_or_else(|| ".".into(), Path::to_owned) }
}

/// Facts named on the command line come before those of the configuration; without either, `lan.toml` beside the
/// configuration or found as the configuration is.
fn read_facts(input: &InputArgs, config: &Config, sources: &mut Sources) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let mut files = input.facts.clone();
    files.extend(config.facts.iter().cloned());
    if files.is_empty() && !input.no_config {
        files.extend(config::discover_facts(&start_folder(&input.paths)));
    }
    for file in &files {
        facts.merge(read_facts_file(file, adapters::find("manual").expect("the manual adapter is built in"), sources)?);
    }
    for router in &config.routers {
        facts.merge(read_router_files(router, sources)?);
    }
    Ok(facts)
}

/// Reads one facts file or router file with an adapter.
pub(crate) fn read_facts_file(
    path: &Path,
    adapter: &'static adapters::Adapter,
    sources: &mut Sources,
) -> Result<Facts, Failure> {
    let name = collect::shown(path);
    let text = config::read_text(path)?;
    let page = adapters::Page { name: &name, text: &text };
    let input = adapters::Input { pages: &[page], read_at: None };
    adapter.parse(&input, sources).map_err(|error| Failure::facts(error, std::mem::take(sources)))
}
