//! Who applies what: kustomizations, Flux Kustomizations and Argo CD Applications, and the files that each reaches.
//!
//! Sources: Kustomize `kustomize.config.k8s.io/v1beta1` `resources`, `bases`, `components`, `patches`; Flux
//! `kustomize.toolkit.fluxcd.io/v1` `spec.path`, `spec.postBuild`; Flux operator `FluxInstance` `spec.sync.path`; Argo CD
//! `spec.source(s).path` and `spec.destination`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::OnceLock;

use super::path::{file_name, folder, is_below, is_kustomization, join, upwards};
use crate::file::ManifestFile;
use crate::object::Object;
use crate::value::{Kind, Value};

/// All texts by name, and who applies them.
pub(super) struct Graph<'a> {
    pub(super) files: &'a [ManifestFile],
    pub(super) names: Vec<&'a str>,
    by_name: BTreeMap<&'a str, usize>,
    /// The kustomization of each folder that has one.
    kustomizations: BTreeMap<String, usize>,
    pub(super) units: Vec<Unit<'a>>,
    /// Per file: whether it is a kustomization that changes what it takes in.
    pub(super) changes: Vec<bool>,
    maps: OnceLock<Vec<VariableMap<'a>>>,
}

/// A mapping that says what variables are.
pub(super) struct VariableMap<'a> {
    /// The file that it stands in.
    pub(super) file: usize,
    /// The ConfigMap or Secret that it is in; `None` for what a Flux Kustomization says itself.
    pub(super) name: Option<String>,
    /// The mapping.
    pub(super) value: Value<'a>,
}

/// Something that applies a folder of manifests.
pub(super) struct Unit<'a> {
    /// The file that it stands in.
    pub(super) file: usize,
    /// A cluster that it names itself (Argo CD's destination).
    pub(super) destination: Option<String>,
    /// `spec` of a Flux Kustomization, for its variables.
    pub(super) spec: Option<Value<'a>>,
    /// Whether it is a bare kustomization that nothing else applies.
    pub(super) bare: bool,
    /// Every file that it reaches, with the kustomizations on the way to it, the outermost first.
    pub(super) reach: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(files: &'a [ManifestFile], names: Vec<&'a str>) -> Self {
        let by_name: BTreeMap<&str, usize> = names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
        let named = names.iter().enumerate().filter(|(_, name)| is_kustomization(file_name(name)));
        let kustomizations = named.map(|(index, name)| (folder(name).to_owned(), index)).collect();
        let changes_some = |root: Value<'_>| {
            patches(root).next().is_some() || root.get("replacements").is_some() || root.get("namespace").is_some()
        };
        let changes =
            |(file, name): (&ManifestFile, &&str)| is_kustomization(file_name(name)) && file.roots().any(changes_some);
        let changes = files.iter().zip(&names).map(changes).collect();
        let (units, maps) = (Vec::new(), OnceLock::new());
        let mut graph = Self { files, names, by_name, kustomizations, units, changes, maps };
        graph.units = graph.find_units();
        graph
    }

    fn find_units(&self) -> Vec<Unit<'a>> {
        let mut units = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            if !["kustomize.toolkit.fluxcd.io", "FluxInstance", "argoproj.io"].iter().any(|w| file.text().contains(w)) {
                continue;
            }
            for object in file.objects().into_iter().filter(|object| !object.nested) {
                units.extend(self.unit_of(index, &object));
            }
        }
        let applied = units.iter().flat_map(|unit| unit.reach.keys().chain(unit.reach.values().flatten()));
        let mut reached: BTreeSet<usize> = applied.copied().collect();
        for (dir, index) in &self.kustomizations {
            reached.extend(self.referenced(dir, *index));
        }
        for (dir, index) in self.kustomizations.iter().filter(|(_, index)| !reached.contains(index)) {
            let reach = self.reach(dir);
            units.push(Unit { file: *index, destination: None, spec: None, bare: true, reach });
        }
        units
    }

    fn unit_of(&self, file: usize, object: &Object<'a>) -> Vec<Unit<'a>> {
        let spec = object.spec();
        let text = |value: Option<Value<'a>>| value.filter(|v| !v.is_null()).map(|v| v.text().into_owned());
        let unit = |path: Option<String>, destination: Option<String>, spec: Option<Value<'a>>| {
            let reach = self.reach(&self.resolve(self.names[file], &path?)?);
            Some(Unit { file, destination, spec, bare: false, reach })
        };
        match (&*object.group(), &*object.kind()) {
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
                let path = text(spec.and_then(|spec| spec.get("path"))).unwrap_or_else(|| "./".to_owned());
                unit(Some(path), None, spec).into_iter().collect()
            }
            ("fluxcd.controlplane.io", "FluxInstance") => {
                let path = spec.and_then(|spec| spec.get("sync")?.get("path"));
                unit(text(path), None, None).into_iter().collect()
            }
            ("argoproj.io", "Application") => {
                let target = spec.and_then(|spec| spec.get("destination"));
                let server = target.and_then(|target| text(target.get("name")).or_else(|| text(target.get("server"))));
                let other = server.filter(|s| s != "https://kubernetes.default.svc" && s != "in-cluster");
                let sources = spec.map(argo_sources).unwrap_or_default().into_iter();
                sources.filter_map(|source| unit(text(source.get("path")), other.clone(), None)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A path from the repository's root as a folder of this tree: the outermost folder above the file that has it.
    fn resolve(&self, from: &str, path: &str) -> Option<String> {
        let mut above: Vec<&str> = upwards(folder(from)).collect();
        above.reverse();
        let holds = |dir: &String| self.below(dir).next().is_some();
        above.into_iter().map(|root| join(root, path)).find(holds)
    }

    /// The files below a folder, by name.
    fn below(&self, dir: &str) -> impl Iterator<Item = (&'a str, usize)> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let from = self.by_name.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.map(|(name, index)| (*name, *index)).take_while(move |(name, _)| name.starts_with(&prefix))
    }

    /// The files that applying a folder reaches.
    fn reach(&self, dir: &str) -> BTreeMap<usize, Vec<usize>> {
        let mut found = BTreeMap::new();
        self.gather(dir, &mut Vec::new(), &mut found);
        found
    }

    /// An overlay that includes itself ends where it began.
    fn gather(&self, dir: &str, chain: &mut Vec<usize>, found: &mut BTreeMap<usize, Vec<usize>>) {
        const DEEPEST: usize = 32;
        if let Some(index) = self.kustomizations.get(dir) {
            if chain.contains(index) || chain.len() >= DEEPEST {
                return;
            }
            chain.push(*index);
            found.entry(*index).or_insert_with(|| chain.clone());
            for entry in self.resources(*index) {
                let path = join(dir, &entry);
                match self.by_name.get(path.as_str()) {
                    Some(file) => {
                        found.entry(*file).or_insert_with(|| chain.clone());
                    }
                    None => self.gather(&path, chain, found),
                }
            }
            chain.pop();
            return;
        }
        if !chain.is_empty() {
            return; // Kustomize takes a folder only by its kustomization.
        }
        // Flux and Argo CD take a folder as it is; a folder in it that has a kustomization is taken by that.
        let mut inner: BTreeSet<&str> = BTreeSet::new();
        for (name, index) in self.below(dir) {
            let own = upwards(folder(name))
                .take_while(|at| is_below(at, dir))
                .filter(|at| self.kustomizations.contains_key(*at));
            match own.last() {
                Some(at) => {
                    inner.insert(at);
                }
                None => {
                    found.entry(index).or_default();
                }
            }
        }
        for at in inner {
            self.gather(at, chain, found);
        }
    }

    /// The paths that a kustomization takes in.
    fn resources(&self, index: usize) -> Vec<String> {
        const LISTS: [&str; 4] = ["resources", "bases", "components", "crds"];
        let roots = self.files[index].roots();
        let lists = roots.flat_map(|root| LISTS.iter().filter_map(move |key| root.get(key)));
        lists.flat_map(|list| list.items()).map(|item| item.text().into_owned()).collect()
    }

    /// The files that are patches of some kustomization, and no objects of their own.
    pub(super) fn patch_files(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (dir, index) in &self.kustomizations {
            for root in self.files[*index].roots() {
                let paths = patches(root).filter_map(|patch| patch_file(&patch));
                found.extend(paths.filter_map(|path| self.by_name.get(join(dir, &path.text()).as_str())));
            }
        }
        found
    }

    /// The kustomizations that a kustomization takes in.
    fn referenced(&self, dir: &str, index: usize) -> Vec<usize> {
        let paths = self.resources(index).into_iter().map(|entry| join(dir, &entry));
        paths.filter_map(|path| self.kustomizations.get(&path).copied()).filter(|other| *other != index).collect()
    }

    /// The file at a path as written in another file.
    pub(super) fn open(&self, from: usize, path: &str) -> Option<&'a ManifestFile> {
        let path = join(folder(self.names[from]), path);
        self.by_name.get(path.as_str()).map(|index| &self.files[*index])
    }

    /// Every mapping of variables in the tree, in the order of files.
    pub(super) fn variable_maps(&self) -> &[VariableMap<'a>] {
        self.maps.get_or_init(|| {
            let mut found = Vec::new();
            for (file, text) in self.files.iter().enumerate().map(|(index, file)| (index, file.text())) {
                if !["ConfigMap", "Secret", "substitute:"].iter().any(|word| text.contains(word)) {
                    continue;
                }
                for object in self.files[file].objects() {
                    let value = match &*object.kind() {
                        "ConfigMap" => object.value.get("data"),
                        "Secret" => object.value.get("stringData"),
                        "Kustomization" => object.spec().and_then(|spec| spec.get("postBuild")?.get("substitute")),
                        _ => None,
                    };
                    let name = object.name().filter(|_| object.kind() != "Kustomization").map(Cow::into_owned);
                    found.extend(value.map(|value| VariableMap { file, name, value }));
                }
            }
            found
        })
    }
}

/// The patches that a kustomization, or a Flux Kustomization's `spec`, lists.
pub(super) fn patches(root: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    ["patches", "patchesJson6902", "patchesStrategicMerge"].into_iter().flat_map(move |key| root.list(key))
}

/// The file that a patch stands in; `None` when it is written inline.
pub(super) fn patch_file<'a>(patch: &Value<'a>) -> Option<Value<'a>> {
    let bare = || Some(*patch).filter(|patch| patch.kind() == Kind::Scalar && !patch.text().contains('\n'));
    patch.get("path").or_else(bare)
}

/// The sources of an Argo CD Application, by its `spec`.
pub(crate) fn argo_sources(spec: Value<'_>) -> Vec<Value<'_>> {
    spec.get("source").into_iter().chain(spec.list("sources")).collect()
}

/// The entries of a mapping of variables, in the clear.
pub(super) fn variables(map: Value<'_>) -> Vec<(String, Value<'_>)> {
    let scalar = |entry: &crate::value::Entry<'_>| entry.value.kind() == Kind::Scalar;
    map.entries().into_iter().filter(scalar).map(|entry| (entry.key.text().into_owned(), entry.value)).collect()
}
