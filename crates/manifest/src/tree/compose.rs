//! From files as read to files as applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use poolcheck_plan::Sources;
use rayon::prelude::*;

use super::clusters::{Clusters, Part, is_shelved};
use super::graph::{Graph, Unit, patch_file, patches};
use super::patch;
use super::path::{file_name, folder, is_below, is_kustomization};
use super::rewrite::rewrite;
use super::substitute::{Definition, Environment, edits, has_variables, variables};
use crate::file::ManifestFile;
use crate::helm;
use crate::yaml::{Limits, slice};

/// What the user says of the tree.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Variables, before all others.
    pub substitute: BTreeMap<String, Definition>,
    /// The clusters; none to infer them.
    pub clusters: Vec<ClusterOption>,
}

/// A cluster as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterOption {
    /// Its name.
    pub name: String,
    /// Its folders and files, by their names among the sources.
    pub paths: Vec<String>,
    /// Variables of this cluster.
    pub substitute: BTreeMap<String, Definition>,
}

impl ClusterOption {
    fn holds(&self, name: &str) -> bool {
        self.paths.iter().any(|path| path == name || is_below(name, path))
    }
}

/// The files as applied.
#[derive(Debug, Default)]
pub struct Composed {
    /// The files; one that clusters use differently is there once for each.
    pub files: Vec<ManifestFile>,
    /// Which of them belong to which cluster.
    pub clusters: Clusters,
}

/// The files that a document names and that are needed to know what is applied: paths as written in it.
///
/// `name` is the file's name without its folder.
pub fn needed_files(file: &ManifestFile, name: &str) -> Vec<String> {
    let mut paths: Vec<String> = file.roots().flat_map(|root| helm::needed_files(root, name)).collect();
    if is_kustomization(name) {
        for root in file.roots() {
            paths.extend(patches(root).filter_map(|patch| Some(patch_file(&patch)?.text().into_owned())));
        }
    }
    paths
}

/// The words by which a ConfigMap says what a file leaves open: variables that it uses, values that it takes from there.
pub fn needed_words(file: &ManifestFile) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    // A large bundle may hold shell scripts in documents that nobody looks into.
    let documents = file.documents().map(|document| slice(file.text(), &document.span));
    for name in documents.flat_map(variables) {
        words.extend([format!("{name}:"), format!("{name}\"")]);
    }
    for object in file.objects().iter().filter(|object| object.kind() == "HelmRelease") {
        let from = object.spec().map(|spec| spec.list("valuesFrom")).unwrap_or_default();
        words.extend(from.into_iter().filter_map(|entry| Some(format!("name: {}", entry.get("name")?.text()))));
    }
    words
}

/// Makes of the files what GitOps tools make of them.
///
/// A file that clusters use differently gets a further source of the same name for each further form.
pub fn compose(files: &[ManifestFile], sources: &mut Sources, options: &Options, limits: &Limits) -> Composed {
    let names: Vec<String> = files.iter().map(|file| sources.get(file.source()).name.clone()).collect();
    let graph = Graph::new(files, names.iter().map(String::as_str).collect());
    let layout = Layout::new(&graph, options);
    let mut composed =
        Composed { clusters: Clusters { names: layout.names.clone(), ..Clusters::default() }, ..Composed::default() };
    let patches = graph.patch_files();
    let applied: Vec<usize> = (0..files.len()).filter(|index| !patches.contains(index)).collect();
    let forms: Vec<_> = applied.par_iter().map(|index| layout.forms(*index, limits)).collect();
    for (index, forms) in applied.into_iter().zip(forms) {
        let file = &files[index];
        for (number, (mut made, clusters)) in forms.into_iter().enumerate() {
            if number > 0 {
                let original = sources.get(file.source());
                let (name, kind, text) = (original.name.clone(), original.kind, Arc::clone(&original.text));
                made.set_source(sources.add(name, kind, text));
            }
            let source = made.source();
            if clusters.is_empty() {
                composed.clusters.parts.insert(source, layout.part(index));
            } else {
                composed.clusters.of.insert(source, clusters);
            }
            composed.files.push(made);
        }
    }
    branches(&mut composed, sources);
    composed
}

/// Whether two clusters make the same of a file.
fn is_same(a: &ManifestFile, b: &ManifestFile) -> bool {
    a.text() == b.text()
        && a.substitutions == b.substitutions
        && a.templates == b.templates
        && a.namespace == b.namespace
}

/// Where nothing says what belongs together, two folders that hold a pool of one kind and name are two clusters, or a live
/// one and a left-over: what lies in the one branch of the tree is not applied with what lies in the other.
fn branches(composed: &mut Composed, sources: &Sources) {
    let mut twins: BTreeMap<(String, String, String), BTreeSet<&str>> = BTreeMap::new();
    for file in composed.files.iter().filter(|file| composed.clusters.parts.contains_key(&file.source())) {
        for object in file.objects().into_iter().filter(|object| !object.nested && is_pool_kind(&object.kind())) {
            let Some(name) = object.name() else { continue };
            let namespace = object.namespace().unwrap_or_default().into_owned();
            let key = (object.kind().into_owned(), namespace, name.into_owned());
            twins.entry(key).or_default().insert(&sources.get(file.source()).name);
        }
    }
    let mut roots: BTreeSet<String> = BTreeSet::new();
    for paths in twins.values().filter(|paths| paths.len() > 1) {
        let all: Vec<Vec<&str>> = paths.iter().map(|path| path.split('/').collect()).collect();
        // The file's own name tells two files of one folder apart, but no branches.
        let folders = all.iter().map(|path| path.len() - 1).min().unwrap_or(0);
        let common = (0..folders).take_while(|at| all.iter().all(|path| path[*at] == all[0][*at])).count();
        roots.extend(all.iter().map(|path| path[..=common].join("/")));
    }
    for part in composed.clusters.parts.values_mut() {
        part.branch = roots.iter().rfind(|root| part.path == **root || is_below(&part.path, root)).cloned();
    }
}

fn is_pool_kind(kind: &str) -> bool {
    matches!(
        kind,
        "IPAddressPool" | "AddressPool" | "CiliumLoadBalancerIPPool" | "ServiceGroup" | "Eip" | "IPPool" | "ConfigMap"
    )
}

/// Which cluster applies which file, and how.
struct Layout<'g, 'a> {
    graph: &'g Graph<'a>,
    names: Vec<String>,
    /// Per file: the clusters and units that apply it.
    applied: Vec<BTreeMap<Option<u32>, Vec<usize>>>,
    unit_clusters: Vec<Option<u32>>,
    /// The variables of each unit, of each cluster that the user names, of the user, of the whole tree; the first and the
    /// last only when some file asks for them.
    environments: Vec<OnceLock<Environment>>,
    cluster_environments: Vec<Environment>,
    user: Environment,
    tree: OnceLock<Environment>,
}

impl<'g, 'a> Layout<'g, 'a> {
    fn new(graph: &'g Graph<'a>, options: &Options) -> Self {
        let (names, unit_clusters, folders) =
            if options.clusters.is_empty() { inferred(graph) } else { configured(graph, &options.clusters) };
        let mut applied: Vec<BTreeMap<Option<u32>, Vec<usize>>> = vec![BTreeMap::new(); graph.files.len()];
        for (number, unit) in graph.units.iter().enumerate() {
            for file in unit.reach.keys() {
                applied[*file].entry(unit_clusters[number]).or_default().push(number);
            }
        }
        for (file, name) in graph.names.iter().enumerate() {
            for (number, _) in options.clusters.iter().enumerate().filter(|(_, option)| option.holds(name)) {
                applied[file].entry(Some(number as u32)).or_default();
            }
        }
        // What lies beside the objects that begin a cluster is of that cluster, whoever applies it first.
        for (own, name) in applied.iter_mut().zip(&graph.names).filter(|(own, _)| own.is_empty()) {
            let below = |folder: &String| !folder.is_empty() && is_below(name, folder);
            if let Some((_, number)) = folders.iter().filter(|(folder, _)| below(folder)).max_by_key(|(f, _)| f.len()) {
                own.entry(Some(*number)).or_default();
            }
        }
        let environments = graph.units.iter().map(|_| OnceLock::new()).collect();
        let of_cluster = options.clusters.iter().map(|option| Environment::of_user(&option.substitute));
        let cluster_environments = of_cluster.collect();
        let user = Environment::of_user(&options.substitute);
        let tree = OnceLock::new();
        Self { graph, names, applied, unit_clusters, environments, cluster_environments, user, tree }
    }

    /// What a unit puts in.
    fn environment(&self, unit: usize) -> &Environment {
        self.environments[unit].get_or_init(|| {
            let own = self.unit_clusters[unit];
            let near = |file: usize| own.is_some() && self.applied[file].contains_key(&own);
            Environment::of_unit(&self.graph.units[unit], self.graph, &near)
        })
    }

    /// The clusters that apply a file; one `None` for a file of which nothing is said.
    fn clusters_of(&self, file: usize) -> Vec<Option<u32>> {
        let known: Vec<Option<u32>> = self.applied[file].keys().flatten().map(|number| Some(*number)).collect();
        if known.is_empty() { vec![None] } else { known }
    }

    /// The forms of a file, and the clusters that apply each.
    fn forms(&self, file: usize, limits: &Limits) -> Vec<(ManifestFile, BTreeSet<u32>)> {
        let mut forms: Vec<(ManifestFile, BTreeSet<u32>)> = Vec::new();
        for cluster in self.clusters_of(file) {
            let form = self.form(file, cluster, limits);
            match forms.iter_mut().find(|(known, _)| is_same(known, &form)) {
                Some((_, clusters)) => clusters.extend(cluster),
                None => forms.push((form, cluster.into_iter().collect())),
            }
        }
        forms
    }

    /// A file as one cluster applies it.
    fn form(&self, file: usize, cluster: Option<u32>, limits: &Limits) -> ManifestFile {
        let original = &self.graph.files[file];
        let mut units: Vec<usize> = self.applied[file].get(&cluster).cloned().unwrap_or_default();
        if cluster.is_some() {
            units.extend(self.applied[file].get(&None).into_iter().flatten());
        }
        let mut made = original.clone();
        if !is_kustomization(file_name(self.graph.names[file])) {
            made = self.patched(original, file, &units, limits);
        }
        if !has_variables(made.text()) {
            return made;
        }
        let mut asked = vec![&self.user];
        asked.extend(cluster.and_then(|number| self.cluster_environments.get(number as usize)));
        // Applied twice in one cluster with two sets of variables: what differs stays unknown.
        let own: Vec<&Environment> = units.iter().map(|unit| self.environment(*unit)).collect();
        let agree = own.windows(2).all(|pair| pair[0] == pair[1]);
        asked.extend(own.first().copied().filter(|_| agree));
        let is_used = |file: usize| !is_shelved(self.graph.names[file]);
        asked.push(self.tree.get_or_init(|| Environment::of_tree(self.graph, &is_used)));
        let (changes, substitutions) = edits(&made, &asked);
        if !changes.is_empty() {
            made = rewrite(&made, changes, limits);
            made.substitutions = substitutions;
        }
        made
    }

    /// A file with its patches. Where two overlays of one cluster patch it differently, what holds cannot be said.
    fn patched(&self, file: &ManifestFile, index: usize, units: &[usize], limits: &Limits) -> ManifestFile {
        let units = units.iter().map(|number| &self.graph.units[*number]);
        let ways = units.filter_map(|unit| Some((unit, unit.reach.get(&index)?.as_slice())));
        let mut made: Vec<ManifestFile> =
            ways.map(|(unit, chain)| self.patched_by(file.clone(), unit, chain, limits)).collect();
        let differ = made.windows(2).any(|pair| pair[0].text() != pair[1].text());
        let mut first = if made.is_empty() { return file.clone() } else { made.swap_remove(0) };
        if differ {
            for document in 0..first.stream().documents.len() {
                first.leave_out(document);
            }
        }
        first
    }

    fn patched_by(&self, mut file: ManifestFile, unit: &Unit<'a>, chain: &[usize], limits: &Limits) -> ManifestFile {
        for round in patch::rounds(self.graph, chain, unit) {
            let changes = round.changes(&file, limits);
            if !changes.edits.is_empty() {
                file = rewrite(&file, changes.edits, limits);
            }
            for document in changes.unfollowed {
                file.leave_out(document);
            }
            file.namespace = changes.namespace.or(file.namespace);
        }
        file
    }

    fn part(&self, file: usize) -> Part {
        let name = self.graph.names[file];
        Part { path: name.to_owned(), branch: None, shelved: is_shelved(name) }
    }
}

/// The names of the clusters, the cluster of each unit, and the folders that clusters begin in.
type Inferred = (Vec<String>, Vec<Option<u32>>, Vec<(String, u32)>);

/// The clusters that the user names; a unit is of the cluster that its own file lies in.
fn configured(graph: &Graph<'_>, options: &[ClusterOption]) -> Inferred {
    let of = |name: &str| options.iter().position(|option| option.holds(name)).map(|number| number as u32);
    let units = graph.units.iter().map(|unit| of(graph.names[unit.file])).collect();
    (options.iter().map(|option| option.name.clone()).collect(), units, Vec::new())
}

/// Clusters from what GitOps objects say.
///
/// Flux: objects that no other reaches begin a cluster, those of one folder the same one. Argo CD: the destination.
/// Bare kustomizations: those that share a base are different clusters, otherwise they are parts of one.
fn inferred(graph: &Graph<'_>) -> Inferred {
    let units = &graph.units;
    let mut group: Vec<Option<String>> = vec![None; units.len()];
    for (number, unit) in units.iter().enumerate() {
        group[number] = if unit.bare { overlay(graph, number) } else { Some(root_folder(graph, number)) };
        if let Some(destination) = &unit.destination {
            group[number] = Some(destination.clone());
        }
    }
    join_nested(&mut group);
    let keys: BTreeSet<String> = group.iter().flatten().cloned().collect();
    let order: BTreeMap<&String, u32> = keys.iter().enumerate().map(|(number, key)| (key, number as u32)).collect();
    let numbers = group.iter().map(|key| key.as_ref().and_then(|key| order.get(key).copied())).collect();
    let folders = keys.iter().cloned().zip(0..).collect();
    (titles(&keys), numbers, folders)
}

/// The folder of the object that begins the chain which leads to a unit.
fn root_folder(graph: &Graph<'_>, unit: usize) -> String {
    let mut at = unit;
    for _ in 0..32 {
        let file = graph.units[at].file;
        let above = graph.units.iter().enumerate().find(|(number, other)| {
            *number != at && !other.bare && other.file != file && other.reach.contains_key(&file)
        });
        match above {
            Some((number, _)) => at = number,
            None => break,
        }
    }
    folder(graph.names[graph.units[at].file]).to_owned()
}

/// The folder of a bare kustomization that shares files with another: overlays of one base.
fn overlay(graph: &Graph<'_>, unit: usize) -> Option<String> {
    let own = &graph.units[unit];
    let shares = |other: &Unit<'_>| other.bare && other.reach.keys().any(|file| own.reach.contains_key(file));
    let shared = graph.units.iter().enumerate().any(|(number, other)| number != unit && shares(other));
    shared.then(|| folder(graph.names[own.file]).to_owned())
}

/// A folder within another of a cluster is of that cluster.
fn join_nested(group: &mut [Option<String>]) {
    let all: BTreeSet<String> = group.iter().flatten().cloned().collect();
    for key in group.iter_mut().flatten() {
        if let Some(outer) = all.iter().find(|outer| *outer != key && !outer.is_empty() && is_below(key, outer)) {
            key.clone_from(outer);
        }
    }
}

/// Short names: the part after `clusters`, or the last part that tells one from another.
fn titles(keys: &BTreeSet<String>) -> Vec<String> {
    const COMMON: [&str; 9] =
        ["flux-system", "flux", "config", "cluster", "clusters", "kubernetes", "k8s", "overlays", "apps"];
    let title = |key: &String| {
        let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty()).collect();
        let after = parts.iter().position(|part| *part == "clusters").and_then(|at| parts.get(at + 1));
        let last = || parts.iter().rev().find(|part| !COMMON.contains(part));
        after.or_else(last).or(parts.last()).map_or_else(|| "cluster".to_owned(), |part| (*part).to_owned())
    };
    let short: Vec<String> = keys.iter().map(title).collect();
    let unique: BTreeSet<&String> = short.iter().collect();
    if unique.len() == short.len() { short } else { keys.iter().cloned().collect() }
}
